"""A pre-training run from first weights to last checkpoint."""

from __future__ import annotations

import collections
import functools
import json
import os
import tempfile
from typing import Any, Dict

import tensorflow as tf
from absl import logging

from kaleido import callbacks, input_pipeline, warm_start
from kaleido.config import Config
from kaleido.files import read_json, write_json, write_text
from kaleido.interop.bert import load_minilm
from kaleido.masking import patch_budget
from kaleido.models import Networks, feature_tasks, networks_for
from kaleido.records import RecordSet
from kaleido.reports.training_report import task_chances, training_page
from kaleido.training import Pretrainer, is_chief, make_optimizer, share_weights
from kaleido.workdir import checkpoint_step, claim_workdir


def starting_networks(
    config: Config, records: RecordSet, workdir: str
) -> Networks:
    """Builds the networks with the weights that a run begins from.

    Args:
        config: the experiment.
        records: what it will be trained on.
        workdir: folder of the run.
    """
    tf.keras.utils.set_random_seed(config.training.seed)
    networks = networks_for(config, records.spec)
    if config.training.init == "minilm":
        load_minilm(networks, records.vocabulary)
    if config.training.ridge_warm_start:
        ridge = warm_start.fit_or_load(networks, config, records, workdir)
        warm_start.apply_ridge_map(networks, ridge)
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

    Weights, optimiser, data position and what is drawn for each record are
    restored: without dropout a run that was stopped ends where one that was not
    would have; with it, other units are dropped. With several
    workers the folder must be one that all of them see; the chief alone writes.

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
        ValueError: if a split is empty or the folder holds another run.
    """
    for split in ("train", "validation"):
        records.require_split(split)
    run = functools.partial(
        _run, config, records, workdir, strategy, jit_compile, keep_checkpoints
    )
    if is_chief(strategy):
        return run(workdir)
    # Validation, checkpoints and metrics are the work of all; what this worker
    # has of them is a copy.
    with tempfile.TemporaryDirectory() as scratch:
        return run(scratch)


def _run(
    config, records, workdir, strategy, jit_compile, keep_checkpoints, output
) -> Dict[str, Any]:
    """Goes on from the checkpoints in `workdir`, writing into `output`."""
    settings = config.training
    claim_workdir(output, config, records)
    tf.keras.mixed_precision.set_global_policy(settings.precision)
    directory = os.path.join(workdir, "checkpoints")
    latest = tf.train.latest_checkpoint(directory)
    with strategy.scope():
        if latest is None:
            networks = starting_networks(config, records, output)
        else:
            tf.keras.utils.set_random_seed(settings.seed)
            networks = networks_for(config, records.spec)
        model = Pretrainer(networks, config)
        model.compile(make_optimizer(settings), jit_compile=jit_compile)
        model.optimizer.build(model.trainable_variables)
        checkpoint = tf.train.Checkpoint(
            joint=networks.joint, text=networks.text, image=networks.image,
            optimizer=model.optimizer,
        )
        step = 0
        if latest is not None:
            checkpoint.restore(latest).assert_existing_objects_matched()
            step = checkpoint_step(latest)
            logging.info("resumed at step %d from %s", step, latest)
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            share_weights(strategy, model.trainable_variables)
    metrics_path = os.path.join(output, "metrics.jsonl")
    every = min(settings.eval_every, settings.steps)
    if step < settings.steps:
        model.set_step(step)
        train = input_pipeline.training_batches(records, config, settings.seed, step)
        validation = input_pipeline.validation_batches(records, config, settings.seed)
        # Dropout must not begin again with the numbers of step 0.
        tf.keras.utils.set_random_seed((settings.seed * 1_000_003 + step) % 2**32)
        lines = callbacks.MetricLines(metrics_path, step, config.data.batch_size)
        if step == 0:
            chances = _chances(
                validation, config, records, strategy.num_replicas_in_sync
            )
            write_json(os.path.join(output, "chances.json"), chances)
            _write_untrained(model, validation, metrics_path)
        model.fit(
            train,
            validation_data=validation,
            steps_per_epoch=every,
            initial_epoch=step // every,
            epochs=-(-settings.steps // every),
            verbose=0,
            callbacks=[
                callbacks.Phases(settings.steps),
                callbacks.Divergence(),
                callbacks.ProgressLine(settings.steps),
                lines,
                callbacks.Checkpoints(
                    tf.train.CheckpointManager(
                        checkpoint, os.path.join(output, "checkpoints"),
                        keep_checkpoints,
                    )
                ),
                tf.keras.callbacks.TensorBoard(
                    os.path.join(output, "tensorboard"), write_graph=False
                ),
            ],
        )
    lines = callbacks.read_lines(metrics_path)
    if output == workdir:
        chances = read_json(os.path.join(output, "chances.json"))
        page = training_page(lines, chances)
        write_text(os.path.join(output, "report.html"), page)
    return lines[-1] if lines else {}


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


def _write_untrained(model: Pretrainer, validation, path: str) -> None:
    """Writes validation before the first step, all tasks, as step 0."""
    active = model.active
    model.active = tuple(model.config.active_tasks())
    logs = model.evaluate(validation, verbose=0, return_dict=True)
    model.active = active
    model.test_function = None
    figures = {f"val_{name}": float(value) for name, value in logs.items()}
    line = {"step": 0, "seconds": 0.0, **figures}
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
