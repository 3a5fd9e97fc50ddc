"""What a single-modality pass sees: part of it is hidden in training.

A small catalogue is learnt by heart within minutes otherwise. What is hidden is
not computed either, as in FLIP (Li et al., CVPR 2023), and so a step is faster.
"""

from __future__ import annotations

import tensorflow as tf


def _hidden(count: tf.Tensor, rate: float) -> tf.Tensor:
    """How many of int32 `count` positions are hidden."""
    # Shares such as .3 are no binary fractions: .3 of 10 shall be 3.
    return tf.cast(tf.cast(count, tf.float32) * rate + 1e-4, tf.int32)


@tf.keras.utils.register_keras_serializable("kaleido")
class Visible(tf.keras.layers.Layer):
    """Says what is seen: bool [batch, n].

    Args:
        rate: share of a row that is hidden in training, rounded down; the
            first position stays.
        seed: of what is hidden.
    """

    def __init__(self, rate: float = 0.0, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self._config = {"rate": rate, "seed": seed}
        # Keras' own source of random numbers, right on every replica.
        self._noise = tf.keras.layers.GaussianNoise(1.0, seed=seed, dtype="float32")

    def call(self, there, training=None):
        """Maps bool [batch, n], what is there, to what is seen."""
        rate = self._config["rate"]
        if not training or not rate:
            return there
        chance = self._noise(tf.zeros_like(there, tf.float32), training=True)
        chance = tf.where(there, chance, chance.dtype.min)
        first = tf.range(tf.shape(there)[1]) == 0
        chance = tf.where(tf.logical_and(there, first), chance.dtype.max, chance)
        count = tf.reduce_sum(tf.cast(there, tf.int32), axis=1, keepdims=True)
        place = tf.argsort(tf.argsort(chance, direction="DESCENDING"))
        return tf.logical_and(there, place < count - _hidden(count, rate))

    def get_config(self):
        return {**super().get_config(), **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class PackVisible(tf.keras.layers.Layer):
    """Leaves out of the states, in training, as many as are hidden in each row.

    What is seen keeps its order and comes first.

    Args:
        rate: of the `Visible` that says what is seen.
    """

    def __init__(self, rate: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self._rate = rate

    def call(self, states, visible, training=None):
        """Maps states [batch, n, h] and bool [batch, n] to the same, shorter."""
        if not training or not self._rate:
            return states, visible
        length = tf.shape(states)[1]
        # A row that is shorter than the longest one hides no more than that.
        kept = length - _hidden(length, self._rate)
        # Of equal values the first come first.
        order = tf.math.top_k(tf.cast(visible, tf.int32), kept).indices
        return (
            tf.gather(states, order, axis=1, batch_dims=1),
            tf.gather(visible, order, axis=1, batch_dims=1),
        )

    def get_config(self):
        return {**super().get_config(), "rate": self._rate}
