"""A text's word vector is that of its set of pieces, and no more."""

import numpy as np
import tensorflow as tf

from kaleido.layers.lexical import TextWords
from kaleido.lexical_map import WordBasis
from tests.layer_harness import check_layer

IDS = np.array([[2, 5, 7, 5, 3, 0], [2, 9, 3, 0, 0, 0]], np.int32)


def layer_of(vocab_size=11, size=4):
    layer = TextWords(vocab_size, size)
    layer(IDS, IDS != 0)
    rng = np.random.default_rng(0)
    layer.set_weights(
        [
            rng.normal(size=(vocab_size, size)), rng.uniform(0.5, 2.0, vocab_size),
            rng.normal(size=size),
        ]
    )
    return layer


def test_the_vector_by_hand():
    layer = layer_of()
    table, squares, bias = layer.get_weights()
    for row, pieces in enumerate(([2, 5, 7, 3], [2, 9, 3])):
        expected = table[pieces].sum(0) / np.sqrt(squares[pieces].sum()) + bias
        expected /= np.linalg.norm(expected)
        np.testing.assert_allclose(layer(IDS, IDS != 0)[row], expected, atol=1e-5)


def test_order_repetition_and_what_is_not_seen_do_not_matter():
    layer = layer_of()
    expected = layer(IDS, IDS != 0).numpy()
    other = np.array([[7, 3, 2, 5, 5, 7], [3, 3, 9, 2, 0, 0]], np.int32)
    np.testing.assert_allclose(layer(other, other != 0), expected, atol=1e-5)
    # A piece whose first place is hidden still counts at its second.
    seen = IDS != 0
    seen[0, 1] = False
    np.testing.assert_allclose(layer(IDS, seen), expected, atol=1e-5)
    seen[0, 3] = False
    assert np.abs(layer(IDS, seen).numpy()[0] - expected[0]).max() > 0.01
    # Hidden pieces have no say in which others come first.
    hidden = np.array([[4, 5, 7, 5, 3, 2]], np.int32)
    seen = np.array([[False, True, True, True, True, True]])
    np.testing.assert_allclose(layer(hidden, seen)[0], expected[0], atol=1e-5)


def test_with_a_basis_it_is_the_basis():
    rng = np.random.default_rng(1)
    basis = WordBasis(
        rng.normal(size=(11, 4)).astype(np.float32),
        rng.uniform(0.5, 2.0, 11).astype(np.float32),
    )
    layer = layer_of()
    layer.set_weights([basis.table, basis.squares, np.zeros(4)])
    # Padding is no piece of a basis.
    basis.table[0], basis.squares[0] = 0.0, 0.0
    vectors = basis.vectors(IDS)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(IDS, IDS != 0), vectors, atol=1e-5)


def test_nothing_is_trained():
    layer = layer_of()
    assert not layer.trainable_weights and len(layer.weights) == 3
    with tf.GradientTape() as tape:
        tape.watch(layer.table)
        vectors = layer(IDS, IDS != 0)
    assert tape.gradient(vectors, layer.trainable_weights) == []


def test_harness_text_words(tmp_path):
    # Float32 whatever the policy: it takes no `dtype`.
    check_layer(
        lambda dtype=None: TextWords(11, 4), [IDS, IDS != 0], tmp_path,
        is_differentiable=False,
    )
