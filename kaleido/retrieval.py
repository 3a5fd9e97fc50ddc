"""Retrieval by a manifest: image to text (ITR), text to image (TIR).

Four ways to score: the contrastive view alone; the cross-encoder's match logit
(ITM) alone; the contrastive short list re-ranked by ITM; and both scores added
on the short list, with a weight chosen on the validation split.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from kaleido.inference import unique_pairs
from kaleido.manifest import Manifest
from kaleido.metrics.retrieval import over_draws, pessimistic_ranks, rank_shares

TASKS = ("itr", "tir")

# Of a list, this many candidates are re-ranked by the cross-encoder.
SHORT_LIST = 20
# Weights of the ITM logit that are tried on validation; 0 leaves it out.
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)

# Queries that are ranked together against the whole pool.
_FULL_BLOCK = 1024

# Scores rows of pictures against rows of texts, aligned: [n], [n] -> [n].
PairScores = Callable[[np.ndarray, np.ndarray], np.ndarray]


def as_pairs(task: str, queries: np.ndarray, candidates: np.ndarray):
    """Returns (pictures, texts) of query-candidate pairs of a task."""
    queries = np.broadcast_to(queries[..., None], candidates.shape)
    return (queries, candidates) if task == "itr" else (candidates, queries)


def full_gallery(manifest: Manifest, queries: np.ndarray) -> np.ndarray:
    """bool [queries, pool]: what is ranked for a query in the full gallery.

    Everything but further pictures of the product and equal texts.

    Args:
        manifest: the test set.
        queries: int [n], indices into `manifest.queries`.
    """
    mask = np.ones((len(queries), len(manifest.image_ids)), bool)
    place = np.full(len(manifest.queries), -1)
    place[queries] = np.arange(len(queries))
    rows = place[manifest.full_allowed[:, 0]]
    mask[rows[rows >= 0], manifest.full_allowed[rows >= 0, 1]] = False
    return mask


def evaluate_lists(
    manifest: Manifest, task: str, scores: PairScores, queries: np.ndarray | None = None
) -> Tuple[Dict[str, float], np.ndarray]:
    """Ranks the candidate lists of every draw.

    Args:
        manifest: the test set.
        task: `itr` or `tir`.
        scores: scores pairs of pool rows; called once, with distinct pairs.
        queries: int [n], indices into `manifest.queries`; all by default.

    Returns:
        Mean figures over draws (see `rank_shares`) with `std`, and the ranks,
        int [draws, n].
    """
    queries = np.arange(len(manifest.queries)) if queries is None else queries
    rows = manifest.queries[queries]
    candidates, own = manifest.candidates[:, queries], manifest.own[:, queries]
    images, texts = as_pairs(task, np.broadcast_to(rows, own.shape), candidates)
    unique_images, unique_texts, inverse = unique_pairs(images, texts)
    values = scores(unique_images, unique_texts)[inverse]
    ranks = np.stack(
        [pessimistic_ranks(values[d], own[d]) for d in range(len(values))]
    )
    return over_draws([rank_shares(r) for r in ranks]), ranks


def evaluate_full(
    manifest: Manifest, task: str, similarity: np.ndarray
) -> Tuple[Dict[str, float], np.ndarray]:
    """Ranks the whole pool for each query.

    Args:
        manifest: the test set.
        task: `itr` or `tir`.
        similarity: float32 [pool, pool], pictures by texts.

    Returns:
        Figures, and ranks int [queries].
    """
    matrix = similarity if task == "itr" else similarity.T
    ranks = []
    # In blocks: a copy of a large pool's matrix would not fit.
    for start in range(0, len(manifest.queries), _FULL_BLOCK):
        queries = np.arange(start, min(start + _FULL_BLOCK, len(manifest.queries)))
        scores = matrix[manifest.queries[queries]]
        scores[~full_gallery(manifest, queries)] = -np.inf
        ranks.append(pessimistic_ranks(scores, manifest.queries[queries]))
    ranks = np.concatenate(ranks)
    return rank_shares(ranks), ranks


def short_list_scores(
    first: np.ndarray, second: np.ndarray, short: np.ndarray, weight: float | None
) -> np.ndarray:
    """Scores lists in two stages: what is not on the short list stays behind.

    Args:
        first: float [..., candidates], contrastive scores.
        second: float [..., candidates], ITM logits; read on the short list.
        short: bool [..., candidates].
        weight: of the second score, added to the first; None takes the second
            alone.

    Returns:
        float [..., candidates]; short-listed candidates lie above all others.
    """
    combined = second if weight is None else first + weight * second
    lowest = np.where(short, combined, np.inf).min(axis=-1, keepdims=True)
    highest = np.where(short, -np.inf, first).max(axis=-1, keepdims=True)
    behind = first - highest + lowest - 1.0
    return np.where(short, combined, behind)


def top_candidates(scores: np.ndarray, count: int) -> np.ndarray:
    """bool [..., candidates]: the `count` highest of each list."""
    count = min(count, scores.shape[-1])
    order = np.argsort(-scores, axis=-1, kind="stable")[..., :count]
    mask = np.zeros(scores.shape, bool)
    np.put_along_axis(mask, order, True, axis=-1)
    return mask


class TwoStage:
    """Contrastive lists and the ITM logits of their short lists.

    Args:
        manifest: the test set.
        task: `itr` or `tir`.
        similarity: float32 [pool, pool], contrastive, scaled by the learnt
            temperature, pictures by texts.
        match: scores pairs by ITM.
        queries: int [n], indices into `manifest.queries`.
        whole: int [m], places in `queries` of those of which ITM also scores
            all candidates of the first draw.
        gallery: scores the whole pool's short lists, too.
    """

    def __init__(
        self, manifest: Manifest, task: str, similarity: np.ndarray,
        match: PairScores, queries: np.ndarray,
        whole: Sequence[int] = (), gallery: bool = False,
    ):
        rows = manifest.queries[queries]
        candidates = manifest.candidates[:, queries]
        images, texts = as_pairs(
            task, np.broadcast_to(rows, candidates.shape[:2]), candidates
        )
        self.own = manifest.own[:, queries]
        self.first = similarity[images, texts]
        self.short = top_candidates(self.first, SHORT_LIST)
        self.whole = np.asarray(whole, np.int64)
        wanted = self.short.copy()
        wanted[0, self.whole] = True
        pairs = [np.stack([images[wanted], texts[wanted]])]
        if gallery:
            pool = np.arange(similarity.shape[0])
            matrix = similarity if task == "itr" else similarity.T
            self.gallery_first = np.where(
                full_gallery(manifest, queries), matrix[rows], -np.inf
            )
            self.gallery_short = top_candidates(self.gallery_first, SHORT_LIST)
            all_images, all_texts = as_pairs(
                task, rows, np.broadcast_to(pool, self.gallery_first.shape)
            )
            chosen = self.gallery_short
            pairs.append(np.stack([all_images[chosen], all_texts[chosen]]))
        joined = np.concatenate(pairs, axis=1)
        unique_images, unique_texts, inverse = unique_pairs(joined[0], joined[1])
        logits = match(unique_images, unique_texts)[inverse]
        self.second = np.zeros_like(self.first)
        self.second[wanted] = logits[: int(wanted.sum())]
        if gallery:
            self.gallery_second = np.zeros_like(self.gallery_first)
            self.gallery_second[self.gallery_short] = logits[int(wanted.sum()) :]
            self.gallery_own = rows

    def lists(self, weight: float | None) -> Tuple[Dict[str, float], np.ndarray]:
        """Figures over draws and ranks [draws, queries], see `short_list_scores`."""
        scores = short_list_scores(self.first, self.second, self.short, weight)
        ranks = np.stack(
            [pessimistic_ranks(s, o) for s, o in zip(scores, self.own)]
        )
        return over_draws([rank_shares(r) for r in ranks]), ranks

    def match_alone(self) -> Dict[str, float]:
        """Figures of ITM on the whole lists of the first draw."""
        ranks = pessimistic_ranks(
            self.second[0, self.whole], self.own[0, self.whole]
        )
        return rank_shares(ranks)

    def gallery(self, weight: float | None) -> Dict[str, float]:
        """Figures over the whole pool."""
        first = np.where(np.isinf(self.gallery_first), -1e6, self.gallery_first)
        scores = short_list_scores(
            first, self.gallery_second, self.gallery_short, weight
        )
        return rank_shares(pessimistic_ranks(scores, self.gallery_own))


def choose_weight(stages: Sequence[TwoStage]) -> Tuple[float, List[Dict[str, Any]]]:
    """Returns the weight of the ITM logit that is best on validation.

    Judged by Rank@1, with Rank@5 to settle what is near.

    Args:
        stages: two-stage scores of validation, one a task.
    """
    tried = []
    for weight in WEIGHTS:
        figures = [stage.lists(weight)[0] for stage in stages]
        tried.append(
            {
                "weight": weight,
                "rank_at_1": float(np.mean([f["rank_at_1"] for f in figures])),
                "rank_at_5": float(np.mean([f["rank_at_5"] for f in figures])),
            }
        )
    best = max(tried, key=lambda t: t["rank_at_1"] + 0.25 * t["rank_at_5"])
    return best["weight"], tried


def rounded(figures: Mapping[str, float]) -> Dict[str, float]:
    """Rounds figures for a report."""
    return {key: round(value, 4) for key, value in figures.items()}
