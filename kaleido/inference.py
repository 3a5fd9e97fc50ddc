"""Runs trained networks over a split: contrastive vectors and match scores."""

from __future__ import annotations

import dataclasses
import functools
from typing import Dict, Mapping, Sequence, Tuple

import numpy as np
import tensorflow as tf

from kaleido import corruption, input_pipeline, records
from kaleido.config import Config
from kaleido.evenly import stride
from kaleido.freezing import freeze_model
from kaleido.models import PAIR_INPUTS, Networks

_BATCH = 64
# Pairs in a joint pass: few enough that a layer's states stay in a CPU's cache.
PAIRS_TOGETHER = 32

# Unit vectors of pictures and of texts, float32 [n, size] each.
Vectors = Tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Split:
    """A split in memory, uncorrupted, in stored order.

    Attributes:
        arrays: `token_ids`, `patch_features` (float16), `patch_positions` and
            the keys, see `input_pipeline.clean_batches`.
        strings: `records.STRING_FIELDS`, lists.
    """

    arrays: Mapping[str, np.ndarray]
    strings: Mapping[str, Sequence]

    def __len__(self) -> int:
        return len(self.arrays["token_ids"])


def load_split(
    record_set: records.RecordSet, config: Config, split: str
) -> Split:
    """Reads a split into memory: about 140 KB a pair with 1,280-d features."""
    batches = list(
        input_pipeline.clean_batches(
            record_set, config, split, 256, with_strings=True
        ).as_numpy_iterator()
    )
    joined = {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
    strings = {}
    for name in records.STRING_FIELDS:
        values = joined.pop(name).tolist()
        strings[name] = values if name == "thumbnail" else [
            v.decode("utf-8") for v in values
        ]
    return Split(joined, strings)


class Embedder:
    """Contrastive vectors of batches of pairs.

    Args:
        networks: the models.
        max_tokens: longest text.
        text_lengths: lengths a batch of texts may have.
    """

    def __init__(
        self, networks: Networks, max_tokens: int, text_lengths: Sequence[int]
    ):
        self._lengths = corruption.length_options(text_lengths, max_tokens)
        self._text = tf.function(networks.text, reduce_retracing=True)
        self._image = tf.function(networks.image, reduce_retracing=True)

    def trim(self, token_ids: np.ndarray) -> np.ndarray:
        """Cuts padding that all texts have, int32 [n, max_tokens]."""
        used = int((token_ids != 0).sum(axis=1).max())
        return token_ids[:, : next(n for n in self._lengths if n >= used)]

    def __call__(self, batch: Mapping[str, np.ndarray]) -> Vectors:
        """Maps arrays of `input_pipeline.clean_batches` to unit vectors."""
        features = tf.constant(batch["patch_features"], tf.float32)
        images = self._image(
            {
                "patch_features": features,
                "patch_positions": tf.constant(batch["patch_positions"]),
            }
        )
        tokens = tf.constant(self.trim(batch["token_ids"]))
        return images.numpy(), self._text({"token_ids": tokens}).numpy()


def bank_vectors(
    networks: Networks, config: Config, record_set: records.RecordSet, most: int
) -> Vectors:
    """Returns vectors of at most so many training pairs, evenly chosen.

    Without a training split there are none.
    """
    if not record_set.counts.get("train"):
        return np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32)
    embed = Embedder(networks, record_set.spec.max_tokens, config.data.text_lengths)
    every = stride(record_set.counts["train"], most)
    batches = input_pipeline.clean_batches(
        record_set, config, "train", _BATCH, every=every
    )
    vectors = [embed(batch) for batch in batches.as_numpy_iterator()]
    images, texts = (np.concatenate(column) for column in zip(*vectors))
    return images, texts


class Scorer:
    """Scores pictures and texts of a split with trained networks.

    Args:
        networks: the models.
        split: what is scored.
        text_lengths: lengths a batch of texts may have.
    """

    def __init__(self, networks: Networks, split: Split, text_lengths: Sequence[int]):
        self._networks = networks
        self._split = split
        longest = split.arrays["token_ids"].shape[1]
        self._embed = Embedder(networks, longest, text_lengths)
        joint = networks.joint
        self._extra = {
            name: spec.shape[1:] for name, spec in joint.input.items()
            if name.endswith(("_positions", "_indices")) and name != "patch_positions"
        }
        self._vectors = None
        # Only the match logit is wanted; the graph leaves out the other heads.
        match = tf.keras.Model(joint.input, joint.output["itm"])
        self._match = freeze_model(match)

    def vectors(self) -> Vectors:
        """Returns contrastive vectors of all pictures and all texts.

        Computed once.

        Returns:
            A pair of float32 [n, size], unit vectors.
        """
        if self._vectors is not None:
            return self._vectors
        vectors = []
        for start in range(0, len(self._split), _BATCH):
            rows = slice(start, start + _BATCH)
            vectors.append(
                self._embed({k: self._split.arrays[k][rows] for k in PAIR_INPUTS})
            )
        images, texts = (np.concatenate(column) for column in zip(*vectors))
        self._vectors = images, texts
        return self._vectors

    def match_logits(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Returns the match logits of pairs.

        Args:
            images, texts: int [pairs], rows of the split.

        Returns:
            float32 [pairs].
        """
        arrays = self._split.arrays
        lengths = (arrays["token_ids"] != 0).sum(axis=1)[texts]
        # Texts of a length together: less padding.
        order = np.argsort(lengths, kind="stable")
        logits = np.zeros(len(images), np.float32)
        for start in range(0, len(order), PAIRS_TOGETHER):
            rows = order[start : start + PAIRS_TOGETHER]
            count = len(rows)
            # The last batch is filled up, so that one shape is compiled.
            rows = np.resize(rows, PAIRS_TOGETHER)
            inputs = {
                "token_ids": tf.constant(
                    self._embed.trim(arrays["token_ids"][texts[rows]])
                ),
                "patch_features": tf.constant(
                    arrays["patch_features"][images[rows]], tf.float32
                ),
                "patch_positions": tf.constant(
                    arrays["patch_positions"][images[rows]]
                ),
            }
            if "similarity" in self._networks.joint.input:
                image_vectors, text_vectors = self.vectors()
                inputs["similarity"] = tf.reduce_sum(
                    image_vectors[images[rows]] * text_vectors[texts[rows]], axis=1
                )
            for name, shape in self._extra.items():
                sizes = [PAIRS_TOGETHER] + [d or 1 for d in shape]
                inputs[name] = tf.zeros(sizes, tf.int32)
            logits[rows[:count]] = self._match(inputs).numpy()[:count]
        return logits


def load_ids_and_keys(
    record_set: records.RecordSet, split: str
) -> Dict[str, Sequence]:
    """Reads what a manifest is drawn from, without the features.

    Returns:
        `image_ids`, `subcategories` (lists of str), `product_keys`, `text_keys` and
        `picture_keys` (int64 [n]), in stored order; of a split that the records do
        not have, nothing.
    """
    return dict(_ids_and_keys(record_set.content, record_set.files.get(split, ())))


# Pool, audit and floor ask for the same; of records this reads every byte.
@functools.lru_cache(maxsize=3)
def _ids_and_keys(content: str, files: Tuple[str, ...]) -> Dict[str, Sequence]:
    del content  # Other records may come to lie at the same place.
    strings = {"image_ids": "image_id", "subcategories": "subcategory"}
    keys = {f"{name}_keys": f"{name}_key" for name in ("product", "text", "picture")}
    columns: Dict[str, list] = {name: [] for name in [*strings, *keys]}
    dataset = tf.data.TFRecordDataset(tf.constant(list(files), tf.string))
    for serialized in dataset.batch(256):
        fields = records.parse_identity(serialized)
        for name, field in {**strings, **keys}.items():
            columns[name] += fields[field].numpy().tolist()
    return {
        **{n: [value.decode("utf-8") for value in columns[n]] for n in strings},
        **{n: np.array(columns[n], np.int64) for n in keys},
    }


def unique_pairs(
    rows: np.ndarray, columns: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns distinct (row, column) pairs and where each given one is among them."""
    width = int(columns.max()) + 1 if columns.size else 1
    codes, inverse = np.unique(
        rows.astype(np.int64) * width + columns, return_inverse=True
    )
    return codes // width, codes % width, inverse.reshape(rows.shape)

