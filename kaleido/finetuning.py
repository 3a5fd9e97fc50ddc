"""A fine-tuning from a pre-training's weights to what it is worth on a split."""

from __future__ import annotations

import dataclasses
import os
from typing import Type

import tensorflow as tf

from kaleido import callbacks, fitting, input_pipeline
from kaleido.config import CLOSED_FORMS, Config, TrainingConfig
from kaleido.files import claim_folder, write_arrays, write_text
from kaleido.finetuning_config import (
    CLASSIFICATION_TASKS,
    RETRIEVAL_TASKS,
    FinetuningConfig,
)
from kaleido.interop.starting_weights import has_closed_forms, is_run
from kaleido.models import Networks, networks_for
from kaleido.pretraining import starting_networks
from kaleido.records import RecordSet
from kaleido.reports.training_report import training_page
from kaleido.tasks.captioning import Captioning
from kaleido.tasks.classification import Classification
from kaleido.tasks.retrieval import Retrieval, scoring_config
from kaleido.tasks.task import Task
from kaleido.warm_start import has_ridge_map
from kaleido.workdir import (
    RunDescription,
    best_folder,
    checkpoint_step,
    chosen_checkpoint,
    claim_workdir,
    load_networks,
    notes_path,
    read_finetuning,
    read_head,
    warn_of_other_examples,
    weights_fingerprint,
)


def task_class(task: str) -> Type[Task]:
    """Returns the class of a task of `finetuning_config.TASKS`."""
    if task in CLASSIFICATION_TASKS:
        return Classification
    return Retrieval if task in RETRIEVAL_TASKS else Captioning


def _settings(config: FinetuningConfig, run: Config) -> TrainingConfig:
    """Returns the optimisation: layers learn at the rates that they have before.

    So do they from every start, or starts could not be compared; but what does not
    begin as a closed form learns at the full rate.
    """
    rates = {**run.training.rates, **config.training.rates}
    if config.start in ("text", "random"):
        for name in CLOSED_FORMS:
            rates.pop(name, None)
    return dataclasses.replace(config.training, rates=rates)


def _starting_networks(config, run, checkpoint, records, output) -> Networks:
    if config.start == "pretrained":
        return load_networks(checkpoint, records, config.training.precision)[1]
    if config.start == "closed_forms":
        training = dataclasses.replace(
            run.config.training, seed=config.training.seed,
            precision=config.training.precision,
        )
        folder = checkpoint if has_ridge_map(checkpoint, records) else output
        return starting_networks(
            dataclasses.replace(run.config, training=training), records, folder
        )
    settings = dataclasses.replace(
        run.config.training,
        init=_text_alone(run.config) if config.start == "text" else "random",
        ridge_warm_start=False,
        seed=config.training.seed,
    )
    alone = dataclasses.replace(run.config, training=settings)
    return starting_networks(alone, records)


def _text_alone(run: Config) -> str:
    """The text encoder of a run's kind: its own, or the packaged one."""
    init = run.training.init
    return "minilm" if init == "random" or is_run(init) else init


def _weights_of(config: FinetuningConfig, checkpoint: str) -> str:
    """Returns what tells one start from another."""
    if config.start != "pretrained":
        return config.start
    return weights_fingerprint(checkpoint)[:16]


def finetune(
    config: FinetuningConfig,
    run: RunDescription,
    checkpoint: str,
    records: RecordSet,
    workdir: str,
    strategy: tf.distribute.Strategy,
    jit_compile: bool = False,
) -> Task:
    """Trains a task, resuming from its last checkpoint.

    The folder is a run of its own: `experiments.evaluate` and `experiments.export`
    take that of a retrieval task.

    Args:
        config: the fine-tuning.
        run: the pre-training.
        checkpoint: its folder.
        records: what to train on.
        workdir: receives `config.json`, `job.json`, `metrics.jsonl`, `training.html`,
            `checkpoints/`, and in `best/` the weights that validation chose.
        strategy: where to train.
        jit_compile: whether the networks' passes are compiled by XLA.

    Returns:
        The task with the weights that validation chose.

    Raises:
        ValueError: if the records do not fit the run or the task, or the folder holds
            another fine-tuning.
    """
    for split in ("train", "validation"):
        records.require_split(split)
    task_class(config.task).check_split(config.task, records, "validation")
    run.spec.check_equals(records.spec, records.directory)
    begun = run.config.training
    if config.start == "closed_forms" and not has_closed_forms(run.config):
        raise ValueError(
            "start='closed_forms' needs a run that began with them. Received: "
            f"{checkpoint}, with ridge_warm_start={begun.ridge_warm_start}, "
            f"init={begun.init!r}"
        )
    before = read_finetuning(checkpoint).get("task", config.task)
    if config.task in RETRIEVAL_TASKS and before not in RETRIEVAL_TASKS:
        # It has forgotten what scored pairs.
        raise ValueError(
            f"{config.task} goes on from a pre-training, or a fine-tuning of retrieval."
            f" Received: {checkpoint}, fine-tuned for {before}"
        )
    warn_of_other_examples(run, checkpoint, records)
    settings = _settings(config, run.config)
    # Steps may grow, as a pre-training's may.
    job = dataclasses.replace(config, training=dataclasses.replace(settings, steps=1))
    with fitting.output_folder(strategy, workdir) as output:
        scoring = scoring_config(run.config, config)
        if config.task not in RETRIEVAL_TASKS:
            # What the other heads have learnt was for another encoder.
            scoring = dataclasses.replace(scoring, tasks={})
        # First: it refuses the folder of a pre-training.
        ancestors = run.trained_on if config.start == "pretrained" else ()
        claim_workdir(output, scoring, records, ancestors)
        claim_folder(
            output,
            {
                "finetuning": job.to_dict(), "records": records.content,
                "weights": _weights_of(config, checkpoint),
            },
            "the fine-tuning", ["checkpoints/*"],
        )

        def build(fresh):
            networks = (
                _starting_networks(config, run, checkpoint, records, output) if fresh
                else networks_for(run.config, records.spec)
            )
            task = task_class(config.task)(networks, config, run.config, records)
            if fresh:
                pretrained = config.start == "pretrained"
                head = read_head(checkpoint, config.task) if pretrained else {}
                if head:
                    task.begin_with(head)
                elif config.probe:
                    task.begin_as_probe()
            return task

        training = fitting.begin(build, settings, workdir, strategy, jit_compile)
        task = training.model
        write_arrays(notes_path(output), task.notes)
        # Without steps, too, validation has a look at what there is.
        if training.step < max(settings.steps, 1):
            prepare = task.preparation()
            batches = (
                input_pipeline.training_batches(
                    records, config, settings.seed, training.step, prepare=prepare
                ),
                input_pipeline.validation_batches(
                    records, config, settings.seed, prepare=prepare,
                    without=task.leaks("validation"),
                ),
            )
            best = callbacks.Best(
                tf.train.Checkpoint(**task.saved), best_folder(output),
                *task.chosen_by, training.step,
            )
            fitting.fit(
                training, *batches, settings, config.data.batch_size, output, 1, best
            )
        if output == workdir:
            lines = callbacks.read_lines(callbacks.metrics_path(output))
            page = training_page(lines, {}, f"Fine-tuning: {config.task}")
            write_text(os.path.join(output, "training.html"), page)
        best = tf.train.Checkpoint(**task.saved)
        chosen = chosen_checkpoint(output)
        best.restore(chosen).assert_existing_objects_matched()
        if task.settle():
            manager = tf.train.CheckpointManager(best, best_folder(output), 1)
            manager.save(checkpoint_number=checkpoint_step(chosen))
    return task
