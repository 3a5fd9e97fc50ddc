"""A small records folder whose every vector and word says where it comes from."""

from __future__ import annotations

import dataclasses
import os
from typing import Sequence

import numpy as np
import tensorflow as tf

from kaleido import files, records, shards
from kaleido.masking import random_plans
from kaleido.text import RESERVED, Vocabulary

WORDS = tuple(f"word{i}" for i in range(40))
NAMES = tuple(f"name{i}" for i in range(80))
VOCABULARY = Vocabulary((*RESERVED, "[unused0]", *WORDS, "##er", *NAMES))
CLS, SEP = VOCABULARY.ids["[CLS]"], VOCABULARY.ids["[SEP]"]
MAX_TOKENS = 24
FEATURE_SIZE = 4

SPEC = records.RecordSpec(
    layout="kaleido", backbone="efficientnet_lite0", backbone_fingerprint="0" * 16,
    feature_size=FEATURE_SIZE, crop_size=16, whole_crop_size=16, saliency="none",
    vocabulary_fingerprint=VOCABULARY.fingerprint, vocab_size=len(VOCABULARY),
    max_tokens=MAX_TOKENS, num_plans=4, masking="random", alignment="none", seed=0,
)


@dataclasses.dataclass(frozen=True)
class Item:
    """One example.

    Attributes:
        index: its number; product, picture and (by default) text are its own.
        product: number of the product.
        pieces: ids of its text, without [CLS] and [SEP].
        text_key: number of its text.
        subcategory: its label.
        constant: gives all patches one vector, the same for all items.
    """

    index: int
    product: int
    pieces: Sequence[int]
    text_key: int
    subcategory: str
    constant: bool = False

    @property
    def token_ids(self) -> np.ndarray:
        ids = [CLS, *self.pieces, SEP]
        return np.array(ids + [0] * (MAX_TOKENS - len(ids)), np.int32)


def items_of(count: int, first: int = 0) -> Sequence[Item]:
    """Items with texts of 6 to 20 pieces that begin with their own name."""
    items = []
    for index in range(first, first + count):
        rng = np.random.default_rng(index)
        words = rng.integers(0, len(WORDS), rng.integers(5, 20))
        pieces = [VOCABULARY.ids[f"name{index}"]]
        pieces += [VOCABULARY.ids[WORDS[w]] for w in words]
        items.append(Item(index, index, pieces, index, f"sub{index % 3}"))
    return items


def features_of(item: Item, spec: records.RecordSpec = SPEC) -> np.ndarray:
    """Vectors (item, row, 1, 0): every one of them names itself."""
    rows = spec.patch_layout.num_vectors
    if item.constant:
        return np.full((rows, spec.feature_size), 3.0, np.float16)
    features = np.zeros((rows, spec.feature_size), np.float16)
    features[:, 0], features[:, 1], features[:, 2] = item.index, np.arange(rows), 1.0
    return features


def boxes_of(item: Item, spec: records.RecordSpec = SPEC) -> np.ndarray:
    boxes = np.arange(spec.patch_layout.num_patches * 4).reshape(-1, 4)
    return boxes + item.index


def alignments_of(item: Item, spec: records.RecordSpec = SPEC) -> np.ndarray:
    return np.arange(spec.max_tokens * 3).reshape(-1, 3) % (item.index + 9) - 1


def serialize(item: Item, spec: records.RecordSpec = SPEC, plans=None) -> bytes:
    if plans is None:
        drawn = random_plans(
            tf.constant(item.token_ids[None]),
            tf.constant(VOCABULARY.is_continuation), tf.constant(VOCABULARY.is_special),
            spec.patch_layout, spec.num_plans, [[5, item.index]],
        )
        plans = {name: value.numpy()[0] for name, value in drawn.items()}
    arrays = {
        "features": features_of(item, spec),
        "patch_boxes": boxes_of(item, spec),
        "picture_size": np.array([400, 500]),
        "token_ids": item.token_ids,
        "alignments": alignments_of(item, spec),
        "alignment_scores": alignments_of(item, spec) / 25,
        "thumbnail": b"jpeg",
        **plans,
    }
    strings = {
        "product_id": f"p{item.product}", "image_id": f"i{item.index}",
        "text": f"text {item.text_key}", "category": "tops",
        "subcategory": item.subcategory, "labels": "{}",
        "generated_caption": f"caption {item.index}",
    }
    keys = {
        "record_key": 1000 + item.index, "product_key": item.product,
        "text_key": item.text_key, "picture_key": item.index,
    }
    return records.serialize_example(arrays, strings, keys)


def write_records(
    directory: str, splits, spec: records.RecordSpec = SPEC, plans=None,
    shard_size: int = 16,
) -> records.RecordSet:
    """Writes a finished folder.

    Args:
        directory: where to; is made.
        splits: items by split.
        spec: what the records say made them.
        plans: mask plans of every item; by default each has its own.
        shard_size: items of a shard, at most.
    """
    os.makedirs(directory, exist_ok=True)
    VOCABULARY.save(os.path.join(directory, "vocab.txt"))
    sidecars = []
    for split, items in splits.items():
        for start in range(0, len(items), shard_size):
            part = items[start : start + shard_size]
            name = f"{split}-{start:05d}.tfrecord"
            path = os.path.join(directory, name)
            with tf.io.TFRecordWriter(path) as writer:
                for item in part:
                    writer.write(serialize(item, spec, plans))
            sidecars.append(
                {
                    "file": name, "split": split, "examples": len(part),
                    "bytes": os.path.getsize(path),
                    "sha256": files.sha256_of(path),
                    "classes": {
                        "category": {"tops": len(part)},
                        "subcategory": {i.subcategory: 1 for i in part},
                    },
                }
            )
    shards.finish_dataset(directory, spec, sidecars)
    return records.open_records(directory)
