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
PENALTIES = (0.1, 0.3, 1.0, 3.0)
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
        `kernel`, `bias` and `shares` of a `WordEvidence`; and the penalty of
        `PENALTIES` that validation chose, by squared error. Of pieces that too few
        texts have, pictures say nothing.
    """
    present = {
        name: piece_sets(ids, vocab_size)[:, pieces].toarray()
        for name, (_, ids) in (("train", train), ("validation", validation))
    }
    counts = present["train"].sum(axis=0)
    # Padding is no piece of a text.
    known = np.logical_and(counts >= _LEAST_TEXTS, pieces != 0)
    fit = RidgeFit(train[0], present["train"][:, known])
    errors, made = {}, {}
    for penalty in PENALTIES:
        ((kernel, _),) = fit.solve(penalty)
        made[penalty] = kernel, bias = fit.affine(0, kernel)
        wrong = validation[0] @ kernel + bias - present["validation"][:, known]
        errors[penalty] = float(np.mean(wrong**2))
    best = min(errors, key=errors.get)
    shares = np.ones(len(pieces), np.float32)
    bias, kernel = shares.copy(), np.zeros((train[0].shape[1], len(pieces)), np.float32)
    kernel[:, known], bias[known] = made[best]
    shares[known] = counts[known] / len(train[1])
    return [kernel, bias, shares], {"penalty": best, "pieces": int(known.sum())}
