"""Scores that are computed where they are asked for are those of the whole matrix."""

import numpy as np
import pytest

from kaleido import cosines
from kaleido.cosines import Cosines


@pytest.mark.parametrize("block", [7, 1 << 16])
def test_parts_are_parts_of_the_matrix(monkeypatch, block):
    monkeypatch.setattr(cosines, "_BLOCK", block)
    rng = np.random.default_rng(0)
    images, texts = (rng.normal(size=(n, 4)).astype(np.float32) for n in (9, 6))
    of_images, of_texts = rng.normal(size=9), rng.normal(size=6)
    whole = images @ texts.T - of_images[:, None] - of_texts[None]
    scores = Cosines(images, texts, of_images, of_texts)
    rows = np.array([3, 0, 3])
    np.testing.assert_allclose(scores.of_images(rows), whole[rows], rtol=1e-5)
    np.testing.assert_allclose(scores.of_texts(rows), whole.T[rows], rtol=1e-5)
    i, t = rng.integers(9, size=(2, 5, 3)), rng.integers(6, size=(2, 5, 3))
    found = scores.pairs(i, t)
    assert found.shape == (2, 5, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, whole[i, t], rtol=1e-5)
