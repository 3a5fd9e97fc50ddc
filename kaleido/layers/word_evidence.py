"""Which word pieces a picture speaks for, beside what a generator writes.

Not in the paper.
"""

from __future__ import annotations

import tensorflow as tf

# What a picture speaks against is at the least so much rarer than usual.
_LEAST_RATIO = 0.05


@tf.keras.utils.register_keras_serializable("kaleido")
class WordEvidence(tf.keras.layers.Layer):
    """Log-ratios of how often texts of such pictures, and all texts, have a piece.

    The former is a linear function of level means, see `word_evidence.py`. Nothing is
    trained by gradient; as it is built it says nothing.

    Args:
        feature_size: length of level means.
        pieces: word pieces that are written.
    """

    def __init__(self, feature_size: int, pieces: int, **kwargs):
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self._config = {"feature_size": feature_size, "pieces": pieces}
        self.kernel = self.add_weight(
            "kernel", (feature_size, pieces), initializer="zeros"
        )
        self.bias = self.add_weight("bias", (pieces,), initializer="ones")
        self.shares = self.add_weight("shares", (pieces,), initializer="ones")
        self.trust = self.add_weight("trust", (), initializer="zeros")
        self.built = True

    @property
    def is_fitted(self) -> bool:
        """Whether it has anything to say, however little it is trusted."""
        return bool(tf.reduce_any(self.kernel != 0.0))

    def call(self, level_means):
        """Maps float32 [batch, feature_size] to float32 [batch, pieces]."""
        found = tf.matmul(level_means, self.kernel) + self.bias
        ratio = tf.clip_by_value(found, 0.0, 1.0) / self.shares
        return self.trust * tf.math.log(tf.maximum(ratio, _LEAST_RATIO))

    def get_config(self):
        config = super().get_config()
        del config["dtype"], config["trainable"]
        return {**config, **self._config}


def written_before(places: tf.Tensor, rows: tf.Tensor, pieces: tf.Tensor) -> tf.Tensor:
    """Says which pieces have been written when the next one is asked for.

    Args:
        places: int32 [batch, length], of texts; -1 for what is not written.
        rows: int64 [n, 2], text and place of the last piece that stands.
        pieces: int32 scalar, their number.

    Returns:
        bool [n, pieces].
    """
    texts = tf.gather(places, rows[:, 0])
    stands = tf.range(tf.shape(places)[1])[None] <= tf.cast(rows[:, 1:], tf.int32)
    found = tf.where(tf.logical_and(stands, texts >= 0))
    piece = tf.cast(tf.gather_nd(texts, found), tf.int64)
    marked = tf.stack([found[:, 0], piece], axis=1)
    shape = tf.cast(tf.stack([tf.shape(rows)[0], pieces]), tf.int64)
    return tf.scatter_nd(marked, tf.ones_like(piece, tf.int32), shape) > 0
