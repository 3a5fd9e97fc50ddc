"""From ranks to what is reported: by candidates, by draw, by sub-category."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Sequence

import numpy as np

from kaleido.manifest import Manifest
from kaleido.metrics.retrieval import over_draws, rank_shares, sum_of_ranks

# Of fewer queries a share says nothing.
LEAST_QUERIES = 20
# The ridge map's scorers, beside those of a model, and what tables call them.
FLOORS = {"floor": "ridge map", "floor_corrected": "ridge map, corrected"}


@dataclasses.dataclass(frozen=True)
class Ranks:
    """Ranks of the right candidates by one scorer for one task; 1 is best.

    Attributes:
        queries: int [n], indices into the manifest's queries.
        lists: int [draws, n], in the lists of each draw that was scored.
        larger: int [draws, n], in the larger gallery; None where the pool is too
            small for it, or the scorer too slow.
        full: int [n], in the whole pool; None where the scorer is too slow.
    """

    queries: np.ndarray
    lists: np.ndarray
    larger: np.ndarray | None = None
    full: np.ndarray | None = None


def rounded(figures: Mapping[str, float]) -> Dict[str, float]:
    """Rounds figures for a report."""
    return {key: round(value, 4) for key, value in figures.items()}


def of_draws(ranks: np.ndarray) -> Dict[str, float]:
    """Returns the mean figures of int [draws, n] ranks, see `over_draws`.

    One draw has no deviation.
    """
    figures = over_draws([rank_shares(draw) for draw in ranks])
    if len(ranks) == 1:
        del figures["std"]
    return rounded(figures)


def by_candidates(manifest: Manifest, ranks: Ranks) -> Dict[str, Dict[str, float]]:
    """Returns figures by the number of candidates: `101`, `1000`, `full`.

    The names are the true lengths: in a small pool lists are shorter. What was not
    scored is left out.
    """
    figures = {str(manifest.candidates.shape[2]): of_draws(ranks.lists)}
    if ranks.larger is not None:
        figures[str(manifest.gallery)] = of_draws(ranks.larger)
    if ranks.full is not None:
        figures["full"] = of_draws(ranks.full[None])
    return figures


def by_subcategory(
    ranks: Ranks, subcategories: Sequence[str]
) -> Dict[str, Dict[str, float]]:
    """Returns `queries` and `rank_at_1` of each sub-category with enough queries.

    On the lists, mean over draws; what has no sub-category is left out.

    Args:
        ranks: of the scorer.
        subcategories: of `ranks.queries`.
    """
    names = np.asarray(subcategories, object).astype(str)
    first = (ranks.lists == 1).mean(axis=0)
    found = {}
    for name in np.unique(names[names != ""]):
        rows = names == name
        if rows.sum() >= LEAST_QUERIES:
            figures = rounded({"rank_at_1": float(first[rows].mean())})
            found[str(name)] = {"queries": int(rows.sum()), **figures}
    return found


def task_figures(
    manifest: Manifest, ranks: Ranks, subcategories: Sequence[str]
) -> Dict[str, Any]:
    """Returns all figures of one scorer for one task.

    Args:
        manifest: the test set.
        ranks: of the scorer.
        subcategories: of the pool.

    Returns:
        The figures of the lists (`rank_at_1` ..., `median_rank`, with several draws
        `std`), `queries`, `draws`; `by_candidates`; `by_draw`, a dict a draw;
        `by_subcategory`; `neighbours_only`, of the queries whose negatives are all of
        their sub-category; and `full` if the whole pool was ranked.
    """
    rows = manifest.queries[ranks.queries]
    near = manifest.all_neighbours[ranks.queries]
    figures = {
        **of_draws(ranks.lists),
        "queries": len(ranks.queries),
        "draws": len(ranks.lists),
        "by_candidates": by_candidates(manifest, ranks),
        "by_draw": [rounded(rank_shares(draw)) for draw in ranks.lists],
        "by_subcategory": by_subcategory(ranks, [subcategories[r] for r in rows]),
        "neighbours_only": {
            "queries": int(near.sum()),
            **(of_draws(ranks.lists[:, near]) if near.any() else {}),
        },
    }
    if ranks.full is not None:
        figures["full"] = figures["by_candidates"]["full"]
    return figures


def scorer_figures(
    manifest: Manifest, ranks: Mapping[str, Ranks], subcategories: Sequence[str]
) -> Dict[str, Any]:
    """Returns the figures of one scorer: `task_figures` by task, and SumR.

    Args:
        manifest, subcategories: see `task_figures`.
        ranks: by task, `itr` and `tir`.

    Returns:
        By task its figures; `sum_of_ranks` of the lists, and
        `sum_of_ranks_by_candidates`.
    """
    tasks = {
        task: task_figures(manifest, found, subcategories)
        for task, found in ranks.items()
    }
    itr, tir = (tasks[task]["by_candidates"] for task in ("itr", "tir"))
    sums = {name: round(sum_of_ranks(itr[name], tir[name]), 2) for name in itr}
    return {
        **tasks,
        "sum_of_ranks": sums[str(manifest.candidates.shape[2])],
        "sum_of_ranks_by_candidates": sums,
    }
