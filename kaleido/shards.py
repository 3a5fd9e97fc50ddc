"""A shard is the unit of preprocessing: one slice of a catalogue, one TFRecord.

A shard is written under a temporary name and renamed when it is complete, its
sidecar after it. A run that was killed leaves whole shards and rubbish with
other names; the next run makes only what is missing, byte for byte the same.
"""

from __future__ import annotations

import collections
import dataclasses
import glob
import hashlib
import os
import uuid
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf

from kaleido.catalogs.product import SPLITS, Catalog, Rejection, Scan
from kaleido.files import (
    claim_folder,
    digest_arrays,
    read_json,
    sha256_of,
    write_json,
)
from kaleido.masking import ALIGNED_LEVELS
from kaleido.preprocessing import Preprocessor
from kaleido.records import RecordSpec


@dataclasses.dataclass(frozen=True)
class Shard:
    """One slice of a catalogue.

    Attributes:
        file: name of the TFRecord file.
        split: one of `SPLITS`.
        rows: int64 [n], catalogue rows.
    """

    file: str
    split: str
    rows: np.ndarray

    @property
    def sidecar(self) -> str:
        return self.file[: -len(".tfrecord")] + ".json"


def plan_shards(scan: Scan, shard_size: int) -> List[Shard]:
    """Cuts each split into slices of `shard_size` rows at most, of equal size."""
    if shard_size < 1:
        raise ValueError(f"`shard_size` must be positive. Received: {shard_size}")
    shards = []
    for split in SPLITS:
        rows = scan.rows.get(split, np.zeros(0, np.int64))
        if not len(rows):
            continue
        count = -(-len(rows) // shard_size)
        for index, part in enumerate(np.array_split(rows, count)):
            name = f"{split}-{index:05d}-of-{count:05d}.tfrecord"
            shards.append(Shard(name, split, part))
    return shards


def claim_directory(
    directory: str,
    spec: RecordSpec,
    catalog: Catalog,
    shard_size: int,
    batch_size: int,
    learnt_pieces: Optional[int] = None,
) -> None:
    """Marks a folder as holding the records of one job, and of no other.

    Args:
        directory: the folder.
        spec, catalog: of the records.
        shard_size: rows of a shard.
        batch_size: pictures in a backbone batch.
        learnt_pieces: size asked of a vocabulary learnt for the folder, else None.

    Raises:
        ValueError: if it holds those of another; names what differs.
    """
    job = {
        **dataclasses.asdict(spec),
        "catalog": catalog.fingerprint,
        "shard_size": shard_size,
        # Sums may be rounded otherwise in a batch of another size.
        "batch_size": batch_size,
        "learnt_pieces": learnt_pieces,
    }
    claim_folder(directory, job, "the records", ["*.tfrecord"])


def finished_sidecar(directory: str, shard: Shard) -> Optional[Dict[str, Any]]:
    """Returns a shard's sidecar if the shard is complete, else None."""
    path = os.path.join(directory, shard.sidecar)
    records_path = os.path.join(directory, shard.file)
    if not (os.path.exists(path) and os.path.exists(records_path)):
        return None
    sidecar = read_json(path)
    whole = os.path.getsize(records_path) == sidecar["bytes"]
    # A picture that came or went since moves rows from shard to shard.
    same = sidecar.get("rows_sha256") == _rows_sha256(shard)
    return sidecar if whole and same else None


def _rows_sha256(shard: Shard) -> str:
    return hashlib.sha256(shard.rows.astype("<i8").tobytes()).hexdigest()


# Captions of a shard that are counted one by one in its sidecar.
_COMMONEST = 5


class _ShardWriter:
    """Collects a shard's examples and finishes it with its sidecar."""

    def __init__(self, directory: str, shard: Shard):
        self._shard = shard
        self._directory = directory
        self._path = os.path.join(directory, shard.file)
        # Of its own: a cluster may try a shard twice at a time.
        self._temporary = f"{self._path}.tmp-{uuid.uuid4().hex[:8]}"
        self._writer = tf.io.TFRecordWriter(self._temporary)
        self._rejected: List[Rejection] = []
        self._counts: Dict[str, collections.Counter] = {
            "category": collections.Counter(), "subcategory": collections.Counter(),
        }
        self._examples = self._whole_pictures = 0
        self._unaligned = self._empty_captions = 0
        self._captions: collections.Counter = collections.Counter()
        self._places = np.zeros(min(ALIGNED_LEVELS) ** 2, np.int64)

    def add(self, item) -> None:
        if isinstance(item, Rejection):
            self._rejected.append(item)
            return
        self._writer.write(item.serialized)
        self._examples += 1
        self._whole_pictures += item.is_whole
        self._unaligned += not item.has_alignment
        self._empty_captions += item.has_caption is False
        if item.caption_ids is not None:
            self._captions[digest_arrays(item.caption_ids)] += 1
        places = item.alignments[:, 0]
        self._places += np.bincount(places[places >= 0], minlength=len(self._places))
        for label, counter in self._counts.items():
            counter[getattr(item.product, label)] += 1

    def finish(self) -> Dict[str, Any]:
        self._writer.close()
        sidecar = {
            "file": self._shard.file,
            "split": self._shard.split,
            "rows": len(self._shard.rows),
            "rows_sha256": _rows_sha256(self._shard),
            "examples": self._examples,
            "whole_pictures": self._whole_pictures,
            "unaligned": self._unaligned,
            "empty_captions": self._empty_captions,
            "captions": sum(self._captions.values()),
            # The commonest ones: a digest, and how often it was written.
            "commonest_captions": dict(self._captions.most_common(_COMMONEST)),
            # How many word pieces point to each patch of the coarsest aligned level.
            "aligned_places": self._places.tolist(),
            "rejected": [dataclasses.asdict(r) for r in self._rejected],
            "classes": {k: dict(v) for k, v in self._counts.items()},
            "bytes": os.path.getsize(self._temporary),
            "sha256": sha256_of(self._temporary),
        }
        os.replace(self._temporary, self._path)
        write_json(os.path.join(self._directory, self._shard.sidecar), sidecar)
        return sidecar


def write_shards(
    directory: str,
    shards: Sequence[Shard],
    catalog: Catalog,
    preprocessor: Preprocessor,
    on_items: Callable[[Iterable], None] = lambda items: None,
) -> List[Dict[str, Any]]:
    """Makes shards, each whole or not at all.

    Args:
        directory: where they go; see `claim_directory`.
        shards: what to make.
        catalog: where the products come from.
        preprocessor: what turns them into examples.
        on_items: is told of every batch of examples and rejections.

    Returns:
        The sidecars, in the order of `shards`.
    """
    sidecars: List[Dict[str, Any]] = []
    writer, current = None, -1
    for unit, items in preprocessor.examples(catalog.read, [s.rows for s in shards]):
        if unit != current:
            if writer is not None:
                sidecars.append(writer.finish())
            writer, current = _ShardWriter(directory, shards[unit]), unit
        for item in items:
            writer.add(item)
        on_items(items)
    if writer is not None:
        sidecars.append(writer.finish())
    return sidecars


def count_examples(sidecars: Iterable[Mapping[str, Any]]) -> Dict[str, int]:
    """Returns the number of examples of each split."""
    counts: collections.Counter = collections.Counter()
    for sidecar in sidecars:
        counts[sidecar["split"]] += sidecar["examples"]
    return dict(counts)


def finish_dataset(
    directory: str, spec: RecordSpec, sidecars: Iterable[Mapping[str, Any]]
) -> Dict[str, Any]:
    """Writes `dataset.json`, which makes a records folder readable.

    Class lists hold the training split's names first, so that ids of a class
    that training never saw lie behind all others.

    Returns:
        The content of the file.
    """
    sidecars = list(sidecars)
    for left_by_a_crash in glob.glob(os.path.join(directory, "*.tfrecord.tmp-*")):
        os.remove(left_by_a_crash)
    classes, num_train_classes = {}, {}
    for label in ("category", "subcategory"):
        train, other = set(), set()
        for sidecar in sidecars:
            names = set(sidecar["classes"][label]) - {""}
            (train if sidecar["split"] == "train" else other).update(names)
        classes[label] = sorted(train) + sorted(other - train)
        num_train_classes[label] = len(train)
    content = {
        "spec": dataclasses.asdict(spec),
        "fingerprint": spec.fingerprint,
        "counts": count_examples(sidecars),
        "classes": classes,
        "num_train_classes": num_train_classes,
        "shards": [
            {k: s[k] for k in ("file", "split", "examples", "bytes", "sha256")}
            for s in sidecars
        ],
    }
    write_json(os.path.join(directory, "dataset.json"), content)
    return content

