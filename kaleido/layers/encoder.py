"""The BERT encoder: post-LN transformer layers with one fused QKV projection."""

from __future__ import annotations

import functools
from typing import Callable

import tensorflow as tf

from kaleido.layers.layer_norm import LayerNorm

# Added to the logits of what must not be seen. Large enough to vanish after a
# softmax, small enough for float16.
_MASKED = -1e4


def gelu(kind: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the `exact` gelu, or its `tanh` approximation."""
    return functools.partial(tf.nn.gelu, approximate=kind == "tanh")


def initializer() -> tf.keras.initializers.Initializer:
    """BERT's."""
    return tf.keras.initializers.TruncatedNormal(stddev=0.02)


@tf.keras.utils.register_keras_serializable("kaleido")
class AttentionBias(tf.keras.layers.Layer):
    """Turns a padding mask into what is added to the attention logits.

    Computed once for all layers.
    """

    def call(self, visible: tf.Tensor) -> tf.Tensor:
        """Maps bool [batch, length] or [batch, length, length] (rows: who
        looks) to [batch, 1, 1 or length, length]: 0 where visible."""
        hidden = 1.0 - tf.cast(visible, self.compute_dtype)
        hidden = hidden[:, None] if visible.shape.rank == 3 else hidden[:, None, None]
        return hidden * tf.constant(_MASKED, self.compute_dtype)


@tf.keras.utils.register_keras_serializable("kaleido")
class TransformerLayer(tf.keras.layers.Layer):
    """Self-attention and a feed-forward network, each with a residual and LN.

    Query, key and value come from one matrix product, which is measurably
    faster than three on CPU and GPU.

    Args:
        hidden_size, num_heads, intermediate_size: sizes.
        dropout, attention_dropout: rates in training.
        gelu_kind: `exact` or `tanh`.

    Example:
        >>> layer = TransformerLayer(32, 4, 64)
        >>> layer(tf.zeros([2, 7, 32]), tf.zeros([2, 1, 1, 7])).shape
        TensorShape([2, 7, 32])
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        intermediate_size: int,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        gelu_kind: str = "exact",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "hidden_size": hidden_size,
            "num_heads": num_heads,
            "intermediate_size": intermediate_size,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "gelu_kind": gelu_kind,
        }
        self.num_heads = num_heads
        self.head_size = hidden_size // num_heads

        def dense(units, name, activation=None):
            return tf.keras.layers.Dense(
                units, activation, kernel_initializer=initializer(), name=name,
                dtype=self.dtype_policy,
            )

        def norm(name):
            return LayerNorm(name=name, dtype=self.dtype_policy)

        self.qkv = dense(3 * hidden_size, "qkv")
        self.attention_output = dense(hidden_size, "attention_output")
        self.attention_norm = norm("attention_norm")
        self.intermediate = dense(intermediate_size, "intermediate", gelu(gelu_kind))
        self.feed_forward_output = dense(hidden_size, "feed_forward_output")
        self.output_norm = norm("output_norm")
        self.dropout = tf.keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.attention_dropout = tf.keras.layers.Dropout(
            attention_dropout, dtype=self.dtype_policy
        )

    def call(self, states, attention_bias, training=None):
        """Maps [batch, length, hidden_size] to the same shape.

        Args:
            states: float [batch, length, hidden_size].
            attention_bias: float, broadcastable to [batch, heads, length,
                length]; see `AttentionBias`.
            training: whether dropout is on.
        """
        return self.attend(states, *self.project(states), attention_bias, training)

    def project(self, states):
        """Returns query, key, value: float [batch, heads, length, head_size] each."""
        batch, length = tf.shape(states)[0], tf.shape(states)[1]
        qkv = tf.reshape(
            self.qkv(states), [batch, length, 3, self.num_heads, self.head_size]
        )
        return tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))

    def attend(self, states, query, key, value, attention_bias, training=None):
        """Does the rest of `call`; keys and values may be of other states, too.

        Args:
            states: float [batch, length, hidden_size], those of the queries.
            query: of `project`.
            key, value: float [batch, heads, seen, head_size].
            attention_bias: float, broadcastable to [batch, heads, length, seen].
            training: whether dropout is on.
        """
        batch, length = tf.shape(states)[0], tf.shape(states)[1]
        scale = tf.constant(self.head_size**-0.5, query.dtype)
        logits = tf.matmul(query * scale, key, transpose_b=True)
        weights = tf.nn.softmax(logits + tf.cast(attention_bias, logits.dtype))
        weights = self.attention_dropout(weights, training=training)
        context = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])
        context = tf.reshape(
            context, [batch, length, self.num_heads * self.head_size]
        )
        attended = self.dropout(self.attention_output(context), training=training)
        states = self.attention_norm(states + attended)
        changed = self.feed_forward_output(self.intermediate(states))
        changed = self.dropout(changed, training=training)
        return self.output_norm(states + changed)

    def get_config(self):
        return {**super().get_config(), **self._config}
