"""Ranks and what is reported of them (Rank@k, SumR, median rank)."""

from __future__ import annotations

from typing import Dict, Mapping, Sequence

import numpy as np

RANKS = (1, 5, 10)


def pessimistic_ranks(scores: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Returns the rank of each query's own candidate, ties against it.

    A constant scorer must not look perfect: an equal score counts as better.

    Args:
        scores: float [queries, candidates].
        own: int [queries], column of the right candidate.

    Returns:
        int64 [queries], 1 is best.

    Raises:
        ValueError: if a score is not a number.
    """
    if np.isnan(scores).any():
        raise ValueError("A score is NaN; the model has diverged.")
    right = np.take_along_axis(scores, own[:, None], axis=1)
    # The own candidate counts itself once.
    return (scores >= right).sum(axis=1)


def rank_shares(ranks: np.ndarray) -> Dict[str, float]:
    """Returns `rank_at_1`, `rank_at_5`, `rank_at_10` (shares in [0, 1]) and
    `median_rank` of int [queries] ranks."""
    shares = {f"rank_at_{k}": float(np.mean(ranks <= k)) for k in RANKS}
    return {**shares, "median_rank": float(np.median(ranks))}


def over_draws(draws: Sequence[Mapping[str, float]]) -> Dict[str, float]:
    """Returns the mean of each figure over draws, and `std` of Rank@1."""
    mean = {key: float(np.mean([d[key] for d in draws])) for key in draws[0]}
    # Of a sample, as over seeds; one draw does not vary.
    spread = np.std([d["rank_at_1"] for d in draws], ddof=min(len(draws) - 1, 1))
    return {**mean, "std": float(spread)}


def largest_error(queries: int) -> float:
    """Returns the standard error of a Rank figure in percent, at its largest.

    Another draw of as many queries would move the figure by this much; a figure near
    0 or 100 by less than one of 50, which this is.
    """
    return 50.0 / queries**0.5


def sum_of_ranks(itr: Mapping[str, float], tir: Mapping[str, float]) -> float:
    """Returns SumR: the six Rank percentages added (the paper's Table 2)."""
    return 100.0 * sum(m[f"rank_at_{k}"] for m in (itr, tir) for k in RANKS)
