"""The context of a caption: whose text it is, by hand and on made-up catalogues."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.caption_baselines import nearest_rows
from kaleido.caption_context import CaptionContext, KnownPairs, learn_context
from kaleido.patches import PatchLayout

LAYOUT = PatchLayout("two", (1, 2))
# Of a picture: two features of level 1, and of level 2 on average. The map takes the
# first of level 1 and the second of level 2, and moves the latter by ten.
ARRAYS = {
    "kernel": np.array([[1, 0], [0, 0], [0, 0], [0, 1]], np.float32),
    "bias": np.array([0, -10], np.float32),
    "pictures": np.array([[1, 0], [0.96, 0.28], [0, 1], [-0.6, 0.8]], np.float32),
    "token_ids": np.array(
        [[2, 7, 3, 0], [2, 8, 8, 3], [2, 9, 3, 0], [2, 6, 3, 0]], np.int32
    ),
    "product_keys": np.array([10, 10, 20, 30], np.int64),
}
TEXTS = ARRAYS["token_ids"]
SPECIAL = np.arange(40) < 4


def patches(mapped):
    """Pictures that the map takes to given places; all else in them is noise."""
    mapped = np.asarray(mapped, np.float32)
    features = np.random.default_rng(0).normal(0, 50, (len(mapped), 5, 2))
    features[:, 0, 0] = mapped[:, 0]
    features[:, 1:, 1] += mapped[:, 1:] + 10 - features[:, 1:, 1].mean(1, keepdims=True)
    return tf.constant(features, tf.float32)


@pytest.fixture(scope="module")
def context():
    return CaptionContext(ARRAYS, LAYOUT)


def test_pictures_are_compared_where_the_map_takes_them(context):
    found = context.texts(patches([[5, 0.1], [0.1, 9], [2, 0.8], [-3, 3]]))
    np.testing.assert_array_equal(found, TEXTS[[0, 2, 1, 3]])


def test_a_product_does_not_read_its_own_text(context):
    asked = patches([[5, 0.1], [2, 0.8], [0.1, 9], [-3, 3]])
    found = context.texts(asked, tf.constant(ARRAYS["product_keys"]))
    # Both of 10 are nearer to 20 than to 30, and so is 30; 20 is nearer to 30.
    np.testing.assert_array_equal(found, TEXTS[[2, 2, 3, 2]])


def test_notes_bring_it_back(context):
    notes = {"pieces": np.ones(3, bool), **context.to_notes()}
    again = CaptionContext.from_notes(notes, LAYOUT)
    asked = patches([[1.2, 3], [2.5, -1]])
    np.testing.assert_array_equal(again.texts(asked), context.texts(asked))
    assert len(again) == 4
    assert CaptionContext.from_notes({"pieces": notes["pieces"]}, LAYOUT) is None


def catalogue(count, seed, knows, large=12):
    """Texts of three words of one of four kinds, and pictures.

    Args:
        count: pairs, two a product.
        seed: of the pairs.
        knows: whether four small features of a picture say which kind it is.
        large: number of features that say nothing.

    Returns:
        `KnownPairs`, and the kinds.
    """
    rng = np.random.default_rng(seed)
    kinds = np.repeat(rng.integers(0, 4, count // 2), 2)
    words = 4 + 9 * kinds[:, None] + rng.integers(0, 9, (count, 3))
    ids = np.pad(words, [[0, 0], [1, 1]], constant_values=2).astype(np.int32)
    small = rng.normal(0, 0.3, (count, 4)) + knows * np.eye(4)[kinds]
    means = np.concatenate([rng.normal(0, 3.0, (count, large)), small], axis=1)
    keys = 1000 + np.arange(count) // 2
    return KnownPairs(means.astype(np.float32), ids, keys), kinds


@pytest.fixture(scope="module")
def learnt():
    train, validation = catalogue(400, 0, True), catalogue(100, 1, True)
    return learn_context(train[0], validation[0], SPECIAL, LAYOUT, 0)


def test_what_tells_texts_apart_is_found(learnt):
    train, kinds = catalogue(400, 0, True)
    new, new_kinds = catalogue(200, 2, True)
    by_features = nearest_rows(train.level_means, new.level_means)
    assert np.mean(kinds[by_features] == new_kinds) < 0.5
    mapped = new.level_means @ learnt.context.arrays["kernel"].numpy()
    mapped += learnt.context.arrays["bias"].numpy()
    pictures = learnt.context.arrays["pictures"].numpy()
    found = nearest_rows(pictures, mapped)
    assert np.mean(kinds[found] == new_kinds) > 0.8
    assert np.mean(kinds[learnt.rows] == kinds) > 0.8


def test_no_product_copies_from_itself(learnt):
    keys = catalogue(400, 0, True)[0].product_keys
    assert (keys[learnt.rows] != keys).all()


def test_training_is_given_no_better_texts_than_a_new_picture_would_be():
    # More features than pairs: all of it can be learnt by heart.
    train, kinds = catalogue(200, 0, False, large=400)
    validation, _ = catalogue(100, 1, False, large=400)
    learnt = learn_context(train, validation, SPECIAL, LAYOUT, 0)
    # Nothing is to be known: a quarter is right by chance, with a deviation of .03.
    assert np.mean(kinds[learnt.rows] == kinds) == pytest.approx(0.25, abs=0.09)
    # A map that has seen a picture's text finds others like it.
    pictures = learnt.context.arrays["pictures"].numpy()
    cosines = pictures @ pictures.T
    cosines[train.product_keys[:, None] == train.product_keys[None]] = -2.0
    assert np.mean(kinds[cosines.argmax(axis=1)] == kinds) > 0.4


def test_two_runs_with_a_seed_are_one(learnt):
    train, validation = catalogue(400, 0, True), catalogue(100, 1, True)
    again = learn_context(train[0], validation[0], SPECIAL, LAYOUT, 0)
    np.testing.assert_array_equal(again.rows, learnt.rows)
    for name, value in learnt.context.arrays.items():
        np.testing.assert_array_equal(again.context.arrays[name], value)


def test_one_product_has_nobody_to_read():
    pairs, _ = catalogue(4, 0, True)
    alone = KnownPairs(pairs.level_means, pairs.token_ids, np.full(4, 10))
    with pytest.raises(ValueError, match="Received: 1 products"):
        learn_context(alone, pairs, SPECIAL, LAYOUT, 0)
