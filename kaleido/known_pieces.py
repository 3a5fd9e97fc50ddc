"""The word pieces that a small network knows, of a large vocabulary."""

from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np
import tensorflow as tf

from kaleido.text import CLS, PAD, SEP, UNKNOWN, Vocabulary


def known_pieces(
    token_ids: np.ndarray, vocabulary: Vocabulary, at_least: int = 3
) -> Tuple[int, ...]:
    """Returns the ids of pieces that occur often enough, and the reserved ones.

    Args:
        token_ids: int [n, length], of the training texts.
        vocabulary: the word pieces.
        at_least: occurrences of a piece that is worth learning.
    """
    counts = np.bincount(token_ids.ravel(), minlength=len(vocabulary))
    known = set(np.flatnonzero(counts >= at_least).tolist())
    known.update(vocabulary.ids[p] for p in (PAD, UNKNOWN, CLS, SEP))
    return tuple(sorted(known))


class PieceTable:
    """Maps ids of the vocabulary to indices of known pieces; others are [UNK].

    Args:
        pieces: ids, ascending, of `known_pieces`.
        vocabulary: the word pieces.
        fingerprint: of the vocabulary that the network was trained with.

    Attributes:
        vocabulary: the word pieces.
        pieces: int32 [known], their ids.
        is_known: bool [vocab_size].

    Raises:
        ValueError: if the vocabulary is another one.
    """

    def __init__(self, pieces: Sequence[int], vocabulary: Vocabulary, fingerprint: str):
        if vocabulary.fingerprint != fingerprint:
            raise ValueError(
                "The network was trained with another vocabulary than these texts "
                f"have. Received: {vocabulary.fingerprint}, expected: {fingerprint}"
            )
        self.vocabulary = vocabulary
        self.pieces = np.array(pieces, np.int32)
        self.is_known = np.zeros(len(vocabulary), bool)
        self.is_known[self.pieces] = True
        unknown = np.searchsorted(self.pieces, vocabulary.ids[UNKNOWN])
        indices = np.full(len(vocabulary), unknown, np.int32)
        indices[self.pieces] = np.arange(len(self.pieces))
        self._indices = tf.constant(indices)

    def __len__(self) -> int:
        return len(self.pieces)

    def __call__(self, token_ids: tf.Tensor) -> tf.Tensor:
        """int32 ids [...] -> int32 indices [...]."""
        return tf.gather(self._indices, token_ids)

    def index(self, piece: str) -> int:
        """The index of a piece, as a number."""
        return int(np.searchsorted(self.pieces, self.vocabulary.ids[piece]))
