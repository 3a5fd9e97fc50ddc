"""A pre-training run from first weights to last checkpoint."""

from __future__ import annotations

import collections
import os
from typing import Any, Dict

import tensorflow as tf

from kaleido import callbacks, fitting, input_pipeline, warm_start
from kaleido.config import Config
from kaleido.files import read_json, write_json, write_text
from kaleido.interop.starting_weights import load_starting_weights, seen_by
from kaleido.masking import patch_budget
from kaleido.models import Networks, feature_tasks, networks_for
from kaleido.pretrainer import Pretrainer
from kaleido.records import RecordSet
from kaleido.reports.training_report import task_chances, training_page
from kaleido.workdir import claim_workdir


def starting_networks(
    config: Config, records: RecordSet, workdir: str = ""
) -> Networks:
    """Builds the networks with the weights that a run begins from.

    Args:
        config: the experiment.
        records: what it will be trained on.
        workdir: folder of the run, where a ridge map is kept; of a run that does
            not begin from one, nothing is written.
    """
    tf.keras.utils.set_random_seed(config.training.seed)
    networks = networks_for(config, records.spec)
    if load_starting_weights(networks, config, records.vocabulary, records.spec):
        return networks
    warm_start.apply_feature_norm(networks, records, config)
    if config.training.ridge_warm_start:
        maps = warm_start.fit_or_load(networks, config, records, workdir)
        warm_start.apply_ridge_map(networks, maps.ridge)
        if maps.words:
            warm_start.apply_word_map(networks, maps.words)
        warm_start.apply_feature_heads(networks, records, config)
        warm_start.apply_piece_frequencies(networks, records)
    return networks


def pretrain(
    config: Config,
    records: RecordSet,
    workdir: str,
    strategy: tf.distribute.Strategy,
    jit_compile: bool = False,
    keep_checkpoints: int = 2,
) -> Dict[str, Any]:
    """Trains until `config.training.steps`, resuming from the last checkpoint.

    See `fitting.fit` for what a resumed run has in common with an unbroken one. With
    several workers the folder must be one that all of them see; the chief alone
    writes.

    Args:
        config: the experiment.
        records: what to train on; needs train and validation examples.
        workdir: receives `config.json`, `metrics.jsonl`, `checkpoints/`,
            `tensorboard/`.
        strategy: where to train.
        jit_compile: whether the networks' passes are compiled by XLA.
        keep_checkpoints: how many are kept.

    Returns:
        The last line of `metrics.jsonl`.

    Raises:
        ValueError: if a split is empty, there are no steps, or the folder holds
            another run.
    """
    for split in ("train", "validation"):
        records.require_split(split)
    if config.training.steps < 1:
        raise ValueError(
            f"A pre-training needs steps. Received: {config.training.steps}"
        )
    check_layout(config, records)
    with fitting.output_folder(strategy, workdir) as output:
        ancestors = seen_by(config.training.init)
        claim_workdir(output, config, records, ancestors)

        def build(fresh):
            networks = (
                starting_networks(config, records, output) if fresh
                else networks_for(config, records.spec)
            )
            return Pretrainer(networks, config)

        training = fitting.begin(
            build, config.training, workdir, strategy, jit_compile
        )
        _train(training, config, records, strategy, output, keep_checkpoints)
        lines = callbacks.read_lines(callbacks.metrics_path(output))
        if output == workdir:
            chances = read_json(os.path.join(output, "chances.json"))
            page = training_page(lines, chances)
            write_text(os.path.join(output, "report.html"), page)
    return lines[-1] if lines else {}


def check_layout(config: Config, records: RecordSet) -> None:
    """Raises a ValueError if records are of another layout than a configuration's."""
    wanted = config.data.layout
    if wanted and wanted != records.spec.layout:
        raise ValueError(
            f"The configuration asks for records of --layout={wanted} (data.layout). "
            f"Received: {records.directory} with {records.spec.layout}"
        )


def _train(training, config, records, strategy, output, keep_checkpoints) -> None:
    settings = config.training
    if training.step >= settings.steps:
        return
    train = input_pipeline.training_batches(
        records, config, settings.seed, training.step
    )
    validation = input_pipeline.validation_batches(records, config, settings.seed)
    if training.step == 0:
        chances = _chances(validation, config, records, strategy.num_replicas_in_sync)
        write_json(os.path.join(output, "chances.json"), chances)
    fitting.fit(
        training, train, validation, settings, config.data.batch_size, output,
        keep_checkpoints,
    )


def _chances(
    validation: tf.data.Dataset, config: Config, records: RecordSet, replicas: int
) -> Dict[str, float]:
    """Accuracy of guessing, by task, on what validation asks."""
    pieces: collections.Counter = collections.Counter()
    for batch in validation:
        hidden = tf.boolean_mask(batch["masked_ids"], batch["masked_weights"] > 0)
        pieces.update(hidden.numpy().tolist())
    most = max(pieces.values()) / sum(pieces.values()) if pieces else 0.0
    layout = records.spec.patch_layout
    budget = patch_budget(layout)
    hidden = {task: budget[level] for task, level in feature_tasks(layout).items()}
    size = min(config.data.batch_size, records.counts["validation"])
    return task_chances(size, most, hidden, replicas)
