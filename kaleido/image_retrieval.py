"""Image to image: a picture of a product finds its other pictures in the whole pool."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from kaleido.metrics.retrieval import rank_shares
from kaleido.retrieval_figures import rounded

# Queries that are ranked together.
_BLOCK = 1024


def image_ranks(
    vectors: np.ndarray,
    queries: np.ndarray,
    product_keys: np.ndarray,
    picture_keys: np.ndarray,
) -> np.ndarray:
    """Returns the rank of the first right picture, ties against it.

    Right are the other pictures of the query's product. Wrong are those of other
    products, but for byte-identical copies of one of its own: nobody could tell them
    apart.

    Args:
        vectors: float32 [pool, size], unit vectors.
        queries: int [n], pool rows; those whose product has no other picture are
            left out.
        product_keys, picture_keys: int64 [pool].

    Returns:
        int64 [m], 1 is best; m <= n.
    """
    ranks = [np.zeros(0, np.int64)]
    different, pictures = np.unique(picture_keys, return_inverse=True)
    for start in range(0, len(queries), _BLOCK):
        rows = queries[start : start + _BLOCK]
        scores = vectors[rows] @ vectors.T
        same = product_keys[rows][:, None] == product_keys
        right = same & (pictures[rows][:, None] != pictures)
        asked, own = np.nonzero(same)
        held = np.zeros((len(rows), len(different)), bool)
        held[asked, pictures[own]] = True
        wrong = ~same & ~held[:, pictures]
        best = np.where(right, scores, -np.inf).max(axis=1)
        ahead = (scores >= best[:, None]) & wrong
        ranks.append(1 + ahead.sum(axis=1)[right.any(axis=1)])
    return np.concatenate(ranks)


def image_to_image(
    vectors: np.ndarray,
    queries: np.ndarray,
    product_keys: np.ndarray,
    picture_keys: np.ndarray,
) -> Dict[str, Any]:
    """Returns `queries` and, if there are any, their Rank@k and median rank.

    Takes what `image_ranks` takes.
    """
    ranks = image_ranks(vectors, queries, product_keys, picture_keys)
    figures = rounded(rank_shares(ranks)) if len(ranks) else {}
    return {"queries": len(ranks), **figures}
