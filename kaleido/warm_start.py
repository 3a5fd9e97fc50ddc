"""Closed-form starting weights for a small catalogue.

A ridge map (`ridge_map.py`) becomes the contrastive head, another one, to the
words of the texts (`lexical_map.py`), its second half, ridge regressions become
the heads that rebuild hidden patches, and the frequencies of the word pieces
become the bias of the masked-language head. The paper's presets begin without.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido import corruption, input_pipeline
from kaleido.config import Config
from kaleido.evenly import stride
from kaleido.files import read_json, write_json
from kaleido.layers.heads import level_means
from kaleido.lexical_map import WordMap, fit_word_basis
from kaleido.models import Networks, feature_tasks
from kaleido.records import RecordSet, count_pieces
from kaleido.ridge_map import RidgeFit, RidgeMap, choose_ridge_maps


def ridge_inputs(
    networks: Networks,
    record_set: RecordSet,
    config: Config,
    split: str,
    levels: Sequence[int],
    every: int = 1,
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns what a ridge map is fitted on: level means, unit mean text states, words.

    Args:
        networks: with their starting weights.
        record_set: the records.
        config: the experiment.
        split: which examples.
        levels: levels whose means are taken.
        every: takes every so manieth example.

    Returns:
        float32 [n, len(levels) * feature_size], float32 [n, hidden_size] and int32
        [n, max_tokens].
    """
    @tf.function(reduce_retracing=True)
    def step(batch):
        batch = corruption.trim_texts(batch, config.data.text_lengths)
        means = level_means(
            batch["patch_features"], record_set.spec.patch_layout.levels, levels
        )
        states = networks.text_mean({"token_ids": batch["token_ids"]})
        return means, tf.math.l2_normalize(tf.cast(states, tf.float32), axis=-1)

    features, states, token_ids = [], [], []
    for batch in input_pipeline.clean_batches(
        record_set, config, split, 64, every=every
    ):
        mean, state = step(batch)
        features.append(mean.numpy())
        states.append(state.numpy())
        token_ids.append(batch["token_ids"].numpy())
    return tuple(np.concatenate(column) for column in (features, states, token_ids))


# Pairs that a ridge map is fitted on, and chosen by: 3 GB of level means at the most.
_RIDGE_PAIRS = {"train": 50_000, "validation": 5_000}


@dataclasses.dataclass(frozen=True)
class ClosedForms:
    """What the contrastive head begins with.

    Attributes:
        ridge: pictures to sentence vectors.
        words: pictures to words, where the configuration has them.
    """

    ridge: RidgeMap
    words: Optional[WordMap] = None


def fit_or_load(
    networks: Networks, config: Config, records: RecordSet, workdir: str
) -> ClosedForms:
    """Fits the maps on the training split, or reads those that a folder has.

    Settings are chosen on validation and written to `ridge_map.json`, the maps to
    `ridge_map.npz` and `word_map.npz`. Of a large split evenly chosen pairs are read.

    Args:
        networks: with their starting weights.
        config: the experiment; its shortcut levels are the map's input.
        records: what to fit on.
        workdir: folder that keeps it.
    """
    path = os.path.join(workdir, "ridge_map.npz")
    words_path = os.path.join(workdir, "word_map.npz")
    size = config.model.word_size
    if has_ridge_map(workdir, records) and (not size or os.path.exists(words_path)):
        words = WordMap.load(words_path) if size else None
        return ClosedForms(RidgeMap.load(path), words)
    logging.info("fitting the ridge map")
    inputs = {
        split: ridge_inputs(
            networks, records, config, split, config.model.shortcut_levels,
            stride(records.counts[split], most),
        )
        for split, most in _RIDGE_PAIRS.items()
    }
    pairs = {split: [means, states] for split, (means, states, _) in inputs.items()}
    basis = None
    if size:
        special, seed = records.vocabulary.is_special, config.training.seed
        basis = fit_word_basis(inputs["train"][2], special, size, seed)
        for split, (*_, token_ids) in inputs.items():
            pairs[split].append(basis.vectors(token_ids))
    (ridge, chosen), *others = choose_ridge_maps(
        RidgeFit(*pairs["train"]), pairs["validation"]
    )
    words = None
    if others:
        ((of_words, setting),) = others
        words = WordMap(basis, of_words)
        words.save(words_path)
        chosen = {**chosen, "words": setting}
    logging.info("ridge map: %s", chosen)
    ridge.save(path)
    # Last: whose map it is.
    chosen = {**chosen, "records": records.content}
    write_json(os.path.join(workdir, "ridge_map.json"), chosen)
    return ClosedForms(ridge, words)


def has_ridge_map(workdir: str, records: RecordSet) -> bool:
    """Whether a folder holds the ridge map of these examples."""
    path = os.path.join(workdir, "ridge_map.json")
    return os.path.exists(path) and read_json(path).get("records") == records.content


# Pictures that features' means and variances are taken of.
_MEASURED_PICTURES = 4096


def apply_feature_norm(
    networks: Networks, record_set: RecordSet, config: Config
) -> None:
    """Sets the statistics of `FeatureNorm`, where the networks have one.

    Over all patches of evenly chosen training pictures.
    """
    norm = networks.patch_embedding.feature_norm
    if norm is None:
        return
    every = stride(record_set.counts["train"], _MEASURED_PICTURES)
    batches = input_pipeline.clean_batches(
        record_set, config, "train", 64, every=every
    )
    count, total, squares = 0, 0.0, 0.0
    for batch in batches.as_numpy_iterator():
        features = batch["patch_features"].astype(np.float32)
        features = features.reshape(-1, features.shape[-1])
        count += len(features)
        total += features.sum(0, dtype=np.float64)
        squares += np.square(features).sum(0, dtype=np.float64)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    norm.mean.assign(mean)
    # A feature that never fires stays silent.
    norm.scale.assign(1.0 / np.maximum(deviation, 1e-3))


def apply_ridge_map(networks: Networks, ridge: RidgeMap) -> None:
    """Writes a ridge map into the contrastive head.

    From there on the untrained networks' vectors are the map's. The statistics of a
    `FeatureNorm` must stand by then.

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
    _assign_image_map(networks, head.shortcut, ridge)


def apply_word_map(networks: Networks, words: WordMap) -> None:
    """Writes words, and pictures' map to them, into the contrastive head.

    The statistics of a `FeatureNorm` must stand by then.
    """
    head, ridge = networks.contrastive, words.ridge
    head.words.table.assign(words.basis.table @ ridge.text_kernel)
    head.words.squares.assign(words.basis.squares)
    head.words.bias.assign(ridge.text_bias)
    _assign_image_map(networks, head.word_shortcut, ridge)


def _assign_image_map(networks, layer, ridge) -> None:
    kernel, bias = ridge.image_kernel, ridge.image_bias
    norm = networks.patch_embedding.feature_norm
    if norm is not None:
        # The map is of bare features, the head sees them level by level.
        levels = len(kernel) // norm.mean.shape[0]
        mean, scale = (np.tile(v.numpy(), levels) for v in (norm.mean, norm.scale))
        kernel, bias = kernel / scale[:, None], bias + mean @ kernel
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)


# Pictures whose hidden patches the heads are fitted on; more change them little.
_FITTED_PICTURES = 2048
# Ridge penalty, in units of the states' mean variance times their number.
_HEAD_PENALTY = 0.01


def apply_feature_heads(
    networks: Networks, record_set: RecordSet, config: Config
) -> None:
    """Lets grey-to-colour and blank-to-colour begin as ridge regressions.

    Their targets are softmaxed features: a head whose logits are the features
    is exact. So each begins as the linear map from the untrained encoder's
    states of hidden patches to the features that were hidden.

    Args:
        networks: with their starting weights.
        record_set: the records; the training split is fitted on.
        config: the experiment.
    """
    tasks = [t for t in feature_tasks(record_set.spec.patch_layout)
             if t in config.active_tasks()]
    heads = {task: networks.joint.get_layer(task) for task in tasks}
    # What the match head alone reads is not there yet.
    inputs = {k: v for k, v in networks.joint.input.items() if k != "similarity"}
    states_of = tf.function(
        tf.keras.Model(inputs, {task: head.input for task, head in heads.items()})
    )
    size = config.model.hidden_size
    gram = {task: np.zeros((size, size)) for task in tasks}
    product = {task: 0.0 for task in tasks}
    batches = input_pipeline.training_batches(
        record_set, config, config.training.seed
    ).take(-(-_FITTED_PICTURES // config.data.batch_size))
    for batch in batches:
        states = states_of({k: batch[k] for k in inputs})
        for task in tasks:
            x = tf.reshape(tf.cast(states[task], tf.float32), [-1, size]).numpy()
            target = tf.cast(batch[f"{task}_targets"], tf.float32)
            y = tf.reshape(target, [len(x), -1]).numpy()
            gram[task] += x.T @ x
            product[task] += x.T @ y
    for task in tasks:
        penalty = _HEAD_PENALTY * np.trace(gram[task]) / size
        kernel = np.linalg.solve(gram[task] + penalty * np.eye(size), product[task])
        heads[task].kernel.assign(kernel.astype(np.float32))


def apply_piece_frequencies(networks: Networks, record_set: RecordSet) -> None:
    """Lets the masked-language head begin from how often each piece occurs.

    Counted over the training split; a piece that never occurs counts as one.
    """
    counts = 1 + count_pieces(record_set, "train")
    counts[record_set.vocabulary.is_special] = 1
    bias = np.log(counts / counts.sum())
    networks.joint.get_layer("mlm_bias").bias.assign(bias.astype(np.float32))
