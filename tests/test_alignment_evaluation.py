"""The measurement gives each method its own figures, and each word its own map."""

import types

import numpy as np
import pytest
import tensorflow as tf

from kaleido import alignment, caption_pairs
from kaleido.alignment_evaluation import best_patches, evaluate_alignment
from kaleido.catalogs.product import Rejection
from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.grid_features import GRID, GridExtractor
from kaleido.picture_pipeline import PicturePipeline
from kaleido.text import RESERVED, Tokenizer, Vocabulary
from tests.fake_catalog import FakeCatalog

PRODUCTS = 24


def pointing_at(row, column, every=1):
    """A method that gives each `every`-th token the same hot cell."""

    def align(grid, token_ids):
        count, length = tf.unstack(tf.shape(token_ids))
        hot = tf.one_hot(row * GRID + column, GRID**2)
        maps = tf.tile(tf.reshape(hot, [1, 1, GRID, GRID]), [count, length, 1, 1])
        has = tf.tile((tf.range(length) % every == 0)[None], [count, 1])
        patches, scores = alignment.best_patches(maps, has)
        return {
            "alignments": patches, "alignment_scores": scores, "alignment_maps": maps,
            "caption_ids": tf.zeros_like(token_ids),
        }

    return align


# 15 s of processor time.
@pytest.mark.slow
def test_methods_and_baselines_are_measured_alike(english):
    catalog = RenderedCatalog(PRODUCTS, seed=3, views=1)
    results = evaluate_alignment(
        catalog, PicturePipeline("mask", None, 8), Tokenizer(english), GridExtractor(),
        {"middle": pointing_at(6, 6), "some": pointing_at(6, 6, every=3)}, 64, seed=0,
    )
    assert results["products"] == PRODUCTS and results["words"] > 10 * PRODUCTS
    methods, baselines = results["methods"], results["baselines"]
    middle = methods["middle"]["all"]
    # A fixed cell is its own average over the catalogue.
    average = baselines["word average of middle"]["all"]
    assert middle["coverage"] == 1.0
    assert average["pointing"] == pytest.approx(middle["pointing"], abs=0.02)
    # The middle of the box is on the body of what is worn.
    assert methods["middle"]["parts"]["body"]["pointing"] > 0.9
    assert 0.2 < methods["some"]["all"]["coverage"] < 0.6
    oracle = baselines["true prior (oracle)"]["all"]
    chance = baselines["random patch"]["all"]
    assert oracle["pointing"] > middle["pointing"] > chance["pointing"]
    # On equal words: those that the method aligned, for each baseline.
    for name in ("some", "middle"):
        same, own = methods[name]["same_words"], methods[name]["all"]
        assert set(same) == set(baselines)
        assert same["random patch"]["all"]["coverage"] == own["coverage"]
        # Of a word that no other product has, a prior knows nothing.
        assert same["true prior (oracle)"]["all"]["coverage"] <= own["coverage"]
    assert methods["middle"]["same_words"] == baselines | {
        "word average of some": methods["middle"]["same_words"]["word average of some"]
    }


def test_patches_of_words_are_those_of_tokens():
    maps = np.zeros((2, GRID, GRID), np.float32)
    maps[0, 0, 13] = maps[1, 13, 0] = 1.0
    found = best_patches(maps, np.array([True, False]))
    assert found.tolist() == [[2, 3, 4], [-1, -1, -1]]


# 10 s of processor time.
@pytest.mark.slow
def test_pairs_are_computed_once(tmp_path, english, monkeypatch):
    catalog = RenderedCatalog(10, seed=3, views=1)
    arguments = (
        PicturePipeline("border", None, 4), GridExtractor(), Tokenizer(english), 32,
        str(tmp_path / "train"),
    )
    pairs, rejected = caption_pairs.make_pairs(catalog, np.arange(6), *arguments)
    assert len(pairs) == 6 and rejected == 0
    assert pairs.grids.shape == (6, GRID, GRID, 112) and (pairs.grids != 0).any()
    texts = [product.text for product in catalog.read(range(6))]
    np.testing.assert_array_equal(
        pairs.token_ids, Tokenizer(english)(tf.constant(texts), 32)
    )
    monkeypatch.setattr(
        RenderedCatalog, "read", lambda *_: pytest.fail("read once more")
    )
    again, _ = caption_pairs.make_pairs(catalog, np.arange(6), *arguments)
    np.testing.assert_array_equal(again.grids, pairs.grids)
    with pytest.raises(ValueError, match="the pairs of another job"):
        caption_pairs.make_pairs(catalog, np.arange(7), *arguments)


def test_rows_of_which_none_can_be_used_are_an_error_and_leave_no_pairs(tmp_path):
    class Empty(FakeCatalog):
        def read(self, rows):
            for row in rows:
                yield Rejection(int(row), "i", "missing_picture", "no such file")

    with pytest.raises(ValueError, match="None of 3 rows for train.*no such file"):
        caption_pairs.make_pairs(
            Empty(), np.arange(3), PicturePipeline("border", None, 4),
            types.SimpleNamespace(fingerprint="", channels=4, __call__=None),
            Tokenizer(Vocabulary((*RESERVED, "dress"))), 8, str(tmp_path / "train"),
        )
    assert not (tmp_path / "train" / "pairs.json").exists()
