"""Candidates that are near to everything give way, by hand and on drawn pools."""

import numpy as np
import pytest

from kaleido import hubness
from kaleido.hubness import Hubness, choose_weights
from kaleido.manifest import draw_manifest


def unit(vectors):
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_hubness_is_the_mean_of_the_nearest(monkeypatch):
    monkeypatch.setattr(hubness, "NEIGHBOURS", 2)
    bank = unit([[1, 0], [0, 1], [-1, 0]])
    vectors = unit([[1, 0], [1, 1]])
    expected = [(1 + 0) / 2, np.sqrt(0.5)]
    np.testing.assert_allclose(hubness.hubness(vectors, bank), expected, rtol=1e-6)
    # Of a smaller bank all count, of none nothing is known.
    one = hubness.hubness(vectors, bank[:1])
    np.testing.assert_allclose(one, [1, np.sqrt(0.5)], rtol=1e-6)
    assert hubness.hubness(vectors, bank[:0]).tolist() == [0, 0]


@pytest.mark.parametrize("block", [3, 1024])
def test_blocks_do_not_show(monkeypatch, block):
    rng = np.random.default_rng(0)
    vectors, bank = unit(rng.normal(size=(10, 4))), unit(rng.normal(size=(30, 4)))
    monkeypatch.setattr(hubness, "_BLOCK", block)
    expected = np.sort(vectors @ bank.T, axis=1)[:, -10:].mean(axis=1)
    np.testing.assert_allclose(hubness.hubness(vectors, bank), expected, rtol=1e-5)


def test_the_candidate_pays_and_not_the_query():
    images, texts = unit([[1, 0], [0, 1]]), unit([[1, 1], [1, 0]])
    bank = unit([[1, 0]]), unit([[0, 1]])
    similarity = 20 * images @ texts.T
    weights = {"itr": 0.5, "tir": 0.25}
    corrected = Hubness((images, texts), bank, 20.0).correct(weights)
    itr, tir = (corrected[task].of_images(np.arange(2)) for task in ("itr", "tir"))
    of_texts, of_images = [np.sqrt(0.5), 1.0], [0.0, 1.0]
    for row in range(2):
        for column in range(2):
            own = similarity[row, column]
            assert itr[row, column] == pytest.approx(
                own - 10 * of_texts[column], abs=1e-4
            )
            assert tir[row, column] == pytest.approx(
                own - 5 * of_images[row], abs=1e-4
            )


def drawn(hub):
    """A pool whose texts lean towards one direction, some of them more than others."""
    rng = np.random.default_rng(0)
    count, size = 120, 24
    things = rng.normal(size=(3 * count, size))
    lean = np.abs(rng.normal(size=(3 * count, 1))) * hub
    middle = np.ones((1, size)) / np.sqrt(size)
    images = unit(things + rng.normal(size=things.shape) + 4 * middle)
    texts = unit(things + rng.normal(size=things.shape) + lean * middle)
    keys = np.arange(count)
    manifest = draw_manifest(
        [f"{i:03d}" for i in range(count)], keys, keys, keys, ["a"] * count, draws=1,
        candidates=101,
    )
    pool, bank = (images[:count], texts[:count]), (images[count:], texts[count:])
    return manifest, Hubness(pool, bank)


def test_hubs_are_found_on_validation_and_make_way():
    weights, tried = choose_weights(*drawn(hub=8.0))
    shares = {t["weight"]: t["itr"] for t in tried}
    assert tuple(shares) == hubness.WEIGHTS and weights["itr"] > 0
    assert shares[weights["itr"]] == max(shares.values()) > shares[0.0] + 0.03


def test_each_task_has_the_weight_that_is_best_for_it():
    manifest, pool = drawn(hub=8.0)
    # What is known of pictures is noise: only texts are corrected.
    rng = np.random.default_rng(1)
    pool._of_images = 3 * rng.normal(size=120).astype(np.float32)
    weights, tried = choose_weights(manifest, pool)
    assert weights["tir"] == 0.0 < weights["itr"]
    for task, weight in weights.items():
        best = max(row[task] for row in tried)
        assert next(r for r in tried if r["weight"] == weight)[task] == best


def test_what_is_no_help_gets_no_weight():
    manifest, noise = drawn(hub=0.0)
    rng = np.random.default_rng(1)
    noise._of_images, noise._of_texts = rng.normal(size=(2, 120)).astype(np.float32)
    assert choose_weights(manifest, noise)[0] == {"itr": 0.0, "tir": 0.0}
