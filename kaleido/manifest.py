"""The retrieval test set as a file: seeded, versioned, the same for every model.

A query's candidates are its own partner and `candidates - 1` others of the same
sub-category; where a sub-category is too small the rest is drawn from the whole
pool, and the share of true neighbours is reported as the fill rate. Beside these
lists there is a larger gallery, drawn from the whole pool, and the pool itself
(`galleries.py`). Pairs of one product, with equal texts or with byte-identical
pictures, are never negatives.

Version 1 knew neither the larger gallery nor equal pictures: for the same pool, seed
and draws the lists are the same unless the pool holds equal pictures under several
products and texts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy as np

from kaleido.files import digest_arrays

VERSION = 2
# Seeds the lists' random stream with `seed`. It is that of version 1 and stays, so
# that figures of both versions compare.
_STREAM = 1
# The permutations have a stream of their own: they must not move that of the lists.
_GALLERY_STREAM = 2

# Of a list, the own one included (the paper, section 4.2).
CANDIDATES = 101
# Of a list of the larger gallery, the own one included.
GALLERY = 1000


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Queries and candidates by index into the pool.

    Attributes:
        image_ids: of the pool, sorted.
        queries: int32 [queries], the pool's rows that are asked for.
        candidates: int32 [draws, queries, candidates]; the own one stands at
            column `own`.
        own: int32 [draws, queries].
        permutations: int32 [draws, pool], the order in which the larger gallery takes
            its negatives, see `galleries.larger_lists`.
        full_allowed: pairs (query, row) that are no negatives: int32 [n, 2], equal
            texts, equal pictures and further pictures of one product, the own row
            left out.
        fill_rate: share of negatives that are of the query's sub-category.
        all_neighbours: bool [queries], whether all negatives are, in every draw.
        keys: hash of the pool's products, texts and pictures, see `digest_keys`.
        settings: how it was drawn: `seed`, `draws`, `candidates`, `gallery` (0 where
            the pool is too small for it), `max_queries`; of a pool that comes from
            records also `split`, `records` and `audit`, see `pools.draw_test`.
    """

    image_ids: Tuple[str, ...]
    queries: np.ndarray
    candidates: np.ndarray
    own: np.ndarray
    permutations: np.ndarray
    full_allowed: np.ndarray
    fill_rate: float
    all_neighbours: np.ndarray
    keys: str
    settings: Mapping[str, Any]

    @property
    def gallery(self) -> int:
        """Candidates of the larger gallery; 0 where the pool is too small for it."""
        return self.settings["gallery"]

    @property
    def fingerprint(self) -> str:
        """Hash of what is asked and of whom, 16 hexadecimal digits.

        Not of the records' features: the same questions to a model of another
        backbone are the same manifest.
        """
        digest = hashlib.sha256("\n".join(self.image_ids).encode("utf-8"))
        arrays = (
            self.queries, self.candidates, self.own, self.permutations,
            self.full_allowed,
        )
        digest.update(digest_arrays(*arrays).encode("utf-8"))
        digest.update(f"{VERSION} {self.gallery} {self.keys}".encode("utf-8"))
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
        content = {
            "summary": self.summary(),
            "settings": dict(self.settings),
            "image_ids": self.image_ids,
            "keys": self.keys,
            "queries": self.queries.tolist(),
            "candidates": self.candidates.tolist(),
            "own": self.own.tolist(),
            "permutations": self.permutations.tolist(),
            "full_allowed": self.full_allowed.tolist(),
            "all_neighbours": self.all_neighbours.tolist(),
            "fill_rate": self.fill_rate,
        }
        return json.dumps({**content, "digest": _digest(content)})

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Reads what `to_json` wrote.

        Raises:
            ValueError: if it was written by another version, is no manifest, or was
                changed since.
        """
        try:
            content = json.loads(text)
            version, digest = content["summary"]["version"], content.pop("digest", None)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"The file is no manifest. Received: {text[:60]!r} ..."
            ) from error
        if version != VERSION:
            raise ValueError(
                f"This code reads manifest version {VERSION}; draw it again with "
                f"`python -m experiments.make_manifest`. Received: version {version}"
            )
        manifest = cls(
            image_ids=tuple(content["image_ids"]),
            keys=content["keys"],
            queries=np.array(content["queries"], np.int32),
            candidates=np.array(content["candidates"], np.int32),
            own=np.array(content["own"], np.int32),
            permutations=np.array(content["permutations"], np.int32),
            full_allowed=np.array(content["full_allowed"], np.int32).reshape(-1, 2),
            fill_rate=content["fill_rate"],
            all_neighbours=np.array(content["all_neighbours"], bool),
            settings=content["settings"],
        )
        # Of all that the file says: the fingerprint is of what is asked alone.
        if digest != _digest(content):
            raise ValueError(
                "The manifest was changed after it was drawn. Received: a file of "
                f"digest {_digest(content)}, which says of itself {digest}"
            )
        return manifest


def _digest(content: Mapping[str, Any]) -> str:
    """Returns a hash of a manifest's file, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content).encode("utf-8")).hexdigest()[:16]


def digest_keys(
    product_keys: np.ndarray, text_keys: np.ndarray, picture_keys: np.ndarray
) -> str:
    """Returns a hash of pairs in their order, 16 hexadecimal digits.

    Catalogues may number their pictures alike; their texts and pictures differ.

    Args:
        product_keys, text_keys, picture_keys: int64 [pool].
    """
    keys = (product_keys, text_keys, picture_keys)
    return digest_arrays(*(np.asarray(k, np.int64) for k in keys))


def draw_manifest(
    image_ids: Sequence[str],
    product_keys: np.ndarray,
    text_keys: np.ndarray,
    picture_keys: np.ndarray,
    subcategories: Sequence[str],
    seed: int = 0,
    draws: int = 5,
    candidates: int = CANDIDATES,
    gallery: int = GALLERY,
    max_queries: int = 0,
    origin: Mapping[str, Any] | None = None,
) -> Manifest:
    """Draws the candidates of every query.

    Args:
        image_ids: of the pool; the manifest's pool is sorted by them, so that
            the order of shards does not matter.
        product_keys, text_keys, picture_keys: int64 [pool], see `records.KEY_FIELDS`.
        subcategories: of the pool.
        seed: of all draws.
        draws: independent candidate lists a query.
        candidates: of a list, the own one included.
        gallery: of a list of the larger gallery, likewise.
        max_queries: draws that many queries; 0 takes the whole pool.
        origin: what the settings say besides of where the pool comes from.

    Raises:
        ValueError: if the pool is too small for one list.
    """
    image_ids = np.asarray(image_ids, object).astype(str)
    order = np.argsort(image_ids, kind="stable")
    image_ids = image_ids[order]
    product_keys = np.asarray(product_keys)[order]
    text_keys = np.asarray(text_keys)[order]
    picture_keys = np.asarray(picture_keys)[order]
    subcategories = np.asarray(subcategories, object).astype(str)[order]
    _, classes = np.unique(subcategories, return_inverse=True)
    # Without a sub-category a product has no neighbours.
    classes[subcategories == ""] = -1 - np.flatnonzero(subcategories == "")
    rng = np.random.default_rng([_STREAM, seed])
    queries = np.arange(len(image_ids))
    if max_queries and max_queries < len(queries):
        queries = np.sort(rng.choice(queries, max_queries, replace=False))

    wanted = candidates - 1
    lists = np.zeros((draws, len(queries), candidates), np.int32)
    own = np.zeros((draws, len(queries)), np.int32)
    neighbours, allowed = np.zeros((draws, len(queries)), np.int32), []
    fewest = len(image_ids)
    for q, row in enumerate(queries):
        same = (product_keys == product_keys[row]) | (text_keys == text_keys[row])
        same |= picture_keys == picture_keys[row]
        allowed += [(q, other) for other in np.flatnonzero(same) if other != row]
        near = np.flatnonzero((classes == classes[row]) & ~same)
        far = np.flatnonzero((classes != classes[row]) & ~same)
        if len(near) + len(far) < wanted:
            raise ValueError(
                f"The pool holds {len(image_ids)} pairs, too few for lists of "
                f"{candidates} candidates. Received: {len(near) + len(far)} "
                f"negatives for {image_ids[row]}"
            )
        fewest = min(fewest, len(near) + len(far))
        for d in range(draws):
            chosen = rng.permutation(near)[:wanted]
            neighbours[d, q] = len(chosen)
            rest = rng.choice(far, wanted - len(chosen), replace=False)
            # The own candidate's place is drawn, too: no scorer can gain by
            # liking the first.
            own[d, q] = rng.integers(candidates)
            lists[d, q] = np.insert(np.concatenate([chosen, rest]), own[d, q], row)
    permuted = np.random.default_rng([_GALLERY_STREAM, seed])
    permutations = [permuted.permutation(len(image_ids)) for _ in range(draws)]
    return Manifest(
        image_ids=tuple(image_ids.tolist()),
        queries=queries.astype(np.int32),
        candidates=lists,
        own=own,
        permutations=np.array(permutations, np.int32),
        full_allowed=np.array(allowed, np.int32).reshape(-1, 2),
        fill_rate=float(neighbours.mean() / wanted),
        all_neighbours=(neighbours == wanted).all(axis=0),
        keys=digest_keys(product_keys, text_keys, picture_keys),
        settings={
            "seed": seed, "draws": draws, "candidates": candidates,
            "gallery": gallery if fewest >= gallery - 1 else 0,
            "max_queries": max_queries, **(origin or {}),
        },
    )


def list_length(
    product_keys: np.ndarray, text_keys: np.ndarray, picture_keys: np.ndarray, **_: Any
) -> int:
    """Returns `CANDIDATES`, or the longest lists that a small pool allows.

    Takes what `draw_manifest` takes. The length is a bound: pairs that share several of
    product, text and picture are counted several times. It is 1 where a pair has no
    negative, or there is no pair.
    """
    if not len(product_keys):
        return 1
    # All but the pair itself, which each of the three counts once.
    negatives = np.full(len(product_keys), len(product_keys) - 1)
    for keys in (product_keys, text_keys, picture_keys):
        _, place, times = np.unique(keys, return_inverse=True, return_counts=True)
        negatives -= times[place] - 1
    return min(1 + max(int(negatives.min()), 0), CANDIDATES)
