"""Embeddings are the sums that the paper and the authors' code say."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.layers import embeddings
from tests.layer_harness import check_layer, randomize
from tests.layers.test_encoder import layer_norm, random

LEVELS = (1, 2)


def text_layer(**options):
    return embeddings.TextEmbedding(11, 8, max_positions=6, **options)


def patch_layer(projection="shared", **options):
    return embeddings.PatchEmbedding(LEVELS, 8, projection, **options)


def patch_inputs():
    return random(3, 5, 7), random(3, 5, 5, seed=1)


# Text


def test_text_is_piece_plus_position_plus_segment():
    ids = tf.constant([[3, 10, 0], [7, 7, 1]])
    layer = text_layer()
    layer(ids)
    randomize(layer, 0.5)
    words, positions, segments = (
        v.numpy() for v in (layer.words, layer.positions, layer.segments)
    )
    total = words[ids.numpy()] + positions[:3] + segments[0]
    expected = layer_norm(total, layer.norm.gamma.numpy(), layer.norm.beta.numpy())
    np.testing.assert_allclose(layer(ids), expected, atol=1e-5)


def test_the_output_matrix_is_the_embedding_table():
    layer = text_layer()
    layer(tf.constant([[1]]))
    randomize(layer, 0.5)
    states = random(2, 3, 8)
    np.testing.assert_allclose(
        layer(states, reverse=True), states @ layer.words.numpy().T, atol=1e-5
    )


def test_text_dropout_acts_in_training_only():
    ids = tf.constant([[1, 2, 3]])
    layer = text_layer(dropout=0.5)
    np.testing.assert_array_equal(layer(ids), layer(ids, training=False))
    assert (layer(ids, training=True).numpy() == 0).any()


# Patches


def test_the_papers_patch_embedding_by_hand():
    features, positions = patch_inputs()
    layer = patch_layer()
    layer(features, positions)
    randomize(layer, 0.5)
    (projection,), place = layer.projections, layer.position_projection
    total = (
        features @ projection.kernel.numpy() + projection.bias.numpy()
        + positions @ place.kernel.numpy() + place.bias.numpy()
        + layer.modality.numpy()
    )
    norm = layer.norms[0]
    expected = layer_norm(total, norm.gamma.numpy(), norm.beta.numpy())
    np.testing.assert_allclose(layer(features, positions), expected, atol=1e-5)


@pytest.mark.parametrize("type_rows", [2, 6])
def test_the_authors_patch_embedding_by_hand(type_rows):
    """A projector, type table and LayerNorm a level; one position matrix for all.

    Level k has segment id k. The authors look it up as a one-hot row, so an id
    that the table does not have adds nothing.
    """
    features, positions = patch_inputs()
    layer = patch_layer("per_level", type_rows=type_rows)
    layer(features, positions)
    randomize(layer, 0.5)
    assert all(not p.use_bias for p in layer.projections)
    assert not layer.position_projection.use_bias
    placed = positions @ layer.position_projection.kernel.numpy()
    expected = []
    for index, patches in enumerate((slice(0, 1), slice(1, 5))):
        total = features[:, patches] @ layer.projections[index].kernel.numpy()
        total = total + placed[:, patches]
        one_hot = np.zeros(type_rows)
        one_hot[index + 1 : index + 2] = 1.0
        total = total + one_hot @ layer.types[index].numpy()
        norm = layer.norms[index]
        expected.append(layer_norm(total, norm.gamma.numpy(), norm.beta.numpy()))
    np.testing.assert_allclose(
        layer(features, positions), np.concatenate(expected, axis=1), atol=1e-5
    )


def test_the_authors_drop_out_raw_features_too():
    features, positions = patch_inputs()
    layer = patch_layer("per_level", dropout=0.3)
    layer(features, positions)
    randomize(layer, 0.5)
    # Pushed far off zero, so that zeros are dropout's.
    for norm in layer.norms:
        norm.beta.assign(np.full(8, 40.0))
    trained = layer(features, positions, training=True).numpy()
    kept = trained[trained != 0] * 0.7
    clean = layer(features, positions).numpy()[trained != 0]
    assert np.abs(kept - clean).max() > 0.1
    # The paper's variant drops out the result alone.
    layer = patch_layer("shared", dropout=0.3)
    layer(features, positions)
    randomize(layer, 0.5)
    trained = layer(features, positions, training=True).numpy()
    clean = layer(features, positions).numpy()
    np.testing.assert_allclose(
        trained[trained != 0] * 0.7, clean[trained != 0], rtol=1e-4, atol=1e-5
    )


# Harness


def test_harness_text_embedding(tmp_path):
    check_layer(
        text_layer, [np.array([[3, 10, 0], [7, 7, 1]], np.int32)], tmp_path
    )


def test_harness_text_embedding_reversed(tmp_path):
    # Gradients: the table alone is used.
    layer = text_layer()
    layer(tf.constant([[1]]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(random(1, 2, 8), reverse=True))
    assert tape.gradient(total, layer.words) is not None


@pytest.mark.parametrize(
    "projection, type_rows, unused",
    # With two rows the second level's table is beyond reach, as the authors'.
    [("shared", 2, set()), ("per_level", 3, set()), ("per_level", 2, {"types_2"})],
)
def test_harness_patch_embedding(projection, type_rows, unused, tmp_path):
    check_layer(
        lambda **options: patch_layer(projection, type_rows=type_rows, **options),
        patch_inputs(), tmp_path, without_gradient=unused,
    )
