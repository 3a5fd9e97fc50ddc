"""Latent semantic analysis of a catalogue's texts: which words, not what they mean.

A sentence encoder says what a text is about; it hardly tells one brand from another, or
navy from teal. The set of its word pieces does. Rare ones count more (square root of
the inverse document frequency); the leading singular vectors keep the vectors short.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from kaleido.files import read_arrays, write_arrays
from kaleido.ridge_map import RidgeMap

# Texts that must have a piece: one that a single text has compares with nothing.
_LEAST_TEXTS = 2


@dataclasses.dataclass(frozen=True)
class WordBasis:
    """Vectors of word pieces.

    Attributes:
        table: float32 [vocab_size, size]; zeros for pieces that do not count.
        squares: float32 [vocab_size], a piece's share in the squared length of a text.
    """

    table: np.ndarray
    squares: np.ndarray

    def vectors(self, token_ids: np.ndarray) -> np.ndarray:
        """Returns the vectors of texts, float32 [n, size].

        Args:
            token_ids: int32 [n, length], 0 for padding.
        """
        pieces = piece_sets(token_ids, len(self.squares))
        squares = np.maximum(pieces @ self.squares, 1e-12)
        return (pieces @ self.table) / np.sqrt(squares)[:, None].astype(np.float32)


@dataclasses.dataclass(frozen=True)
class WordMap:
    """Pictures mapped to the words of their texts, in closed form.

    Attributes:
        basis: of the words.
        ridge: from level means to the basis' vectors.
    """

    basis: WordBasis
    ridge: RidgeMap

    def save(self, path: str) -> None:
        """Writes an .npz file; appears whole or not at all."""
        write_arrays(path, {**vars(self.basis), **vars(self.ridge)})

    @classmethod
    def load(cls, path: str) -> "WordMap":
        """Reads what `save` wrote."""
        arrays = read_arrays(path)
        basis = WordBasis(arrays.pop("table"), arrays.pop("squares"))
        return cls(basis, RidgeMap(**arrays))


def piece_sets(token_ids: np.ndarray, vocab_size: int) -> sparse.csr_matrix:
    """Returns which pieces each text has, float32 [n, vocab_size] of ones."""
    rows = np.repeat(np.arange(len(token_ids)), token_ids.shape[1])
    found = sparse.csr_matrix(
        (np.ones(token_ids.size, np.float32), (rows, token_ids.ravel())),
        shape=(len(token_ids), vocab_size),
    )
    # Twice is not more than once.
    found.data[:] = 1.0
    return found


def fit_word_basis(
    token_ids: np.ndarray, is_special: np.ndarray, size: int, seed: int = 0
) -> WordBasis:
    """Fits the basis on training texts.

    Args:
        token_ids: int32 [n, length].
        is_special: bool [vocab_size], pieces that say nothing.
        size: length of the vectors; what a small catalogue cannot fill stays zero.
        seed: of the randomised decomposition.
    """
    pieces = piece_sets(token_ids, len(is_special))
    texts = np.asarray(pieces.sum(axis=0)).ravel()
    counts = np.where(is_special, 0.0, texts)
    weights = np.where(
        counts >= _LEAST_TEXTS,
        np.sqrt(np.log(len(token_ids) / np.maximum(counts, 1.0))), 0.0,
    ).astype(np.float32)
    weighted = pieces @ sparse.diags(weights)
    lengths = np.sqrt(np.maximum(pieces @ weights**2, 1e-12))
    weighted = sparse.diags(1.0 / lengths) @ weighted
    kept = min(size, min(weighted.shape) - 1, int((weights > 0).sum()) - 1)
    table = np.zeros((len(is_special), size), np.float32)
    if kept > 0:
        decomposition = TruncatedSVD(kept, random_state=seed).fit(weighted)
        table[:, :kept] = weights[:, None] * decomposition.components_.T
    return WordBasis(table, weights**2)
