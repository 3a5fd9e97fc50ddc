"""The input pipeline against a bare read of the same TFRecords."""

from __future__ import annotations

import collections
import tempfile
from typing import Any, Dict, List

import numpy as np

from kaleido.benchmarking import entry, interleaved_seconds

# Three epochs.
_EXAMPLES, _BATCHES = 2048, 96


def write_random_records(directory: str, examples: int, feature_size: int = 1280):
    """Writes records of random features: a train and a validation shard.

    Returns:
        The opened `records.RecordSet`.
    """
    import os

    import tensorflow as tf

    from kaleido import records, shards
    from kaleido.masking import random_plans
    from kaleido.text import load_vocabulary

    vocabulary = load_vocabulary()
    vocabulary.save(os.path.join(directory, "vocab.txt"))
    spec = records.RecordSpec(
        layout="kaleido", backbone="none", backbone_fingerprint="random",
        feature_size=feature_size, crop_size=64, whole_crop_size=128,
        saliency="none", vocabulary_fingerprint=vocabulary.fingerprint,
        vocab_size=len(vocabulary), max_tokens=64, num_plans=10, masking="random",
        alignment="none", seed=0,
    )
    rng = np.random.default_rng(0)
    sidecars = []
    for split, count in (("train", examples), ("validation", 128)):
        name = f"{split}-00000-of-00001.tfrecord"
        path = os.path.join(directory, name)
        lengths = rng.integers(20, 64, count)
        ids = rng.integers(2000, 20000, (count, 64)).astype(np.int32)
        ids[:, 0] = vocabulary.ids["[CLS]"]
        ids *= np.arange(64) < lengths[:, None]
        plans = random_plans(
            tf.constant(ids), tf.constant(vocabulary.is_continuation),
            tf.constant(vocabulary.is_special), spec.patch_layout, 10,
            np.stack([np.zeros(count, int), np.arange(count)], axis=1),
        )
        features = rng.random((spec.patch_layout.num_vectors, feature_size), np.float32)
        with tf.io.TFRecordWriter(path) as writer:
            for i in range(count):
                features = np.roll(features, 1, axis=1)
                writer.write(
                    records.serialize_example(
                        {
                            "features": features,
                            "patch_boxes": np.tile([0, 0, 9, 9], (55, 1)),
                            "picture_size": np.array([224, 224]),
                            "token_ids": ids[i],
                            "alignments": np.full((64, 3), -1),
                            "alignment_scores": np.zeros((64, 3)),
                            "token_plans": plans["token_plans"][i].numpy(),
                            "patch_plans": plans["patch_plans"][i].numpy(),
                            "thumbnail": b"",
                        },
                        {
                            "product_id": f"{split}{i}", "image_id": f"{split}{i}",
                            "text": "", "category": "C", "subcategory": f"S{i % 20}",
                            "labels": "{}", "generated_caption": "",
                        },
                        {
                            "record_key": i, "product_key": i, "text_key": i,
                            "picture_key": i,
                        },
                    )
                )
        sidecars.append(
            {
                "file": name, "split": split, "examples": count,
                "bytes": os.path.getsize(path), "sha256": "",
                "classes": {"category": {"C": 1}, "subcategory": {"S": 1}},
            }
        )
    shards.finish_dataset(directory, spec, sidecars)
    return records.open_records(directory)


def run() -> List[Dict[str, Any]]:
    """Times batches of 64 as preset `small` sees them, over the border of an epoch."""
    import tensorflow as tf

    from kaleido.input_pipeline import training_batches
    from kaleido.presets import preset

    with tempfile.TemporaryDirectory() as directory:
        record_set = write_random_records(directory, _EXAMPLES)
        config = preset("small")
        ours = training_batches(record_set, config, seed=0)
        bare = (
            tf.data.TFRecordDataset(list(record_set.files["train"]))
            .repeat().batch(config.data.batch_size).prefetch(tf.data.AUTOTUNE)
        )

        def take(dataset):
            # From the start each time: what one reads ahead while the other is
            # timed would not count.
            return lambda: collections.deque(dataset.take(_BATCHES), maxlen=0)

        seconds = interleaved_seconds(
            {"pipeline": take(ours), "read": take(bare)}, repeats=5
        )
    examples = _BATCHES * config.data.batch_size
    return [
        entry(
            "input pipeline examples/s / bare read",
            seconds["read"] / seconds["pipeline"], 0.5,
            examples_per_second={k: round(examples / v) for k, v in seconds.items()},
        )
    ]
