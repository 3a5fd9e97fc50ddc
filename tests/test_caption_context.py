"""The context of a caption: whose text it is, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.caption_context import CaptionContext, describe
from kaleido.patches import PatchLayout

LAYOUT = PatchLayout("two", (1, 2))
# The second feature is a hundred times as large, and says as much as the first.
PICTURES = np.array([[1, 0], [1, 100], [3, 0], [3, 110]], np.float32)
TEXTS = np.array([[2, 7, 3, 0], [2, 8, 8, 3], [2, 9, 3, 0], [2, 6, 3, 0]], np.int32)
PRODUCTS = np.array([10, 10, 20, 30], np.int64)


def patches(pictures):
    """Level 1 as given, then four patches that must not matter."""
    rest = np.random.default_rng(0).normal(0, 50, (len(pictures), 4, 2))
    features = np.concatenate([np.asarray(pictures)[:, None], rest], axis=1)
    return tf.constant(features, tf.float32)


@pytest.fixture(scope="module")
def context():
    return CaptionContext.learn(PICTURES, TEXTS, PRODUCTS, LAYOUT)


def test_pictures_are_compared_by_the_coarsest_level():
    np.testing.assert_array_equal(describe(patches(PICTURES), (1, 2)), PICTURES)


def test_each_feature_counts_by_how_much_it_varies(context):
    found = context.texts(patches([[1.1, 5], [0.9, 99], [2.9, 5], [3.1, 100]]))
    np.testing.assert_array_equal(found, TEXTS)
    # By the raw features' cosine the second would be the fourth's.


def test_a_product_does_not_read_its_own_text(context):
    found = context.texts(patches(PICTURES), tf.constant(PRODUCTS))
    # 20 and 30 are to the right of the two of 10, and 30 is above 20.
    np.testing.assert_array_equal(found, TEXTS[[2, 3, 0, 1]])


def test_notes_bring_it_back(context):
    notes = {"pieces": np.ones(3, bool), **context.to_notes()}
    again = CaptionContext.from_notes(notes, LAYOUT)
    asked = patches([[1.2, 30], [2.5, 80]])
    np.testing.assert_array_equal(again.texts(asked), context.texts(asked))
    assert len(again) == 4
    assert CaptionContext.from_notes({"pieces": notes["pieces"]}, LAYOUT) is None


def test_one_product_has_nobody_to_read():
    with pytest.raises(ValueError, match="Received: 1 products"):
        CaptionContext.learn(PICTURES, TEXTS, np.full(4, 10), LAYOUT)
