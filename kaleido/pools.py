"""The pool of a split: audited against training, drawn from, put into its order."""

from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple

import numpy as np
from absl import logging

from kaleido import inference
from kaleido.leak_audit import audit
from kaleido.manifest import (
    CANDIDATES,
    Manifest,
    digest_keys,
    draw_manifest,
    list_length,
)
from kaleido.records import RecordSet

_KEYS = ("product", "text", "picture")


def audited_pairs(
    records: RecordSet, split: str
) -> Tuple[Dict[str, Any], Dict[str, int]]:
    """Reads the ids and keys of a split, without the pairs that training knows.

    Args:
        records: the records.
        split: one that is to be measured on. Of `train` nothing is left out: who asks
            for it wants to see what was learnt by heart.

    Returns:
        What `draw_manifest` takes, and the counts of the audit (`leak_audit.Audit`).
    """
    pairs = inference.load_ids_and_keys(records, split)
    if split == "train":
        known = {name: values[:0] for name, values in pairs.items()}
    else:
        known = inference.load_ids_and_keys(records, "train")
    found = audit(known, pairs)
    kept = np.flatnonzero(~found.leaked)
    if found.counts["removed"]:
        logging.warning(
            "%d of %d pairs of the %s split share a product or a picture with "
            "training, and are left out: %s",
            found.counts["removed"], len(found.leaked), split, found.counts,
        )
    left = {
        name: values[kept] if isinstance(values, np.ndarray)
        else [values[row] for row in kept]
        for name, values in pairs.items()
    }
    return left, found.counts


def rankable_pairs(
    records: RecordSet, split: str
) -> Tuple[Dict[str, Any], Dict[str, int]]:
    """Returns `audited_pairs` of a split that queries can be drawn from.

    Raises:
        ValueError: if the split is empty, or a query has no wrong candidate.
    """
    records.require_split(split)
    pairs, counts = audited_pairs(records, split)
    if list_length(**pairs) < 2:
        raise ValueError(
            f"The {split} split of {records.directory} is too small to rank anything: "
            f"a query has no wrong candidate. Received: {len(pairs['image_ids'])} "
            f"pairs, {counts['removed']} more that training knows"
        )
    return pairs, counts


def draw_test(
    records: RecordSet, split: str, seed: int, draws: int = 5
) -> Manifest:
    """Draws the manifest of a split; a small one has shorter lists, and a warning.

    Args:
        records: the records; what training knows of the split is left out first.
        split: the pool and the queries.
        seed: of all draws.
        draws: independent candidate lists a query.

    Raises:
        ValueError: if the split is empty, or a query has no wrong candidate.
    """
    pairs, counts = rankable_pairs(records, split)
    candidates, count = list_length(**pairs), len(pairs["image_ids"])
    if candidates < CANDIDATES:
        logging.warning(
            "%d pairs of the %s split are too few for lists of %d candidates: lists "
            "have %d, and figures are higher than those of %d would be.",
            count, split, CANDIDATES, candidates, CANDIDATES,
        )
    subcategories = list(pairs["subcategories"])
    if not any(subcategories):
        logging.warning(
            "No pair of the %s split has a sub-category: lists are drawn from the "
            "whole split, and figures are higher than those of the paper's protocol.",
            split,
        )
    origin = {"split": split, "records": records.content, "audit": counts}
    return draw_manifest(
        **pairs, seed=seed, draws=draws, candidates=candidates, origin=origin
    )


def _places(
    manifest: Manifest, image_ids: Sequence[str], keys: Sequence[np.ndarray], what: str
) -> np.ndarray:
    """Returns the rows of a split that are a manifest's pool, in its order.

    Args:
        manifest: the test set.
        image_ids: of the split, which also holds what the audit has left out.
        keys: of the split: of products, texts and pictures, int64 [n] each.
        what: names the split, for the error.

    Raises:
        ValueError: if the manifest was drawn from other pairs.
    """
    place = {image_id: i for i, image_id in enumerate(image_ids)}
    missing = [i for i in manifest.image_ids if i not in place]
    left_out = manifest.settings.get("audit", {}).get("removed", 0)
    if missing or len(place) != len(manifest.image_ids) + left_out:
        raise ValueError(
            f"The manifest was drawn from another catalogue, or split, than {what}: it "
            f"has {len(manifest.image_ids)} pairs and leaves out {left_out}, the "
            f"records have {len(place)}. Received: e.g. {missing[:3]}"
        )
    order = np.array([place[i] for i in manifest.image_ids])
    found = digest_keys(*(values[order] for values in keys))
    if found != manifest.keys:
        raise ValueError(
            f"The manifest was drawn from another catalogue than {what}: it names its "
            f"pictures alike, but products, texts or pictures differ. Received: keys "
            f"{found}, the manifest's are {manifest.keys}"
        )
    return order


def read_manifest(path: str, records: RecordSet, split: str) -> Manifest:
    """Reads a manifest that is to be asked of a split; see `require_pool`."""
    with open(path, encoding="utf-8") as file:
        manifest = Manifest.from_json(file.read())
    require_pool(records, manifest, split)
    return manifest


def require_pool(records: RecordSet, manifest: Manifest, split: str) -> None:
    """Raises a ValueError unless a manifest was drawn from a split of the catalogue.

    Nor may training know any of it: other records of the catalogue may train on more.
    Reads ids and keys only: it is asked before anything is trained or scored.
    """
    pairs = inference.load_ids_and_keys(records, split)
    keys = [pairs[f"{name}_keys"] for name in _KEYS]
    what = f"the {split} split of {records.directory}"
    _places(manifest, pairs["image_ids"], keys, what)
    unseen = set(audited_pairs(records, split)[0]["image_ids"])
    known = [image_id for image_id in manifest.image_ids if image_id not in unseen]
    if known:
        raise ValueError(
            f"The manifest asks for {len(known)} pairs that share a product or a "
            f"picture with the training split of {records.directory}; draw it again. "
            f"Received: e.g. {known[:3]}"
        )


def align(split: inference.Split, manifest: Manifest, what: str) -> inference.Split:
    """Takes a manifest's pool out of a split, in its order.

    Args:
        split: holds the pool, and the pairs that the audit has left out.
        manifest: the test set.
        what: names the split, for the error.

    Raises:
        ValueError: if the manifest was drawn from other pairs.
    """
    keys = [split.arrays[f"{name}_key"] for name in _KEYS]
    order = _places(manifest, split.strings["image_id"], keys, what)
    return inference.Split(
        {k: v[order] for k, v in split.arrays.items()},
        {k: [v[i] for i in order] for k, v in split.strings.items()},
    )
