"""Whom a query is ranked among beyond its lists: a larger gallery, the whole pool."""

from __future__ import annotations

from typing import Iterator, Tuple

import numpy as np

from kaleido.cosines import Scores
from kaleido.manifest import Manifest

# Queries that are ranked together against the whole pool.
_BLOCK = 1024


def as_pairs(task: str, queries: np.ndarray, candidates: np.ndarray):
    """Returns (pictures, texts) of query-candidate pairs of a task.

    Args:
        task: `itr` or `tir`.
        queries: int [...], pool rows.
        candidates: int [..., n], pool rows.
    """
    queries = np.broadcast_to(queries[..., None], candidates.shape)
    return (queries, candidates) if task == "itr" else (candidates, queries)


def larger_lists(manifest: Manifest, draw: int, queries: np.ndarray) -> np.ndarray:
    """Returns the larger gallery of queries in one draw.

    The first negatives in the draw's permutation of the pool, and the own row. It
    stands last: where scores tie it is not the one that is short-listed.

    Args:
        manifest: the test set; one with a larger gallery.
        draw: of `manifest.permutations`.
        queries: int [n], indices into `manifest.queries`.

    Returns:
        Pool rows, int32 [n, manifest.gallery].

    Raises:
        ValueError: if the pool is too small for such lists.
    """
    if not manifest.gallery:
        raise ValueError(
            "The manifest has no larger gallery. Received: a pool of "
            f"{len(manifest.image_ids)} pairs"
        )
    wanted, rows = manifest.gallery - 1, manifest.queries[queries]
    # At the most a query passes over so many rows: its positives and itself.
    passed = np.bincount(manifest.full_allowed[:, 0], minlength=1).max() + 1
    head = manifest.permutations[draw][: wanted + passed]
    negative = _negatives(manifest, queries, head)
    # Stable: those that are negatives, in the order of the permutation.
    order = np.argsort(~negative, axis=1, kind="stable")[:, :wanted]
    return np.concatenate([head[order], rows[:, None]], axis=1)


def _negatives(
    manifest: Manifest, queries: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """bool [queries, rows]: whether a pool row is a negative of a query."""
    mask = rows != manifest.queries[queries][:, None]
    query_place = np.full(len(manifest.queries), -1)
    query_place[queries] = np.arange(len(queries))
    row_place = np.full(len(manifest.image_ids), -1)
    row_place[rows] = np.arange(len(rows))
    first = query_place[manifest.full_allowed[:, 0]]
    second = row_place[manifest.full_allowed[:, 1]]
    found = (first >= 0) & (second >= 0)
    mask[first[found], second[found]] = False
    return mask


def full_gallery(manifest: Manifest, queries: np.ndarray) -> np.ndarray:
    """bool [queries, pool]: what is ranked for a query in the full gallery.

    Everything but further pictures of the product, equal texts and equal pictures.

    Args:
        manifest: the test set.
        queries: int [n], indices into `manifest.queries`.
    """
    mask = _negatives(manifest, queries, np.arange(len(manifest.image_ids)))
    mask[np.arange(len(queries)), manifest.queries[queries]] = True
    return mask


def full_blocks(
    manifest: Manifest, task: str, scores: Scores, queries: np.ndarray
) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """Yields pool rows [b] of queries and their scores float [b, pool].

    What is not in a query's gallery has -inf. In blocks: a large pool's matrix would
    not fit.

    Args:
        manifest: the test set.
        task: `itr` or `tir`.
        scores: of the pool.
        queries: int [n], indices into `manifest.queries`.
    """
    of_queries = scores.of_images if task == "itr" else scores.of_texts
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        rows = manifest.queries[block]
        listed = of_queries(rows)
        listed[~full_gallery(manifest, block)] = -np.inf
        yield rows, listed


def larger_blocks(
    manifest: Manifest, task: str, scores: Scores, queries: np.ndarray, draw: int
) -> Iterator[Tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields pool rows [b] of queries, their larger lists int32 [b, gallery] and the
    scores of these, float [b, gallery].

    Args:
        manifest, task, scores, queries: see `full_blocks`.
        draw: see `larger_lists`.
    """
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        rows = manifest.queries[block]
        lists = larger_lists(manifest, draw, block)
        yield rows, lists, scores.pairs(*as_pairs(task, rows, lists))
