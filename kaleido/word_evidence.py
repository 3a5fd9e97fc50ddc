"""Word pieces of a picture's text in closed form: ridge regression of their presence.

A generator learns from some thousand products what a text sounds like sooner than what
its picture shows; frozen features know the latter from the start. If what stands
before a word and what the picture shows are independent given the word, the
log-probability of the generator and the log-ratio of `layers/word_evidence.py` add.
Not in the paper.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from kaleido.lexical_map import piece_sets
from kaleido.ridge_map import RidgeFit

# In units of `RidgeFit.solve`.
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# Texts that must have a piece: of fewer a regression learns nothing.
_LEAST_TEXTS = 5

# Level means float32 [n, features] and token ids int32 [n, length].
Pairs = Tuple[np.ndarray, np.ndarray]


def fit_word_evidence(
    train: Pairs, validation: Pairs, pieces: np.ndarray, vocab_size: int
) -> Tuple[List[np.ndarray], Dict[str, Any]]:
    """Regresses which pieces texts have on level means of their pictures.

    Args:
        train, validation: see `Pairs`.
        pieces: int [p], ids of those that are asked for.
        vocab_size: of the records.

    Returns:
        `kernel`, `bias` and `shares` of a `WordEvidence`; and how many pieces have each
        of `PENALTIES`, which validation chose piece by piece, by squared error: what
        pictures show wants less of it than what they do not. Of pieces that too few
        texts have, pictures say nothing.
    """
    sets = [piece_sets(ids, vocab_size)[:, pieces] for _, ids in (train, validation)]
    counts = np.asarray(sets[0].sum(axis=0)).ravel()
    # Padding is no piece of a text.
    known = np.logical_and(counts >= _LEAST_TEXTS, pieces != 0)
    # The rest of a large vocabulary would fill the memory.
    learnt, judged = (found[:, known].toarray() for found in sets)
    fit = RidgeFit(train[0], learnt)
    shares = np.ones(len(pieces), np.float32)
    shares[known] = counts[known] / len(train[1])
    bias = np.ones_like(shares)
    kernel = np.zeros((train[0].shape[1], len(pieces)), np.float32)
    least, chosen = np.full(known.sum(), np.inf), np.zeros(known.sum())
    for penalty in PENALTIES:
        (found,) = fit.kernels(penalty)
        found, moved = fit.affine(0, found)
        wrong = validation[0] @ found + moved - judged
        errors = np.mean(wrong**2, axis=0)
        better = errors < least
        least[better], chosen[better] = errors[better], penalty
        columns = np.flatnonzero(known)[better]
        kernel[:, columns], bias[columns] = found[:, better], moved[better]
    values, numbers = np.unique(chosen, return_counts=True)
    return [kernel, bias, shares], dict(zip(values.tolist(), numbers.tolist()))
