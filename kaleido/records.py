"""The TFRecord schema: the only file that knows how an example is stored.

A records folder holds `<split>-00000-of-00010.tfrecord` shards with a JSON
sidecar each, `vocab.txt`, and `dataset.json`: the `RecordSpec` that says what
made the records, the number of examples by split, and the class lists.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from kaleido.files import read_json
from kaleido.masking import MAX_MASKED_TOKENS, patch_budget
from kaleido.patches import LAYOUTS, PatchLayout
from kaleido.text import Vocabulary, load_vocabulary

SCHEMA_VERSION = 3

# What records of one comparison share, whatever it is about; patches, foreground,
# alignments and masks may be what it compares.
SHARED = (
    "backbone", "backbone_fingerprint", "feature_size", "crop_size", "whole_crop_size",
    "vocabulary_fingerprint", "vocab_size", "max_tokens", "schema_version",
)


@dataclasses.dataclass(frozen=True)
class RecordSpec:
    """Everything that two sets of records must share to be interchangeable.

    Attributes:
        layout: key of `patches.LAYOUTS`.
        backbone, backbone_fingerprint, feature_size: what embedded the patches.
        crop_size, whole_crop_size: crop sides in pixels, see `extract_crops`.
        saliency, saliency_fingerprint: key of the foreground method, and its
            network's weights (empty where it has none).
        vocabulary_fingerprint, vocab_size: the word pieces.
        max_tokens: text length in pieces, [CLS] and [SEP] included.
        num_plans: mask plans in a record.
        alignment, aligner_fingerprint: how words were aligned with patches, and
            the network's weights (empty where it has none).
        masking: `agm`, or `random` where alignments were not to guide the plans.
        seed: of the mask plans.

    Of a model that was converted from another code only sizes are known; the other
    fields are None, and fit any.
    """

    layout: str
    backbone: Optional[str]
    backbone_fingerprint: Optional[str]
    feature_size: int
    crop_size: Optional[int]
    whole_crop_size: Optional[int]
    saliency: Optional[str]
    vocabulary_fingerprint: Optional[str]
    vocab_size: int
    max_tokens: int
    num_plans: Optional[int]
    alignment: Optional[str]
    masking: Optional[str]
    seed: Optional[int]
    saliency_fingerprint: Optional[str] = ""
    aligner_fingerprint: Optional[str] = ""
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def of_sizes(
        cls, layout: str, feature_size: int, vocab_size: int, max_tokens: int
    ) -> "RecordSpec":
        """Returns a spec of which nothing else is known."""
        unknown = {field.name: None for field in dataclasses.fields(cls)}
        known = {
            "layout": layout, "feature_size": feature_size, "vocab_size": vocab_size,
            "max_tokens": max_tokens, "schema_version": SCHEMA_VERSION,
        }
        return cls(**{**unknown, **known})

    def require_known(self) -> None:
        """Raises a ValueError if it is not known how the records are made."""
        unknown = [k for k, v in dataclasses.asdict(self).items() if v is None]
        if unknown:
            raise ValueError(
                "Nobody knows how pictures are cut and embedded for this model: "
                f"convert its checkpoint with --records. Received: unknown {unknown}"
            )

    @property
    def patch_layout(self) -> PatchLayout:
        return LAYOUTS[self.layout]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of all fields, 16 hexadecimal digits."""
        fields = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(fields.encode("utf-8")).hexdigest()[:16]

    def check_equals(
        self, other: "RecordSpec", what: str, names: Optional[Sequence[str]] = None
    ) -> None:
        """Raises a ValueError that names every field in which two specs differ.

        Args:
            other: the spec that was found.
            what: names where it was found.
            names: of the fields that are compared; None for all.
        """
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        different = [
            f"{key}: expected {mine[key]!r}, received {theirs[key]!r}"
            for key in (mine if names is None else names)
            if mine[key] is not None and mine[key] != theirs[key]
        ]
        if different:
            raise ValueError(
                f"{what} was made with another configuration. {'; '.join(different)}"
            )


@dataclasses.dataclass(frozen=True)
class RecordSet:
    """A finished records folder.

    Attributes:
        directory: where it is.
        spec: what made it.
        counts: examples by split.
        files: shard paths by split, in order.
        classes: for `category` and `subcategory`, the sorted names found in
            the training split, then those found elsewhere only.
        num_train_classes: how many of each were found in the training split.
        content: a fingerprint of the examples themselves.
        catalog: the fingerprint of the catalogue that they were built from; empty
            where the folder does not say.
    """

    directory: str
    spec: RecordSpec
    counts: Mapping[str, int]
    files: Mapping[str, Tuple[str, ...]]
    classes: Mapping[str, Tuple[str, ...]]
    num_train_classes: Mapping[str, int]
    content: str
    catalog: str = ""

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary whose ids the records hold."""
        return load_vocabulary(os.path.join(self.directory, "vocab.txt"))

    @property
    def origin(self) -> Dict[str, str]:
        """What these examples have in common with all that are made like them.

        Another processor rounds features in another way: of the same pictures, made
        alike, it has another `content`. Where the catalogue is not known, `content`.
        """
        source = {"catalog": self.catalog} if self.catalog else {
            "content": self.content
        }
        return {"spec": self.spec.fingerprint, **source}

    def require_split(self, split: str) -> None:
        """Raises a ValueError if a split holds no example."""
        if not self.counts.get(split):
            raise ValueError(
                f"{self.directory} has no {split} examples. "
                f"Received: counts={dict(self.counts)}"
            )

    def check_comparable(self, other: "RecordSet") -> None:
        """Raises a ValueError if two record sets cannot stand in one table.

        They are of one catalogue, and were made alike in all that `SHARED` names.
        """
        self.spec.check_equals(other.spec, other.directory, SHARED)
        if self.catalog != other.catalog:
            raise ValueError(
                f"{other.directory} and {self.directory} are of two catalogues, or of "
                f"one read in two ways. Received: {other.catalog or 'unknown'!r} and "
                f"{self.catalog or 'unknown'!r}"
            )


def open_records(directory: str) -> RecordSet:
    """Opens a records folder and checks that it is whole.

    Raises:
        ValueError: if the folder holds no finished records, records of another
            schema version, or a shard is missing or has another size.
    """
    content_path = os.path.join(directory, "dataset.json")
    if not os.path.exists(content_path):
        raise ValueError(
            f"{directory} holds no finished records (no dataset.json). Run "
            "`python -m tfrecords.build` first, or again if it was stopped."
        )
    content = read_json(content_path)
    version = content["spec"].get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{directory} has record schema version {version}, this code reads "
            f"{SCHEMA_VERSION}. Build the records again."
        )
    files: Dict[str, List[str]] = {}
    for shard in content["shards"]:
        shard_path = os.path.join(directory, shard["file"])
        if not os.path.exists(shard_path):
            raise ValueError(f"{shard_path} is missing; run the build again.")
        if os.path.getsize(shard_path) != shard["bytes"]:
            raise ValueError(
                f"{shard_path} should have {shard['bytes']} bytes. "
                f"Received: {os.path.getsize(shard_path)}"
            )
        if shard["examples"]:
            files.setdefault(shard["split"], []).append(shard_path)
    digests = " ".join(shard["sha256"] for shard in content["shards"])
    job = os.path.join(directory, "job.json")
    return RecordSet(
        directory=directory,
        spec=RecordSpec(**content["spec"]),
        counts=content["counts"],
        files={split: tuple(paths) for split, paths in files.items()},
        classes={k: tuple(v) for k, v in content["classes"].items()},
        num_train_classes=content["num_train_classes"],
        content=hashlib.sha256(digests.encode()).hexdigest()[:16],
        catalog=read_json(job).get("catalog", "") if os.path.exists(job) else "",
    )


def stable_key(text: str) -> int:
    """Returns a 63-bit hash of a string, the same everywhere."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _bytes(*values: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _array(values: np.ndarray, dtype: str) -> tf.train.Feature:
    return _bytes(np.ascontiguousarray(values, dtype=np.dtype(dtype)).tobytes())


def _integers(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def serialize_example(
    arrays: Mapping[str, np.ndarray], strings: Mapping[str, str],
    keys: Mapping[str, int],
) -> bytes:
    """Packs one example.

    Args:
        arrays: `features` [num_vectors, feature_size]; `patch_boxes`
            [num_patches, 4] pixels; `picture_size` [2] height and width in
            pixels; `token_ids` [max_tokens]; `alignments` and `alignment_scores`
            [max_tokens, 3], see `alignment.best_patches`; `token_plans`
            [num_plans, MAX_MASKED_TOKENS]; `patch_plans` [num_plans, budget];
            `thumbnail` JPEG bytes.
        strings: `product_id`, `image_id`, `text`, `category`, `subcategory`,
            `labels` (JSON); `generated_caption`, what the captioner wrote, by
            `Tokenizer.decode`, empty where it was not asked to write.
        keys: `record_key`, `product_key`, `text_key`, `picture_key`, int64.
    """
    feature = {
        "features": _array(arrays["features"], "<f2"),
        "patch_boxes": _array(arrays["patch_boxes"], "<i2"),
        "picture_size": _array(arrays["picture_size"], "<i2"),
        "token_ids": _array(arrays["token_ids"], "<i4"),
        "alignments": _array(arrays["alignments"], "<i2"),
        "alignment_scores": _array(arrays["alignment_scores"], "<f2"),
        "token_plans": _array(arrays["token_plans"], "<i2"),
        "patch_plans": _array(arrays["patch_plans"], "<i2"),
        "thumbnail": _bytes(arrays["thumbnail"]),
    }
    feature.update({k: _bytes(v.encode("utf-8")) for k, v in strings.items()})
    feature.update({k: _integers(v) for k, v in keys.items()})
    # A map field has no order of its own; a sorted one makes equal examples
    # equal bytes.
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


STRING_FIELDS = (
    "product_id", "image_id", "text", "category", "subcategory", "labels",
    "generated_caption", "thumbnail",
)
KEY_FIELDS = ("record_key", "product_key", "text_key", "picture_key")


def parse_examples(
    serialized: tf.Tensor, spec: RecordSpec, with_strings: bool = False
) -> Dict[str, tf.Tensor]:
    """Unpacks a batch of examples.

    Args:
        serialized: string [batch].
        spec: what made the records.
        with_strings: also returns `STRING_FIELDS`, string [batch] each.

    Returns:
        `features` float16 [batch, num_vectors, feature_size]; `patch_boxes`
        int32 [batch, num_patches, 4]; `picture_size` int32 [batch, 2];
        `token_ids` int32 [batch, max_tokens]; `token_plans` int32 [batch,
        num_plans, MAX_MASKED_TOKENS]; `patch_plans` int32 [batch, num_plans,
        budget]; `subcategory_key` int64 [batch]; `KEY_FIELDS` int64 [batch].
    """
    layout = spec.patch_layout
    arrays = {
        "features": (tf.float16, (layout.num_vectors, spec.feature_size)),
        "patch_boxes": (tf.int16, (layout.num_patches, 4)),
        "picture_size": (tf.int16, (2,)),
        "token_ids": (tf.int32, (spec.max_tokens,)),
        "token_plans": (tf.int16, (spec.num_plans, MAX_MASKED_TOKENS)),
        "patch_plans": (
            tf.int16, (spec.num_plans, sum(patch_budget(layout).values())),
        ),
    }
    names = list(arrays) + list(STRING_FIELDS if with_strings else ("subcategory",))
    description = {n: tf.io.FixedLenFeature([], tf.string) for n in names}
    description.update({n: tf.io.FixedLenFeature([], tf.int64) for n in KEY_FIELDS})
    parsed = tf.io.parse_example(serialized, description)
    for name, (dtype, shape) in arrays.items():
        values = tf.io.decode_raw(parsed[name], dtype)
        values = tf.reshape(values, (-1,) + shape)
        parsed[name] = tf.cast(values, tf.int32) if dtype == tf.int16 else values
    parsed["subcategory_key"] = tf.strings.to_hash_bucket_fast(
        parsed["subcategory"], 2**62
    )
    if not with_strings:
        del parsed["subcategory"]
    return parsed


def parse_subcategory_key(serialized: tf.Tensor) -> tf.Tensor:
    """Returns int64 [batch] hashes of the sub-categories, leaving the rest packed."""
    names = parse_string(serialized, "subcategory")
    return tf.strings.to_hash_bucket_fast(names, 2**62)


def count_pieces(record_set: RecordSet, split: str) -> np.ndarray:
    """Returns how often each word piece occurs in a split, int64 [vocab_size]."""
    counts = np.zeros(record_set.spec.vocab_size, np.int64)
    for serialized in tf.data.TFRecordDataset(list(record_set.files[split])).batch(512):
        ids = parse_token_ids(serialized, record_set.spec).numpy().ravel()
        counts += np.bincount(ids, minlength=len(counts))
    return counts


def read_strings(
    record_set: RecordSet, split: str, field: str
) -> Iterator[tf.Tensor]:
    """Yields one of `STRING_FIELDS` of a split, string [batch]."""
    dataset = tf.data.TFRecordDataset(list(record_set.files.get(split, ())))
    for serialized in dataset.batch(512):
        yield parse_string(serialized, field)


def parse_string(serialized: tf.Tensor, field: str) -> tf.Tensor:
    """Returns one of `STRING_FIELDS`, or an array's bytes, of a batch, string [batch];
    leaves the rest."""
    description = {field: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_example(serialized, description)[field]


def parse_identity(serialized: tf.Tensor) -> Dict[str, tf.Tensor]:
    """Returns only ids, sub-category and `KEY_FIELDS` of a batch."""
    description = {
        name: tf.io.FixedLenFeature([], tf.string)
        for name in ("image_id", "product_id", "subcategory")
    }
    description.update({n: tf.io.FixedLenFeature([], tf.int64) for n in KEY_FIELDS})
    return tf.io.parse_example(serialized, description)


def parse_token_ids(serialized: tf.Tensor, spec: RecordSpec) -> tf.Tensor:
    """Returns only the `token_ids` of a batch, int32 [batch, max_tokens]."""
    ids = tf.io.decode_raw(parse_string(serialized, "token_ids"), tf.int32)
    return tf.reshape(ids, [-1, spec.max_tokens])
