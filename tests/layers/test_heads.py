"""Heads pick, mean, classify and match as BERT's and the paper's do."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import models
from kaleido.layers import heads
from kaleido.layers.contrastive import WORD_SHARE, ContrastiveHead
from tests.layer_harness import check_layer, randomize
from tests.layers.test_encoder import exact_gelu, layer_norm, random, tanh_gelu


def affine(dense, x):
    return x @ dense.kernel.numpy() + dense.bias.numpy()


def test_states_are_picked_by_position_of_each_row():
    states = random(2, 4, 3)
    picked = heads.GatherStates()(states, tf.constant([[3, 1], [0, -1]]))
    np.testing.assert_array_equal(picked[0], states[0, [3, 1]])
    np.testing.assert_array_equal(picked[1], states[1, [0, 0]])


def test_modalities_and_levels_are_parted_where_they_were_joined():
    states = random(2, 3 + 5, 4)
    text, patches = heads.SplitModalities(5)(states)
    np.testing.assert_array_equal(text, states[:, :3])
    np.testing.assert_array_equal(patches, states[:, 3:])
    one, four = heads.SplitLevels((1, 2))(patches)
    np.testing.assert_array_equal(one, states[:, 3:4])
    np.testing.assert_array_equal(four, states[:, 4:])
    np.testing.assert_array_equal(heads.FirstState()(states), states[:, 0])


def test_mean_state_leaves_padding_out():
    states = random(3, 4, 2)
    visible = tf.constant([[True] * 4, [True, False, True, False], [False] * 4])
    means = heads.MeanState()(states, visible)
    np.testing.assert_allclose(means[0], states[0].mean(0), atol=1e-6)
    np.testing.assert_allclose(means[1], states[1, [0, 2]].mean(0), atol=1e-6)
    np.testing.assert_array_equal(means[2], [0, 0])


def test_level_means_by_hand():
    features = random(2, 14, 3)
    visible = np.ones((2, 14), bool)
    means = heads.LevelMeans((1, 2, 3), (3, 1))(features, visible)
    expected = np.concatenate([features[:, 5:].mean(1), features[:, 0]], axis=1)
    np.testing.assert_allclose(means, expected, atol=1e-6)
    np.testing.assert_allclose(
        heads.level_means(features, (1, 2, 3), (3, 1)), expected, atol=1e-6
    )
    # What is not seen does not count; nothing seen is nothing.
    visible[0, [5, 6, 7]] = visible[1, 0] = False
    means = heads.LevelMeans((1, 2, 3), (3, 1))(features, visible).numpy()
    np.testing.assert_allclose(means[0, :3], features[0, 8:].mean(0), atol=1e-6)
    np.testing.assert_array_equal(means[1, 3:], 0)


@pytest.mark.parametrize("kind, gelu", [("exact", exact_gelu), ("tanh", tanh_gelu)])
def test_the_masked_language_transform_by_hand(kind, gelu):
    states = random(2, 3, 6)
    layer = heads.MaskedLanguageTransform(6, kind)
    layer(states)
    randomize(layer, 0.5)
    changed = gelu(affine(layer.transform, states))
    expected = layer_norm(changed, layer.norm.gamma.numpy(), layer.norm.beta.numpy())
    np.testing.assert_allclose(layer(states), expected, atol=2e-5)


def test_a_level_is_classified_by_all_its_states_side_by_side():
    states = random(2, 4, 3)
    layer = heads.LevelClassifier(24)
    layer(states)
    randomize(layer, 0.5)
    kernel, bias = (v.numpy() for v in layer.output_layer.weights)
    assert kernel.shape == (12, 24)
    expected = np.stack([row.ravel() @ kernel + bias for row in states])
    np.testing.assert_allclose(layer(states), expected, atol=1e-5)


def test_the_odd_one_out_is_the_state_least_like_the_mean():
    mean = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], np.float32)
    states = np.stack([mean, 3.0 * mean, mean, mean], axis=1)
    states[0, 2] = [0.0, 1.0, 0.0]
    states[1, 0] = [3.0, 4.0, 0.0]
    layer = heads.LevelClassifier(4, oddness_path=True)
    layer(states, mean)
    layer.output_layer.kernel.assign(tf.zeros([12, 4]))
    # Ten times minus the cosine.
    expected = [[-10.0, -10.0, 0.0, -10.0], [-8.0, -10.0, -10.0, -10.0]]
    np.testing.assert_allclose(layer(states, mean), expected, atol=1e-5)


def test_output_bias_is_added_in_float32():
    layer = heads.OutputBias(dtype="mixed_float16")
    logits = tf.constant([[1.0, 2.0]], tf.float16)
    layer(logits)
    layer.bias.assign([2.0**-14, 0.0])  # lost in half precision beside 1
    result = layer(logits)
    assert result.dtype == tf.float32 and result[0, 0].numpy() == 1 + 2.0**-14


def test_two_match_units_are_log_odds():
    pooled, text, patches = random(5, 6), random(5, 6, seed=1), random(5, 6, seed=2)
    layer = heads.MatchHead(units=2)
    layer(pooled, text, patches)
    randomize(layer, 0.5)
    logits = affine(layer.output_layer, pooled)
    yes = np.exp(logits[:, 1]) / np.exp(logits).sum(1)
    np.testing.assert_allclose(
        tf.sigmoid(layer(pooled, text, patches)), yes, atol=1e-5
    )


def test_the_similarity_path_adds_multiples_of_two_cosines():
    pooled, text, patches = random(5, 6), random(5, 6, seed=1), random(5, 6, seed=2)
    similarity = np.array([-1, -0.2, 0, 0.4, 1], np.float32)
    layer = heads.MatchHead(similarity_path=True)
    layer(pooled, text, patches, similarity)
    randomize(layer, 0.5)
    cosine = (text * patches).sum(1) / (
        np.linalg.norm(text, axis=1) * np.linalg.norm(patches, axis=1)
    )
    linear = affine(layer.output_layer, pooled)
    expected = linear[:, 0] + layer.joint_scale.numpy() * cosine
    expected += layer.scale.numpy() * (similarity - layer.threshold.numpy())
    received = layer(pooled, text, patches, similarity)
    np.testing.assert_allclose(received, expected, atol=1e-4)


def test_a_pairs_vector_is_a_unit_vector():
    pooled = random(3, 6)
    layer = heads.FusionHead(4)
    layer(pooled)
    randomize(layer, 0.5)
    expected = affine(layer.output_layer, pooled)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(pooled), expected, atol=1e-5)


def test_contrastive_vectors_by_hand():
    states, means = random(3, 6), random(3, 9, seed=1)
    layer = ContrastiveHead(4, shortcut=True)
    layer(states, means)
    layer(states, is_text=True)
    # With a shortcut, training begins from the closed-form map alone.
    first = means @ layer.shortcut.kernel.numpy()
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(states, means), first, atol=1e-5)
    randomize(layer, 0.5)

    image = affine(layer.image_projection, states)
    image = image + affine(layer.shortcut, means)
    image /= np.linalg.norm(image, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(states, means), image, atol=1e-5)
    # Sentence encoders are trained on unit vectors.
    unit = states / np.linalg.norm(states, axis=1, keepdims=True)
    text = affine(layer.text_projection, unit)
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(states, is_text=True), text, atol=1e-5)


def test_the_shortcut_drops_out_in_training_only():
    states, means = random(200, 6), random(200, 9, seed=1)
    layer = ContrastiveHead(9, shortcut=True, shortcut_dropout=0.2)
    layer(states, means)
    layer.shortcut.kernel.assign(np.eye(9))
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(states, means), unit, atol=1e-5)
    trained = layer(states, means, training=True).numpy()
    assert 0.15 < (trained == 0).mean() < 0.25
    # What is left stands in its old proportions.
    kept = np.where(trained == 0, 0, means)
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    np.testing.assert_allclose(trained, kept, atol=1e-5)


def test_words_stand_behind_with_their_share():
    states, means = random(3, 6), random(3, 9, seed=1)
    ids = np.array([[2, 5, 3], [7, 7, 3], [9, 0, 0]], np.int32)
    words = {"token_ids": ids, "seen": ids != 0, "is_text": True}
    layer = ContrastiveHead(4, shortcut=True, word_size=5, vocab_size=11)
    plain = ContrastiveHead(4, shortcut=True)
    for head in (layer, plain):
        head(states, means)
        head(states, **words)
        randomize(head, 0.5)
    for name in ("text_projection", "image_projection", "shortcut"):
        getattr(plain, name).set_weights(getattr(layer, name).get_weights())
    image = affine(layer.word_shortcut, means)
    image /= np.linalg.norm(image, axis=1, keepdims=True)
    for received, first, second in (
        (layer(states, means), plain(states, means), image),
        (layer(states, **words), plain(states, is_text=True),
         layer.words(ids, ids != 0)),
    ):
        share = np.sqrt([1 - WORD_SHARE, WORD_SHARE])
        expected = share[0] * first.numpy(), share[1] * np.asarray(second)
        np.testing.assert_allclose(received, np.concatenate(expected, 1), atol=1e-5)
    trained = {weight.name for weight in layer.trainable_weights}
    assert not any("words/" in name for name in trained)
    assert any("word_shortcut" in name for name in trained)


def test_the_temperature_is_clips_and_bounded():
    layer = ContrastiveHead(4)
    layer(random(1, 3))
    np.testing.assert_allclose(layer.scale, 1 / 0.07, rtol=1e-3)
    layer.log_scale.assign(9.0)
    assert layer.scale.numpy() == 100.0


# Harness


def three(*shape):
    return [random(*shape, seed=i) for i in range(3)]


HARNESS = {
    "gather": (
        heads.GatherStates,
        [random(2, 4, 3), np.array([[3, 1], [0, -1]], np.int32)], {},
    ),
    "first": (heads.FirstState, [random(2, 4, 3)], {}),
    "modalities": (lambda **o: heads.SplitModalities(3, **o), [random(2, 4, 3)], {}),
    "levels": (lambda **o: heads.SplitLevels((1, 2), **o), [random(2, 5, 3)], {}),
    "mlm": (lambda **o: heads.MaskedLanguageTransform(6, **o), [random(2, 3, 6)], {}),
    "bias": (heads.OutputBias, [random(2, 3)], {}),
    "classifier": (lambda **o: heads.LevelClassifier(9, **o), [random(2, 4, 3)], {}),
    "surroundings": (
        lambda **o: heads.AddSurroundings(3, 2, **o),
        [random(2, 9, 3), random(2, 4, 3)], {},
    ),
    "odd one out": (
        lambda **o: heads.LevelClassifier(4, oddness_path=True, **o),
        [random(2, 4, 3), random(2, 3)], {},
    ),
    "match": (
        lambda **o: heads.MatchHead(1, True, **o),
        [*three(4, 6), np.array([-0.5, 0.1, 0.5, 0.9], np.float32)], {},
    ),
    "match of two": (lambda **o: heads.MatchHead(2, **o), three(4, 6), {}),
    "fusion": (lambda **o: heads.FusionHead(4, **o), [random(3, 6)], {}),
    "mean": (
        heads.MeanState,
        [random(2, 3, 4), np.array([[True, True, False], [True] * 3])], {},
    ),
    "image tower": (lambda **o: heads.ImageTower(6, **o), [random(3, 10)], {}),
    "level means": (
        lambda **o: heads.LevelMeans((1, 2), (2, 1), **o),
        [random(2, 5, 3), np.array([[True] * 5, [True, True, False, True, True]])], {},
    ),
}


@pytest.mark.parametrize("name", HARNESS)
def test_harness(name, tmp_path):
    make, inputs, arguments = HARNESS[name]
    check_layer(make, inputs, tmp_path, arguments)


def test_harness_contrastive_head_with_words(tmp_path):
    def make(dtype=None):
        return ContrastiveHead(4, shortcut=True, word_size=5, vocab_size=11)

    check_layer(
        make, [random(3, 6), random(3, 9, seed=1)], tmp_path,
        without_gradient={"text_projection", "log_scale"},
    )


def test_harness_contrastive_head(tmp_path):
    # Float32 whatever the policy: it takes no `dtype`.
    def make(dtype=None):
        return ContrastiveHead(4, shortcut=True)

    # The text's projection and the temperature lie on other paths.
    check_layer(
        make, [random(3, 6), random(3, 9, seed=1)], tmp_path,
        without_gradient={"text_projection", "log_scale"},
    )


@pytest.mark.parametrize(
    "make, value",
    [(models._VisibleText, np.array([[5, 0], [1, 2]], np.int32)),
     (models._VisibleAll, random(2, 3, 4))],
)
def test_harness_visibility(make, value, tmp_path):
    check_layer(make, [value], tmp_path, is_differentiable=False)
