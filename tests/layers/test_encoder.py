"""A transformer layer is BERT's, and hidden positions do not exist for others."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kaleido.layers import encoder
from tests.layer_harness import check_layer, randomize


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def make_layer(gelu_kind="exact", **options):
    return encoder.TransformerLayer(16, 4, 24, gelu_kind=gelu_kind, **options)


def filled(layer, states):
    """Builds a layer and gives every weight a value of its own."""
    bias = np.zeros((states.shape[0], 1, 1, states.shape[1]), np.float32)
    layer(states, bias)
    randomize(layer, 0.3)
    return layer


# An independent reading of "Attention is all you need", post-LN, in NumPy.


def layer_norm(x, gamma, beta):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * gamma + beta


def exact_gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def numpy_layer(layer, states, visible, heads, activation):
    """One text at a time, one head at a time; hidden columns left out for good."""
    w = {v.name.split(":")[0].split("/", 1)[-1]: v.numpy() for v in layer.weights}
    size = states.shape[-1]
    each = size // heads
    kernels = np.split(w["qkv/kernel"], 3, axis=1)
    biases = np.split(w["qkv/bias"], 3)
    outputs = []
    for x, seen in zip(states.astype(np.float64), visible):
        query, key, value = (x @ k + b for k, b in zip(kernels, biases))
        contexts = []
        for h in range(heads):
            part = slice(h * each, (h + 1) * each)
            logits = query[:, part] @ key[seen][:, part].T / math.sqrt(each)
            weights = np.exp(logits - logits.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            contexts.append(weights @ value[seen][:, part])
        attended = np.concatenate(contexts, -1) @ w["attention_output/kernel"]
        attended = attended + w["attention_output/bias"]
        x = layer_norm(
            x + attended, w["attention_norm/gamma"], w["attention_norm/beta"]
        )
        changed = activation(x @ w["intermediate/kernel"] + w["intermediate/bias"])
        changed = changed @ w["feed_forward_output/kernel"]
        changed = changed + w["feed_forward_output/bias"]
        outputs.append(
            layer_norm(x + changed, w["output_norm/gamma"], w["output_norm/beta"])
        )
    return np.stack(outputs)


@pytest.mark.parametrize(
    "kind, activation", [("exact", exact_gelu), ("tanh", tanh_gelu)]
)
def test_a_layer_is_post_ln_bert(kind, activation):
    states = random(2, 7, 16)
    visible = np.array([[1] * 7, [1, 1, 0, 1, 1, 0, 0]], bool)
    layer = filled(make_layer(kind), states)
    received = layer(states, encoder.AttentionBias()(tf.constant(visible)))
    expected = numpy_layer(layer, states, visible, 4, activation)
    np.testing.assert_allclose(received, expected, atol=2e-5)


def test_the_two_gelus_differ_and_are_what_they_say():
    x = np.linspace(-4, 4, 101).astype(np.float32)
    np.testing.assert_allclose(encoder.gelu("exact")(x), exact_gelu(x), atol=1e-6)
    np.testing.assert_allclose(encoder.gelu("tanh")(x), tanh_gelu(x), atol=1e-6)
    assert np.abs(exact_gelu(x) - tanh_gelu(x)).max() > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_hidden_positions_do_not_change_others(dtype):
    states = random(1, 6, 16)
    other = states.copy()
    other[:, 4:] = 50.0 * random(1, 2, 16, seed=1)
    visible = tf.constant([[True] * 4 + [False] * 2])
    layer = filled(make_layer(dtype=dtype), states)
    bias = encoder.AttentionBias(dtype=dtype)(visible)
    one, two = (tf.cast(layer(s, bias), tf.float32) for s in (states, other))
    np.testing.assert_allclose(one[:, :4], two[:, :4], atol=1e-6)
    assert np.abs(one[:, 4:] - two[:, 4:]).max() > 0.1


def test_a_square_mask_says_who_sees_whom():
    """Rows look at columns: a causal mask makes a prefix independent of its end."""
    states = random(1, 5, 16)
    layer = filled(make_layer(), states)
    causal = tf.constant(np.tril(np.ones((1, 5, 5), bool)))
    whole = layer(states, encoder.AttentionBias()(causal)).numpy()
    for length in (1, 3):
        part = layer(
            states[:, :length],
            encoder.AttentionBias()(causal[:, :length, :length]),
        )
        np.testing.assert_allclose(whole[:, :length], part, atol=1e-5)


def test_attention_bias_by_hand():
    bias = encoder.AttentionBias()(tf.constant([[True, False, True]]))
    assert bias.shape == (1, 1, 1, 3)
    np.testing.assert_array_equal(bias.numpy().ravel() < -1000, [False, True, False])
    assert bias.numpy().ravel()[0] == 0


def test_dropout_acts_in_training_only():
    states = random(2, 5, 16)
    layer = filled(make_layer(dropout=0.5), states)
    bias = tf.zeros([2, 1, 1, 5])
    np.testing.assert_array_equal(
        layer(states, bias, training=False), layer(states, bias)
    )
    assert np.abs(layer(states, bias, training=True) - layer(states, bias)).max() > 0.1
    # Attention's own dropout, alone.
    layer = filled(make_layer(dropout=0.0, attention_dropout=0.5), states)
    assert np.abs(layer(states, bias, training=True) - layer(states, bias)).max() > 0.01


def test_harness_transformer_layer(tmp_path):
    bias = np.zeros((2, 1, 1, 5), np.float32)
    bias[1, ..., 3:] = -1e4
    check_layer(
        lambda **options: make_layer("tanh", **options),
        [random(2, 5, 16), bias], tmp_path,
    )


def test_harness_attention_bias(tmp_path):
    check_layer(
        encoder.AttentionBias, [np.array([[True, False], [True, True]])], tmp_path,
        is_differentiable=False,
    )
