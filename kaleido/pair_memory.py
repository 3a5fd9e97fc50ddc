"""Pairs of earlier steps as further negatives (cross-batch memory, arXiv 1912.06798).

A batch on a small machine holds few wrong candidates, a gallery thousands. Vectors
move slowly from step to step, so that those of the last steps stand in for those
that the networks would give now.
"""

from __future__ import annotations

from typing import Dict, Mapping, NamedTuple

import tensorflow as tf

from kaleido.negatives import PAIR_KEYS


class Remembered(NamedTuple):
    """What a memory holds, newest first.

    Attributes:
        text, image: float32 [n, size], unit vectors; no gradient.
        keys: `negatives.PAIR_KEYS`, int64 [n] each.
    """

    text: tf.Tensor
    image: tf.Tensor
    keys: Dict[str, tf.Tensor]


class PairMemory(tf.Module):
    """A queue of the vectors of both modalities, the same on all replicas.

    Args:
        rows: pairs that it holds at most.
        size: length of a vector.
    """

    def __init__(self, rows: int, size: int):
        super().__init__(name="pair_memory")

        def variable(shape, dtype, name):
            # Replicas write what they have gathered, which is the same for all.
            return tf.Variable(
                tf.zeros(shape, dtype), trainable=False, name=name,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

        self._rows = rows
        self._text = variable([rows, size], tf.float32, "text")
        self._image = variable([rows, size], tf.float32, "image")
        self._keys = {name: variable([rows], tf.int64, name) for name in PAIR_KEYS}
        self._filled = variable([], tf.int32, "filled")

    def read(self) -> Remembered:
        """Returns the pairs that it holds."""
        count = self._filled.read_value()
        return Remembered(
            self._text[:count], self._image[:count],
            {name: keys[:count] for name, keys in self._keys.items()},
        )

    def add(
        self, text: tf.Tensor, image: tf.Tensor, keys: Mapping[str, tf.Tensor]
    ) -> None:
        """Puts the pairs of a step, of all replicas, before the others.

        Args:
            text, image: float32 [m, size].
            keys: `negatives.PAIR_KEYS`, int64 [m] each.
        """
        pairs = [(self._text, text), (self._image, image)]
        pairs += [(self._keys[name], keys[name]) for name in PAIR_KEYS]
        for variable, new in pairs:
            new = tf.stop_gradient(new)
            variable.assign(tf.concat([new, variable], axis=0)[: self._rows])
        self._filled.assign(tf.minimum(self._filled + tf.shape(text)[0], self._rows))
