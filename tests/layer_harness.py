"""One harness for every layer of ours: what Keras expects of a layer, checked alike.

A layer's own test says what it computes; this says that it computes the same
from its configuration, from a file, inside a graph, compiled, and in half
precision, and that all of its weights learn.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Set

import numpy as np
import tensorflow as tf

from kaleido.freezing import freeze


def check_layer(
    make: Callable[..., tf.keras.layers.Layer],
    inputs: Sequence[np.ndarray],
    tmp_path,
    call_arguments: Optional[Dict[str, Any]] = None,
    without_gradient: Set[str] = frozenset(),
    half_tolerance: float = 0.05,
    is_differentiable: bool = True,
) -> None:
    """Runs all checks.

    Args:
        make: builds the layer; takes `dtype`.
        inputs: float32, int32 or bool arrays, the layer's positional arguments.
        tmp_path: a folder for the saved model.
        call_arguments: further arguments of the call.
        without_gradient: names of weights that this call does not use.
        half_tolerance: greatest difference in half precision, relative to the
            greatest output.
        is_differentiable: whether outputs depend smoothly on weights or inputs.
    """
    arguments = call_arguments or {}
    inputs = [tf.constant(value) for value in inputs]
    layer = make()
    expected = layer(*inputs, **arguments)
    randomize(layer, 0.1)
    expected = layer(*inputs, **arguments)

    _check_config(layer, inputs, arguments, expected)
    _check_saving(layer, inputs, arguments, expected, tmp_path)
    _check_graphs(layer, inputs, arguments, expected)
    for policy in ("mixed_bfloat16", "mixed_float16"):
        _check_half(make, layer, inputs, arguments, expected, policy, half_tolerance)
    if is_differentiable:
        _check_gradients(layer, inputs, arguments, without_gradient)


def randomize(layer: tf.keras.layers.Layer, spread: float) -> None:
    """Gives all weights values, so that no zero hides what it multiplies."""
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        noise = rng.normal(0.0, spread, weight.shape)
        weight.assign(weight.numpy() + noise.astype(np.float32))


def _compare(received, expected, **tolerance):
    tf.nest.assert_same_structure(received, expected)
    for one, other in zip(tf.nest.flatten(received), tf.nest.flatten(expected)):
        one, other = (np.asarray(tf.cast(v, tf.float32)) for v in (one, other))
        assert np.isfinite(one).all()
        np.testing.assert_allclose(one, other, **tolerance)


def _check_config(layer, inputs, arguments, expected):
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    copy(*inputs, **arguments)
    copy.set_weights(layer.get_weights())
    _compare(copy(*inputs, **arguments), expected, rtol=1e-6, atol=1e-7)


def _check_saving(layer, inputs, arguments, expected, tmp_path):
    entries = [tf.keras.Input(v.shape[1:], dtype=v.dtype) for v in inputs]
    model = tf.keras.Model(entries, layer(*entries, **arguments))
    # A model wraps a lone output, and gives a list as it is.
    path = str(tmp_path / "layer.keras")
    model.save(path)
    # Without `custom_objects`: the layer must be registered.
    loaded = tf.keras.models.load_model(path)
    arrays = inputs[0] if len(inputs) == 1 else list(inputs)
    received = tf.nest.flatten(loaded(arrays))
    _compare(received, tf.nest.flatten(expected), rtol=1e-6, atol=1e-7)


def _check_graphs(layer, inputs, arguments, expected):
    for jit_compile in (False, True):
        compiled = tf.function(
            lambda *values: layer(*values, **arguments), jit_compile=jit_compile
        )
        _compare(compiled(*inputs), expected, rtol=1e-4, atol=1e-5)
    # With constants for weights the graph optimiser has more to rewrite.
    for n, one in enumerate(tf.nest.flatten(expected)):
        frozen = freeze(
            lambda *values, n=n: tf.nest.flatten(layer(*values, **arguments))[n],
            [tf.TensorSpec(v.shape, v.dtype) for v in inputs],
        )
        _compare(frozen(*inputs), one, rtol=1e-4, atol=1e-5)


def _check_half(make, layer, inputs, arguments, expected, policy, tolerance):
    half = make(dtype=policy)
    half(*inputs, **arguments)
    assert all(w.dtype == tf.float32 for w in half.weights if w.dtype.is_floating)
    half.set_weights(layer.get_weights())
    received = half(*inputs, **arguments)
    for one, other in zip(tf.nest.flatten(received), tf.nest.flatten(expected)):
        scale = max(float(tf.reduce_max(tf.abs(tf.cast(other, tf.float32)))), 1.0)
        _compare(one, other, rtol=0, atol=tolerance * scale)


def _check_gradients(layer, inputs, arguments, without_gradient):
    sources = [v for v in inputs if v.dtype.is_floating]
    # A fixed random projection: the plain sum of a LayerNorm's or a unit
    # vector's output has no gradient.
    rng = np.random.default_rng(1)
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs = tf.nest.flatten(layer(*inputs, **arguments))
        total = tf.add_n(
            [
                tf.reduce_sum(tf.cast(v, tf.float32) * rng.normal(size=v.shape))
                for v in outputs
            ]
        )
    weights = layer.trainable_weights
    gradients = tape.gradient(total, weights + sources)
    if not weights:
        assert any(g is not None for g in gradients)
    for weight, gradient in zip(weights, gradients):
        name = weight.name.split(":")[0]
        unused = any(part in name for part in without_gradient)
        reached = gradient is not None and bool(
            tf.reduce_any(tf.convert_to_tensor(gradient) != 0.0)
        )
        assert reached != unused, name
