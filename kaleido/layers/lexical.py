"""Which words a text has, as a vector: word by word, in whatever order."""

from __future__ import annotations

import tensorflow as tf

from kaleido.layers.encoder import initializer


@tf.keras.utils.register_keras_serializable("kaleido")
class PieceSums(tf.keras.layers.Layer):
    """A linear function of the set of a text's word pieces.

    Each piece has a vector; theirs are added, divided by what the length of the set
    would be if they stood at right angles, and moved. Nothing is trained by gradient:
    a table comes in closed form (`lexical_map.py`, `class_map.py`); without, it is a
    random projection.

    Args:
        vocab_size: number of word pieces.
        size: length of a vector.
    """

    def __init__(self, vocab_size: int, size: int, **kwargs):
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self._config = {"vocab_size": vocab_size, "size": size}

    def build(self, input_shape):
        vocab_size, size = self._config["vocab_size"], self._config["size"]
        self.table = self.add_weight(
            "table", (vocab_size, size), initializer=initializer()
        )
        self.squares = self.add_weight("squares", (vocab_size,), initializer="ones")
        self.bias = self.add_weight("bias", (size,), initializer="zeros")
        super().build(input_shape)

    def call(self, token_ids, seen):
        """Maps pieces int32 [batch, length], of which bool [batch, length] are seen,
        to vectors float32 [batch, size]."""
        # A set holds a piece once: where it stands first.
        place = tf.range(tf.shape(token_ids)[1])
        before = place[:, None] > place[None, :]
        same = tf.equal(token_ids[:, :, None], token_ids[:, None, :])
        seen_before = tf.reduce_any(same & before & seen[:, None, :], axis=2)
        counts = tf.cast(seen & ~seen_before, tf.float32)
        total = tf.einsum("nl,nls->ns", counts, tf.gather(self.table, token_ids))
        squares = tf.reduce_sum(counts * tf.gather(self.squares, token_ids), axis=1)
        length = tf.sqrt(tf.maximum(squares, 1e-12))
        return total / length[:, None] + self.bias

    def get_config(self):
        config = super().get_config()
        del config["dtype"], config["trainable"]
        return {**config, **self._config}


@tf.keras.utils.register_keras_serializable("kaleido")
class TextWords(PieceSums):
    """Brings `PieceSums` to unit length, for cosines: latent semantic analysis.

    Args:
        vocab_size, size: see there.
    """

    def call(self, token_ids, seen):
        """Returns unit vectors float32 [batch, size]; takes what `PieceSums` does."""
        return tf.math.l2_normalize(super().call(token_ids, seen), axis=-1)
