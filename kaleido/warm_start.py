"""Closed-form starting weights for a small catalogue (DESIGN section 5.10).

A ridge map (`ridge_map.py`) becomes the contrastive head, mean and deviation of
the patch features become part of their projection, and the frequencies of the
word pieces become the bias of the masked-language head. The paper's presets
begin without.
"""

from __future__ import annotations

import os
from typing import Sequence, Tuple

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido import corruption, input_pipeline
from kaleido.config import Config
from kaleido.files import write_json
from kaleido.layers.heads import level_means
from kaleido.models import Networks
from kaleido.records import RecordSet, parse_token_ids
from kaleido.ridge_map import RidgeMap, choose_ridge_map


def ridge_inputs(
    networks: Networks,
    record_set: RecordSet,
    config: Config,
    split: str,
    levels: Sequence[int],
) -> Tuple[np.ndarray, np.ndarray]:
    """Returns what a ridge map is fitted on: level means and unit mean text states.

    Args:
        networks: with their starting weights.
        record_set: the records.
        config: the experiment.
        split: which examples.
        levels: levels whose means are taken.

    Returns:
        float32 [n, len(levels) * feature_size] and float32 [n, hidden_size].
    """
    @tf.function(reduce_retracing=True)
    def step(batch):
        batch = corruption.trim_texts(batch, config.data.text_lengths)
        means = level_means(
            batch["patch_features"], record_set.spec.patch_layout.levels, levels
        )
        states = networks.text_mean({"token_ids": batch["token_ids"]})
        return means, tf.math.l2_normalize(tf.cast(states, tf.float32), axis=-1)

    features, states = [], []
    for batch in input_pipeline.clean_batches(record_set, config, split, 64):
        mean, state = step(batch)
        features.append(mean.numpy())
        states.append(state.numpy())
    return np.concatenate(features), np.concatenate(states)


def fit_or_load(
    networks: Networks, config: Config, records: RecordSet, workdir: str
) -> RidgeMap:
    """Fits the ridge map on the training split, or reads the one a run has.

    Its settings are chosen on validation and written to `ridge_map.json`, the
    map itself to `ridge_map.npz`.

    Args:
        networks: with their starting weights.
        config: the experiment; its shortcut levels are the map's input.
        records: what to fit on.
        workdir: folder of the run.
    """
    path = os.path.join(workdir, "ridge_map.npz")
    if os.path.exists(path):
        return RidgeMap.load(path)
    logging.info("fitting the ridge map")
    inputs = {
        split: ridge_inputs(
            networks, records, config, split, config.model.shortcut_levels
        )
        for split in ("train", "validation")
    }
    ridge, chosen = choose_ridge_map(inputs["train"], inputs["validation"])
    logging.info("ridge map: %s", chosen)
    write_json(os.path.join(workdir, "ridge_map.json"), chosen)
    ridge.save(path)
    return ridge


def apply_ridge_map(networks: Networks, ridge: RidgeMap) -> None:
    """Writes a ridge map into the contrastive head.

    From there on the untrained networks' vectors are the map's.

    Raises:
        ValueError: if the head's size is not the map's.
    """
    head = networks.contrastive
    size = ridge.text_kernel.shape[1]
    if head.text_projection.kernel.shape[1] != size:
        raise ValueError(
            "A ridge warm start needs `contrastive_size` to be the hidden size, "
            f"{size}. Received: {head.text_projection.kernel.shape[1]}"
        )
    head.text_projection.kernel.assign(ridge.text_kernel)
    head.text_projection.bias.assign(ridge.text_bias)
    head.shortcut.kernel.assign(ridge.image_kernel)
    head.shortcut.bias.assign(ridge.image_bias)


# Pictures whose patches are measured; more change the figures little.
_MEASURED_PICTURES = 4096


def apply_feature_statistics(
    networks: Networks, record_set: RecordSet, config: Config
) -> None:
    """Lets the patch projection begin as one of standardised features.

    The LayerNorm behind would else see little but what all pictures share. On
    Myntra the patch of level 3 whose features are the least like the mean of
    all patches is the camouflaged one in 81 % of the pictures when features are
    standardised, and no more often than by chance (1 in 9) when they are not.

    Args:
        networks: with the `shared` projection; others are left as they are.
        record_set: the records; the training split is measured.
        config: the experiment.
    """
    if config.model.projection != "shared":
        return
    count = total = squares = 0.0
    batches = input_pipeline.clean_batches(record_set, config, "train", 64)
    for batch in batches.take(_MEASURED_PICTURES // 64):
        patches = tf.cast(batch["patch_features"], tf.float32)
        count += float(tf.size(patches[..., 0]))
        total += tf.reduce_sum(patches, axis=[0, 1]).numpy().astype(np.float64)
        squares += tf.reduce_sum(patches**2, axis=[0, 1]).numpy().astype(np.float64)
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0.0)) + 1e-3
    projection = networks.patch_embedding.projections[0]
    kernel = projection.kernel.numpy() / std[:, None]
    projection.kernel.assign(kernel.astype(np.float32))
    projection.bias.assign((-mean @ kernel).astype(np.float32))


def apply_piece_frequencies(networks: Networks, record_set: RecordSet) -> None:
    """Lets the masked-language head begin from how often each piece occurs.

    Counted over the training split; a piece that never occurs counts as one.
    """
    counts = np.ones(record_set.spec.vocab_size, np.int64)
    dataset = tf.data.TFRecordDataset(list(record_set.files["train"])).batch(512)
    special = record_set.vocabulary.is_special
    for serialized in dataset:
        ids = parse_token_ids(serialized, record_set.spec).numpy().ravel()
        counts += np.bincount(ids, minlength=len(counts))
    counts[special] = 1
    bias = np.log(counts / counts.sum())
    networks.joint.get_layer("mlm_bias").bias.assign(bias.astype(np.float32))
