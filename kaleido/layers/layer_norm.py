"""LayerNorm that stays exact when its graph is frozen."""

from __future__ import annotations

import tensorflow as tf

# BERT's.
EPSILON = 1e-12


@tf.keras.utils.register_keras_serializable("kaleido")
class LayerNorm(tf.keras.layers.LayerNormalization):
    """Keras' LayerNormalization over the last axis, with BERT's epsilon.

    Where gamma and beta are constants, TensorFlow's graph optimiser replaces
    Keras' formula on a CPU by a kernel that takes 1e-3 for the epsilon whatever
    it is: outputs are off by a quarter where the variance is 0.01. Centred
    before it is scaled, the same formula keeps its form.

    Args:
        **kwargs: of a Keras layer.
    """

    def __init__(self, **kwargs):
        kwargs.setdefault("epsilon", EPSILON)
        super().__init__(**kwargs)

    def call(self, inputs):
        """Maps [..., size] to the same shape; computed in float32."""
        x = tf.cast(inputs, tf.float32)
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        x = centred * tf.math.rsqrt(variance + self.epsilon) * self.gamma + self.beta
        return tf.cast(x, inputs.dtype)
