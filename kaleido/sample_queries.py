"""Queries with what was found for them, for people to look at."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from kaleido.inference import Split
from kaleido.manifest import Manifest
from kaleido.metrics.retrieval import pessimistic_ranks

_SHOWN_QUERIES, _SHOWN_RESULTS = 16, 6


def sample_queries(
    manifest: Manifest, queries: np.ndarray, scores: np.ndarray, pool: Split
) -> List[Dict[str, Any]]:
    """Sample queries of the first draw: half of them right, half wrong.

    Args:
        manifest: the test set.
        queries: int [n], indices into `manifest.queries`.
        scores: float [n, candidates], of the first draw's lists.
        pool: what the manifest's rows are.
    """
    rows = manifest.queries[queries]
    candidates, own_places = manifest.candidates[0, queries], manifest.own[0, queries]
    ranks = pessimistic_ranks(scores, own_places)
    rng = np.random.default_rng(0)
    right = rng.permutation(np.flatnonzero(ranks == 1))[: _SHOWN_QUERIES // 2]
    wrong = rng.permutation(np.flatnonzero(ranks > 1))[: _SHOWN_QUERIES // 2]
    # The worst cases teach most.
    worst = np.argsort(-ranks, kind="stable")[: _SHOWN_QUERIES // 4]
    shown = []
    for q in dict.fromkeys([*worst.tolist(), *wrong.tolist(), *right.tolist()]):
        order = np.argsort(-scores[q], kind="stable")[:_SHOWN_RESULTS].tolist()
        own = int(own_places[q])
        if own not in order:
            # What should have been found, in the last place.
            order[-1] = own
        shown.append(
            {
                "rank": int(ranks[q]),
                "query": _item(pool, int(rows[q])),
                "results": [
                    {
                        **_item(pool, int(candidates[q, c])),
                        "right": c == own,
                    }
                    for c in order
                ],
            }
        )
    return shown


def _item(pool: Split, row: int) -> Dict[str, Any]:
    return {
        name: pool.strings[name][row]
        for name in ("image_id", "text", "subcategory", "thumbnail")
    }
