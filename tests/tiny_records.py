"""A synthetic records folder: random features, no picture and no backbone."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

from kaleido import files, masking, records, shards
from kaleido.config import Config
from kaleido.patches import LAYOUTS
from kaleido.presets import preset
from kaleido.text import RESERVED, Vocabulary, text_key

WORDS = tuple(f"word{i}" for i in range(40))
VOCABULARY = Vocabulary((*RESERVED, *WORDS))
SUBCATEGORIES = ("boots", "coats", "scarves")
FEATURE_SIZE = 12
MAX_TOKENS = 16
NUM_PLANS = 3

_PAD, _CLS, _SEP = (VOCABULARY.ids[p] for p in ("[PAD]", "[CLS]", "[SEP]"))


def tiny_spec(**changes) -> records.RecordSpec:
    """What the tiny records say of themselves."""
    spec = records.RecordSpec(
        layout="kaleido", backbone="synthetic", backbone_fingerprint="0" * 16,
        feature_size=FEATURE_SIZE, crop_size=64, whole_crop_size=128, saliency="none",
        vocabulary_fingerprint=VOCABULARY.fingerprint, vocab_size=len(VOCABULARY),
        max_tokens=MAX_TOKENS, num_plans=NUM_PLANS, masking="random",
        alignment="none", seed=0,
    )
    return dataclasses.replace(spec, **changes)


def tiny_config(
    training: Mapping = (), data: Mapping = (), model: Mapping = (),
    tasks: Mapping = (),
) -> Config:
    """The preset `tiny` with other values; dropout is off unless asked for."""
    values = preset("tiny").to_dict()
    values["model"].update(
        {name: 0.0 for name in values["model"] if name.endswith("dropout")}
    )
    values["training"].update(ridge_warm_start=False)
    for section, changes in (("training", training), ("data", data), ("model", model)):
        values[section].update(changes)
    values["tasks"] = dict(tasks) or values["tasks"]
    return Config.from_dict(values)


def write_tiny_records(
    directory: str,
    train: int = 48,
    validation: int = 16,
    test: int = 0,
    seed: int = 0,
    spec: Optional[records.RecordSpec] = None,
    captioned: bool = False,
    leaks: int = 0,
    catalog_seed: Optional[int] = None,
) -> records.RecordSet:
    """Writes and opens a records folder.

    Texts have between 2 and 13 words, so plans hide unequal numbers of them.
    Every fifth product comes with a second picture, every seventh with the text
    of the product before it. A picture's features are a fixed random function
    of its words, with noise: there is something to learn. `captioned` records hold
    the first word of their text as what a captioner wrote. The first `leaks` pictures
    of validation and test are, byte by byte, those of training. Records of one
    `catalog_seed` hold the same products in any layout; without it products are drawn
    with all else.
    """
    spec = spec or tiny_spec()
    os.makedirs(directory, exist_ok=True)
    rng = np.random.default_rng(seed)
    drawn = rng if catalog_seed is None else np.random.default_rng(catalog_seed)
    layout = LAYOUTS[spec.layout]
    of_words = rng.normal(size=(len(WORDS), layout.num_vectors, spec.feature_size))
    sidecars = []
    wanted = {"train": train, "validation": validation, "test": test}
    for split, count in wanted.items():
        if not count:
            continue
        half = -(-count // 2)
        products = _products(drawn, split, count)
        for i, product in enumerate(products):
            leaks_here = split != "train" and i < leaks
            product["picture"] = f"train_{i}" if leaks_here else product["image_id"]
        for index, part in enumerate((products[:half], products[half:])):
            name = f"{split}-{index:05d}-of-00002.tfrecord"
            path = os.path.join(directory, name)
            with tf.io.TFRecordWriter(path) as writer:
                for product in part:
                    writer.write(_example(rng, spec, of_words, captioned, **product))
            names = [p["subcategory"] for p in part]
            sidecars.append(
                {
                    "file": name, "split": split, "examples": len(part),
                    "bytes": os.path.getsize(path),
                    "sha256": files.sha256_of(path),
                    "classes": {"category": ["clothes"], "subcategory": names},
                }
            )
    shards.finish_dataset(directory, spec, sidecars)
    VOCABULARY.save(os.path.join(directory, "vocab.txt"))
    return records.open_records(directory)


def _products(rng, split: str, count: int) -> List[Dict]:
    products: List[Dict] = []
    for i in range(count):
        words = rng.choice(len(WORDS), int(rng.integers(2, 14)), replace=False)
        product = {
            "image_id": f"{split}_{i}", "product_id": f"{split}_{i}",
            "words": words.tolist(),
            "subcategory": SUBCATEGORIES[int(rng.integers(len(SUBCATEGORIES)))],
        }
        before = products[-1] if products else product
        if i % 5 == 4:
            product = {**before, "image_id": product["image_id"]}
        elif i % 7 == 6:
            product["words"] = before["words"]
        products.append(product)
    return products


def _example(
    rng, spec, of_words, captioned: bool, image_id: str, product_id: str,
    words: Sequence[int], subcategory: str, picture: str,
) -> bytes:
    layout = LAYOUTS[spec.layout]
    text = " ".join(WORDS[w] for w in words)
    ids = [_CLS, *(len(RESERVED) + w for w in words), _SEP]
    token_ids = np.full(spec.max_tokens, _PAD)
    token_ids[: len(ids)] = ids
    token_plans, patch_plans = _plans(rng, spec, layout, len(words))
    signal = of_words[list(words)].sum(0) / np.sqrt(len(words))
    corners = rng.integers(0, 50, (layout.num_patches, 2))
    arrays = {
        "features": signal + 0.1 * rng.normal(size=signal.shape),
        "patch_boxes": np.concatenate([corners, corners + 40], axis=1),
        "picture_size": np.array([100, 90]),
        "token_ids": token_ids,
        "alignments": np.full((spec.max_tokens, 3), -1),
        "alignment_scores": np.zeros((spec.max_tokens, 3)),
        "token_plans": token_plans,
        "patch_plans": patch_plans,
        "thumbnail": b"",
    }
    strings = {
        "product_id": product_id, "image_id": image_id, "text": text,
        "category": "clothes", "subcategory": subcategory, "labels": json.dumps({}),
        "generated_caption": WORDS[words[0]] if captioned else "",
    }
    keys = {
        "record_key": records.stable_key(image_id),
        "product_key": records.stable_key(product_id),
        "text_key": text_key(text),
        "picture_key": records.stable_key(f"picture {picture}"),
    }
    return records.serialize_example(arrays, strings, keys)


def _plans(rng, spec, layout, num_words: int) -> Tuple[np.ndarray, np.ndarray]:
    token_plans = np.full((spec.num_plans, masking.MAX_MASKED_TOKENS), -1)
    patch_plans = []
    for plan in range(spec.num_plans):
        hidden = int(rng.integers(1, min(num_words, 6) + 1))
        positions = 1 + rng.choice(num_words, hidden, replace=False)
        token_plans[plan, :hidden] = np.sort(positions)
        patch_plans.append(
            np.concatenate(
                [
                    np.sort(rng.choice(level * level, n, replace=False))
                    for level, n in masking.patch_budget(layout).items()
                ]
            )
        )
    return token_plans, np.stack(patch_plans)
