"""Goes on as another text did, from where both say the same.

A pointer-generator (arXiv 1704.04368, eq. 9) whose pointer begins as an n-gram model:
of a series' texts much is alike, and a catalogue of some thousand products is too
small to learn copying from nothing. Not in the paper.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Pieces in a row that are told apart from more.
LONGEST = 8
# Log-odds that the piece after a match is the next one, by the pieces that match, on
# the validation split of a catalogue of 9,495 products: where training begins.
_TRUST = (-6.0, -0.7, 0.5, 1.0, 1.2, 1.6, 1.8, 1.8, 3.2)
# Of what nobody expects, no more is said.
_LEAST_LOG_PROBABILITY = -12.0
_NEVER = -1e9


class Copied(NamedTuple):
    """What may be copied.

    Attributes:
        matches: int32 [n, m], see `count_matches`, of a context for each row.
        followers: int32 [n, m], see `CopyHead`.
    """

    matches: tf.Tensor
    followers: tf.Tensor


def extend_matches(
    matches: tf.Tensor, token_ids: tf.Tensor, context_ids: tf.Tensor
) -> tf.Tensor:
    """Counts matches one written piece further.

    Args:
        matches: int32 [n, m], up to the piece before; zeros before the first.
        token_ids: int32 [n], the piece.
        context_ids: int32 [n, m].

    Returns:
        int32 [n, m], 0 to `LONGEST`.
    """
    before = tf.pad(matches[:, :-1], [[0, 0], [1, 0]])
    same = tf.equal(token_ids[:, None], context_ids)
    return tf.where(same, tf.minimum(before + 1, LONGEST), 0)


def count_matches(token_ids: tf.Tensor, context_ids: tf.Tensor) -> tf.Tensor:
    """Counts the pieces in a row, up to two places, that two texts share.

    Args:
        token_ids: int32 [batch, length], what is written.
        context_ids: int32 [batch, m].

    Returns:
        int32 [batch, length, m], 0 to `LONGEST`.
    """
    same = tf.cast(tf.equal(token_ids[:, :, None], context_ids[:, None]), tf.int32)
    matches = same
    for _ in range(LONGEST - 1):
        before = tf.pad(matches[:, :-1, :-1], [[0, 0], [1, 0], [1, 0]])
        matches = same * (before + 1)
    return matches


@tf.keras.utils.register_keras_serializable("kaleido")
class CopyHead(tf.keras.layers.Layer):
    """Mixes what the network would write with what comes next in a context.

    The piece after each place of the context is bid for by how much has matched up to
    there, and by how likely the network holds it; so do, with the state of the last
    word, the bids decide how much of the probability is copied.
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def build(self, input_shape):
        counts = np.arange(LONGEST + 1, dtype=np.float32)
        self.bids = self.add_weight(
            "bids", counts.shape, initializer=tf.constant_initializer(2.0 * counts)
        )
        self.trust = self.add_weight(
            "trust", counts.shape, initializer=tf.constant_initializer(_TRUST)
        )
        # How much the network's opinion counts in a bid, and in what is copied.
        self.opinion = self.add_weight(
            "opinion", (2,), initializer=tf.constant_initializer([1.0, 0.3])
        )
        self.by_state = self.add_weight(
            "by_state", (input_shape[-1],), initializer="zeros"
        )
        super().build(input_shape)

    def call(self, states, log_probabilities, matches, followers):
        """Returns log-probabilities float32 [n, pieces].

        Args:
            states: float [n, hidden_size], of the words written last.
            log_probabilities: float32 [n, pieces], what the network would write.
            matches: int32 [n, m], see `count_matches`.
            followers: int32 [n, m], the piece after each place of the context, as a
                column of `log_probabilities`; -1 where nothing can be copied.
        """
        there = followers >= 0
        columns = tf.maximum(followers, 0)
        opinions = tf.maximum(
            tf.gather(log_probabilities, columns, batch_dims=1), _LEAST_LOG_PROBABILITY
        )
        bids = tf.gather(self.bids, matches) + self.opinion[0] * opinions
        shares = tf.nn.softmax(tf.where(there, bids, _NEVER))
        # Where nothing can be copied all shares are alike, and mean nothing.
        shares = tf.where(there, shares, 0.0)
        trust = tf.gather(self.trust, matches) + self.opinion[1] * opinions
        gate = tf.reduce_sum(shares * trust, axis=1) + tf.linalg.matvec(
            tf.cast(states, tf.float32), self.by_state
        )
        copies = tf.sigmoid(gate) * tf.cast(tf.reduce_any(there, axis=1), tf.float32)
        rows = tf.range(tf.shape(columns)[0])[:, None]
        rows = tf.broadcast_to(rows, tf.shape(columns))
        copied = tf.scatter_nd(
            tf.stack([rows, columns], axis=2), shares * copies[:, None],
            tf.shape(log_probabilities),
        )
        mixed = copied + (1.0 - copies[:, None]) * tf.exp(log_probabilities)
        return tf.math.log(tf.maximum(mixed, 1e-30))
