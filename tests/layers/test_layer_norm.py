"""LayerNorm is its formula, also where the variance is small, frozen or not."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.freezing import freeze
from kaleido.layers.layer_norm import LayerNorm
from tests.layer_harness import check_layer, randomize


def states(spread):
    rng = np.random.default_rng(0)
    return (3 + rng.normal(0, spread, (2, 5, 16))).astype(np.float32)


@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_frozen_or_not_it_is_its_formula(spread):
    x = states(spread)
    layer = LayerNorm()
    layer(x)
    randomize(layer, 0.3)
    wide = x.astype(np.float64)
    unit = (wide - wide.mean(-1, keepdims=True)) / wide.std(-1, keepdims=True)
    expected = unit * layer.gamma.numpy() + layer.beta.numpy()
    frozen = freeze(lambda x: layer(x), [tf.TensorSpec([None, 5, 16], tf.float32)])
    for received in (layer(x), frozen(tf.constant(x))):
        np.testing.assert_allclose(received, expected, atol=2e-4)


def test_harness_layer_norm(tmp_path):
    check_layer(LayerNorm, [states(0.1)], tmp_path)
