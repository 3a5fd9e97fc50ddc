"""The retrieval test set as a file: seeded, versioned, the same for every model.

A query's candidates are its own partner and `candidates - 1` others of the same
sub-category; where a sub-category is too small the rest is drawn from the whole
pool, and the share of true neighbours is reported as the fill rate. Pairs of one
product, or with equal texts, are never negatives.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy as np

VERSION = 1

# Of a list, the own one included (the paper, section 4.2).
CANDIDATES = 101


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Queries and candidates by index into the pool.

    Attributes:
        image_ids: of the pool, sorted.
        queries: int32 [queries], the pool's rows that are asked for.
        candidates: int32 [draws, queries, candidates]; the own one stands at
            column `own`.
        own: int32 [draws, queries].
        full_allowed: for the full gallery, pairs (query, row) that are no
            negatives: int32 [n, 2], equal texts and further pictures of one
            product, the own row left out.
        fill_rate: share of negatives that are of the query's sub-category.
        all_neighbours: bool [queries], whether all negatives are, in every draw.
        settings: how it was drawn.
    """

    image_ids: Tuple[str, ...]
    queries: np.ndarray
    candidates: np.ndarray
    own: np.ndarray
    full_allowed: np.ndarray
    fill_rate: float
    all_neighbours: np.ndarray
    settings: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hash of what is asked and of whom, 16 hexadecimal digits."""
        digest = hashlib.sha256("\n".join(self.image_ids).encode("utf-8"))
        for array in (self.queries, self.candidates, self.own):
            digest.update(np.ascontiguousarray(array, "<i4").tobytes())
        return digest.hexdigest()[:16]

    def summary(self) -> Dict[str, Any]:
        """What results say of the manifest they were measured with."""
        return {
            **self.settings,
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "queries": len(self.queries),
            "pool": len(self.image_ids),
            "fill_rate": round(self.fill_rate, 4),
            "queries_all_of_subcategory": int(self.all_neighbours.sum()),
        }

    def to_json(self) -> str:
        """Returns the whole manifest as JSON."""
        return json.dumps(
            {
                "summary": self.summary(),
                "settings": dict(self.settings),
                "image_ids": self.image_ids,
                "queries": self.queries.tolist(),
                "candidates": self.candidates.tolist(),
                "own": self.own.tolist(),
                "full_allowed": self.full_allowed.tolist(),
                "all_neighbours": self.all_neighbours.tolist(),
                "fill_rate": self.fill_rate,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Reads what `to_json` wrote.

        Raises:
            ValueError: if it was written by another version.
        """
        content = json.loads(text)
        if content["summary"]["version"] != VERSION:
            raise ValueError(
                f"This code reads manifest version {VERSION}. "
                f"Received: version {content['summary']['version']}"
            )
        return cls(
            image_ids=tuple(content["image_ids"]),
            queries=np.array(content["queries"], np.int32),
            candidates=np.array(content["candidates"], np.int32),
            own=np.array(content["own"], np.int32),
            full_allowed=np.array(content["full_allowed"], np.int32).reshape(-1, 2),
            fill_rate=content["fill_rate"],
            all_neighbours=np.array(content["all_neighbours"], bool),
            settings=content["settings"],
        )


def draw_manifest(
    image_ids: Sequence[str],
    product_keys: np.ndarray,
    text_keys: np.ndarray,
    subcategories: Sequence[str],
    seed: int = 0,
    draws: int = 5,
    candidates: int = CANDIDATES,
    max_queries: int = 0,
) -> Manifest:
    """Draws the candidates of every query.

    Args:
        image_ids: of the pool; the manifest's pool is sorted by them, so that
            the order of shards does not matter.
        product_keys, text_keys: int64 [pool].
        subcategories: of the pool.
        seed: of all draws.
        draws: independent candidate lists a query.
        candidates: of a list, the own one included.
        max_queries: draws that many queries; 0 takes the whole pool.

    Raises:
        ValueError: if the pool is too small for one list.
    """
    image_ids = np.asarray(image_ids, object).astype(str)
    order = np.argsort(image_ids, kind="stable")
    image_ids = image_ids[order]
    product_keys = np.asarray(product_keys)[order]
    text_keys = np.asarray(text_keys)[order]
    subcategories = np.asarray(subcategories, object).astype(str)[order]
    _, classes = np.unique(subcategories, return_inverse=True)
    # Without a sub-category a product has no neighbours.
    classes[subcategories == ""] = -1 - np.flatnonzero(subcategories == "")
    rng = np.random.default_rng([VERSION, seed])
    queries = np.arange(len(image_ids))
    if max_queries and max_queries < len(queries):
        queries = np.sort(rng.choice(queries, max_queries, replace=False))

    wanted = candidates - 1
    lists = np.zeros((draws, len(queries), candidates), np.int32)
    own = np.zeros((draws, len(queries)), np.int32)
    neighbours, allowed = np.zeros((draws, len(queries)), np.int32), []
    for q, row in enumerate(queries):
        same = (product_keys == product_keys[row]) | (text_keys == text_keys[row])
        allowed += [(q, other) for other in np.flatnonzero(same) if other != row]
        near = np.flatnonzero((classes == classes[row]) & ~same)
        far = np.flatnonzero((classes != classes[row]) & ~same)
        if len(near) + len(far) < wanted:
            raise ValueError(
                f"The pool holds {len(image_ids)} pairs, too few for lists of "
                f"{candidates} candidates. Received: {len(near) + len(far)} "
                f"negatives for {image_ids[row]}"
            )
        for d in range(draws):
            chosen = rng.permutation(near)[:wanted]
            neighbours[d, q] = len(chosen)
            rest = rng.choice(far, wanted - len(chosen), replace=False)
            # The own candidate's place is drawn, too: no scorer can gain by
            # liking the first.
            own[d, q] = rng.integers(candidates)
            lists[d, q] = np.insert(np.concatenate([chosen, rest]), own[d, q], row)
    return Manifest(
        image_ids=tuple(image_ids.tolist()),
        queries=queries.astype(np.int32),
        candidates=lists,
        own=own,
        full_allowed=np.array(allowed, np.int32).reshape(-1, 2),
        fill_rate=float(neighbours.mean() / wanted),
        all_neighbours=(neighbours == wanted).all(axis=0),
        settings={"seed": seed, "draws": draws, "candidates": candidates,
                  "max_queries": max_queries},
    )


def list_length(product_keys: np.ndarray, text_keys: np.ndarray, **_: Any) -> int:
    """Returns `CANDIDATES`, or the longest lists that a small pool allows.

    Takes what `draw_manifest` takes. The length is a bound: pairs that share a product
    and a text are counted twice. It is 1 where a pair has no negative.
    """
    _, product, products = np.unique(
        product_keys, return_inverse=True, return_counts=True
    )
    _, text, texts = np.unique(text_keys, return_inverse=True, return_counts=True)
    negatives = len(product) - products[product] - texts[text] + 1
    return min(1 + max(int(negatives.min(initial=CANDIDATES)), 0), CANDIDATES)
