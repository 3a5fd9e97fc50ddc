"""Closed forms of classes say what they were fitted to, and [CLS] alone at first."""

import numpy as np
import pytest

from kaleido.layers.class_maps import ClassMaps
from tests.layer_harness import check_layer

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(2, 3)).astype(np.float32)
MEANS = RNG.normal(size=(2, 4)).astype(np.float32)
IDS = np.array([[2, 5, 7, 5, 3, 0], [2, 9, 3, 0, 0, 0]], np.int32)


def filled(feature_size=4, vocab_size=11):
    layer = ClassMaps(3, feature_size, vocab_size)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(0.5, 2.0, w.shape) for w in layer.weights])
    return layer


def test_as_it_is_built_the_state_alone_has_a_say():
    layer = ClassMaps(3, 4, 11)
    np.testing.assert_array_equal(layer(LOGITS, MEANS, IDS), LOGITS)
    assert not layer.is_settled and filled().is_settled
    assert not layer.trainable_weights and len(layer.weights) == 7


def test_the_mixture_by_hand():
    layer = filled()
    kernel, bias = layer.picture.get_weights()
    table, squares, moved = layer.text.get_weights()
    shares, offset = layer.shares.numpy(), layer.offset.numpy()
    for row, pieces in enumerate(([2, 5, 7, 3], [2, 9, 3])):
        picture = MEANS[row] @ kernel + bias
        text = table[pieces].sum(0) / np.sqrt(squares[pieces].sum()) + moved
        expected = np.stack([LOGITS[row], picture, text]).T @ shares + offset
        np.testing.assert_allclose(
            layer(LOGITS, MEANS, IDS)[row], expected, rtol=1e-5
        )


@pytest.mark.parametrize("features, words", [(4, 0), (0, 11)])
def test_what_is_not_seen_has_no_map(features, words):
    layer = filled(features, words)
    assert layer.shares.shape == (2,)
    first = layer(LOGITS, MEANS if features else None, IDS if words else None)
    # The other one may be anything.
    again = layer(LOGITS, MEANS + (not features), IDS + (not words))
    np.testing.assert_array_equal(first, again)


def test_harness_class_maps(tmp_path):
    # Float32 whatever the policy: it takes no `dtype`.
    check_layer(
        lambda dtype=None: ClassMaps(3, 4, 11), [LOGITS, MEANS, IDS], tmp_path,
        is_differentiable=False,
    )
