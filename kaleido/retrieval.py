"""Retrieval by a manifest: image to text (ITR), text to image (TIR).

Four ways to score: the contrastive view alone; the cross-encoder's match logit
(ITM) alone; the contrastive short list re-ranked by ITM; and both scores added
on the short list, with a weight chosen on the validation split.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

import numpy as np

from kaleido.cosines import Scores
from kaleido.galleries import as_pairs, full_blocks, larger_blocks
from kaleido.inference import unique_pairs
from kaleido.manifest import Manifest
from kaleido.metrics.retrieval import over_draws, pessimistic_ranks, rank_shares
from kaleido.retrieval_figures import Ranks

TASKS = ("itr", "tir")

# Of a list, this many candidates are re-ranked by the cross-encoder.
SHORT_LIST = 20
# Weights of the ITM logit that are tried on validation; 0 leaves it out.
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)

# Scores rows of pictures against rows of texts, aligned: [n], [n] -> [n].
PairScores = Callable[[np.ndarray, np.ndarray], np.ndarray]


def score_lists(
    manifest: Manifest, task: str, scores: PairScores, queries: np.ndarray
) -> np.ndarray:
    """Scores the candidate lists of every draw.

    Args:
        manifest: the test set.
        task: `itr` or `tir`.
        scores: scores pairs of pool rows; called once, with distinct pairs.
        queries: int [n], indices into `manifest.queries`.

    Returns:
        The scores, float [draws, n, candidates].
    """
    candidates = manifest.candidates[:, queries]
    rows = np.broadcast_to(manifest.queries[queries], candidates.shape[:2])
    images, texts = as_pairs(task, rows, candidates)
    unique_images, unique_texts, inverse = unique_pairs(images, texts)
    return scores(unique_images, unique_texts)[inverse]


def rank_lists(
    values: np.ndarray, own: np.ndarray
) -> Tuple[Dict[str, float], np.ndarray]:
    """Ranks the own candidates in scored lists.

    Args:
        values: float [draws, n, candidates].
        own: int [draws, n], place of the own candidate.

    Returns:
        Mean figures over draws (see `rank_shares`) with `std`, and the ranks,
        int [draws, n].
    """
    ranks = np.stack([pessimistic_ranks(v, o) for v, o in zip(values, own)])
    return over_draws([rank_shares(r) for r in ranks]), ranks


def evaluate_lists(
    manifest: Manifest, task: str, scores: PairScores, queries: np.ndarray | None = None
) -> Tuple[Dict[str, float], np.ndarray]:
    """Scores and ranks the candidate lists of every draw.

    Args:
        manifest, task, scores: see `score_lists`.
        queries: int [n], indices into `manifest.queries`; all by default.

    Returns:
        See `rank_lists`.
    """
    queries = np.arange(len(manifest.queries)) if queries is None else queries
    values = score_lists(manifest, task, scores, queries)
    return rank_lists(values, manifest.own[:, queries])


def rank_pool(
    manifest: Manifest, task: str, scores: Scores
) -> np.ndarray:
    """Returns the right candidates' ranks in the whole pool, int [queries].

    Args:
        manifest: the test set.
        task: `itr` or `tir`.
        scores: of the pool.
    """
    queries = np.arange(len(manifest.queries))
    blocks = full_blocks(manifest, task, scores, queries)
    return np.concatenate([pessimistic_ranks(s, rows) for rows, s in blocks])


def rank_everything(manifest: Manifest, task: str, scores: Scores) -> Ranks:
    """Ranks all queries in all galleries, by a scorer that scores every pair.

    Args:
        manifest, task, scores: see `rank_pool`.
    """
    queries = np.arange(len(manifest.queries))
    _, lists = evaluate_lists(manifest, task, scores.pairs)
    larger = None
    if manifest.gallery:
        own = np.full(len(queries), manifest.gallery - 1)
        larger = np.stack([
            np.concatenate([
                pessimistic_ranks(listed, own[: len(listed)])
                for _, _, listed in larger_blocks(
                    manifest, task, scores, queries, draw
                )
            ])
            for draw in range(len(manifest.permutations))
        ])
    full = rank_pool(manifest, task, scores)
    return Ranks(queries, lists, larger, full)


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
        first: contrastive scores of the pool, scaled by the learnt temperature.
        match: scores pairs by ITM.
        queries: int [n], indices into `manifest.queries`.
        whole: int [m], places in `queries` of those of which ITM also scores
            all candidates of the first draw.
        galleries: scores short lists of the larger gallery and of the whole pool,
            too.
    """

    def __init__(
        self, manifest: Manifest, task: str, first: Scores,
        match: PairScores, queries: np.ndarray,
        whole: Sequence[int] = (), galleries: bool = False,
    ):
        rows = manifest.queries[queries]
        candidates = manifest.candidates[:, queries]
        images, texts = as_pairs(
            task, np.broadcast_to(rows, candidates.shape[:2]), candidates
        )
        self.queries = queries
        self.own = manifest.own[:, queries]
        self.first = first.pairs(images, texts)
        self.short = top_candidates(self.first, SHORT_LIST)
        self.whole = np.asarray(whole, np.int64)
        wanted = self.short.copy()
        wanted[0, self.whole] = True
        pairs = [np.stack([images[wanted], texts[wanted]])]
        self._larger, self._full = [], []
        if galleries:
            asked = (manifest, task, first, queries)
            self._full = [_ShortLists.of_full(full_blocks(*asked))]
            if manifest.gallery:
                self._larger = [
                    _ShortLists.of_larger(larger_blocks(*asked, draw))
                    for draw in range(len(manifest.permutations))
                ]
        for short in [*self._full, *self._larger]:
            listed = np.stack(as_pairs(task, rows, short.candidates))
            pairs.append(listed.reshape(2, -1))
        joined = np.concatenate(pairs, axis=1)
        unique_images, unique_texts, inverse = unique_pairs(joined[0], joined[1])
        logits = match(unique_images, unique_texts)[inverse]
        ends = np.cumsum([part.shape[1] for part in pairs])[:-1]
        of_lists, *self._seconds = np.split(logits, ends)
        self.second = np.zeros_like(self.first)
        self.second[wanted] = of_lists

    def lists(self, weight: float | None) -> Tuple[Dict[str, float], np.ndarray]:
        """Figures over draws and ranks [draws, queries], see `short_list_scores`."""
        scores = short_list_scores(self.first, self.second, self.short, weight)
        return rank_lists(scores, self.own)

    def match_alone(self) -> Ranks:
        """Ranks by ITM in the whole lists of the first draw."""
        ranks = pessimistic_ranks(
            self.second[0, self.whole], self.own[0, self.whole]
        )
        return Ranks(self.queries[self.whole], ranks[None])

    def ranks(self, weight: float | None) -> Ranks:
        """Ranks in the lists and, if they were asked for, in the galleries."""
        in_galleries = [
            short.ranks(second.reshape(short.candidates.shape), weight)
            for short, second in zip([*self._full, *self._larger], self._seconds)
        ]
        return Ranks(
            self.queries,
            self.lists(weight)[1],
            larger=np.stack(in_galleries[1:]) if self._larger else None,
            full=in_galleries[0] if self._full else None,
        )


@dataclasses.dataclass(frozen=True)
class _ShortLists:
    """What a second stage needs to know of rankings of a gallery.

    Attributes:
        own: int [n], the pool row that is right.
        rank: int [n], its pessimistic rank in the first stage.
        candidates: int [n, short], pool rows of the highest scores.
        first: float [n, short], their scores; -inf is no candidate.
    """

    own: np.ndarray
    rank: np.ndarray
    candidates: np.ndarray
    first: np.ndarray

    @classmethod
    def of_full(
        cls, blocks: Iterable[Tuple[np.ndarray, np.ndarray]]
    ) -> "_ShortLists":
        """Reads `full_blocks`, whose columns are the pool's rows."""
        return cls._joined(
            (rows, pessimistic_ranks(scores, rows), *_short_list(scores))
            for rows, scores in blocks
        )

    @classmethod
    def of_larger(
        cls, blocks: Iterable[Tuple[np.ndarray, np.ndarray, np.ndarray]]
    ) -> "_ShortLists":
        """Reads `larger_blocks`, whose last column is the own row."""
        parts = []
        for rows, lists, scores in blocks:
            top, first = _short_list(scores)
            own = np.full(len(rows), lists.shape[1] - 1)
            candidates = np.take_along_axis(lists, top, axis=1)
            parts.append((rows, pessimistic_ranks(scores, own), candidates, first))
        return cls._joined(parts)

    @classmethod
    def _joined(cls, parts: Iterable[Tuple[np.ndarray, ...]]) -> "_ShortLists":
        return cls(*(np.concatenate(column) for column in zip(*parts)))

    def ranks(self, second: np.ndarray, weight: float | None) -> np.ndarray:
        """Ranks after the second stage, int [n]; see `short_list_scores`."""
        combined = second if weight is None else self.first + weight * second
        combined = np.where(np.isinf(self.first), -np.inf, combined)
        is_own = self.candidates == self.own[:, None]
        own = np.where(is_own, combined, -np.inf).max(axis=1, keepdims=True)
        # What is not short-listed keeps its rank: all that lead it still do.
        return np.where(is_own.any(axis=1), (combined >= own).sum(axis=1), self.rank)


def _short_list(scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Returns columns int [n, short] and scores of the highest of each row."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :SHORT_LIST]
    return top, np.take_along_axis(scores, top, axis=1)


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
