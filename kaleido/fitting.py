"""A training from its first step, or its last checkpoint, to its last step."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from typing import Callable, Dict, Iterator, Optional

import tensorflow as tf
from absl import logging

from kaleido import callbacks
from kaleido.config import TrainingConfig
from kaleido.distribution import is_chief, share_weights
from kaleido.optimizers import make_optimizer
from kaleido.precision import set_precision
from kaleido.trainer import Trainer
from kaleido.workdir import checkpoint_step, latest_checkpoint


@dataclasses.dataclass(frozen=True)
class Training:
    """A model at a step.

    Attributes:
        model: compiled, with its weights.
        checkpoint: of the model and its optimiser.
        step: where it stands.
    """

    model: Trainer
    checkpoint: tf.train.Checkpoint
    step: int


def begin(
    build: Callable[[bool], Trainer],
    settings: TrainingConfig,
    workdir: str,
    strategy: tf.distribute.Strategy,
    jit_compile: bool = False,
) -> Training:
    """Builds a model, and takes it to where its last checkpoint was saved.

    Args:
        build: returns the model; told whether it needs the weights that a training
            begins from, or will get those of a checkpoint.
        settings: the optimisation.
        workdir: folder of the run.
        strategy: where to train.
        jit_compile: see `Trainer.compile`.
    """
    set_precision(settings.precision)
    latest = latest_checkpoint(workdir)
    with strategy.scope():
        tf.keras.utils.set_random_seed(settings.seed)
        model = build(latest is None)
        model.compile(make_optimizer(settings), jit_compile=jit_compile)
        model.optimizer.build(model.trainable_variables)
        checkpoint = tf.train.Checkpoint(**model.saved, optimizer=model.optimizer)
        step = 0
        if latest is not None:
            checkpoint.restore(latest).assert_existing_objects_matched()
            step = checkpoint_step(latest)
            logging.info("resumed at step %d from %s", step, latest)
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            share_weights(strategy, model.trainable_variables)
    model.set_step(step)
    return Training(model, checkpoint, step)


def fit(
    training: Training,
    train: tf.data.Dataset,
    validation: tf.data.Dataset,
    settings: TrainingConfig,
    batch_size: int,
    output: str,
    keep_checkpoints: int = 2,
    best: Optional[callbacks.Best] = None,
) -> None:
    """Trains to the last step, with a validation and a checkpoint every so often.

    A training without steps is validated, no more.

    Weights, optimiser, data position and what is drawn for each record are
    restored: without dropout a run that was stopped ends where one that was not
    would have; with it, other units are dropped.

    Args:
        training: of `begin`.
        train: batches from its step on, without end.
        validation: what each validation passes over.
        settings: the optimisation.
        batch_size: examples of a global batch.
        output: receives `metrics.jsonl`, `checkpoints/` and `tensorboard/`.
        keep_checkpoints: how many are kept.
        best: keeps the best weights, those of the start among them.
    """
    step, steps = training.step, settings.steps
    manager = tf.train.CheckpointManager(
        training.checkpoint, os.path.join(output, "checkpoints"), keep_checkpoints
    )
    path = callbacks.metrics_path(output)
    lines = callbacks.MetricLines(path, step, batch_size)
    if step == 0:
        untrained = _untrained(training.model, validation)
        callbacks.append_line(path, untrained)
        if best:
            best.offer(0, untrained)
    if step >= steps:
        return
    every = min(settings.eval_every, steps)
    # Dropout must not begin again with the numbers of step 0.
    tf.keras.utils.set_random_seed((settings.seed * 1_000_003 + step) % 2**32)
    training.model.fit(
        train,
        validation_data=validation,
        steps_per_epoch=every,
        initial_epoch=step // every,
        epochs=-(-steps // every),
        verbose=0,
        callbacks=[
            callbacks.Phases(steps),
            callbacks.Divergence(),
            callbacks.ProgressLine(steps),
            lines,
            # Before the checkpoint: what a resumed run would not see again.
            *([best] if best else []),
            callbacks.Checkpoints(manager),
            tf.keras.callbacks.TensorBoard(
                os.path.join(output, "tensorboard"), write_graph=False
            ),
        ],
    )


def _untrained(model: Trainer, validation: tf.data.Dataset) -> Dict[str, float]:
    """Returns the line of validation before the first step, of all losses."""
    active = model.active
    model.active = model.all
    logs = model.evaluate(validation, verbose=0, return_dict=True)
    model.active = active
    model.test_function = None
    figures = {f"val_{name}": float(value) for name, value in logs.items()}
    return {"step": 0, "seconds": 0.0, **figures}


@contextlib.contextmanager
def output_folder(strategy: tf.distribute.Strategy, workdir: str) -> Iterator[str]:
    """Yields the folder to write into: the run's, or a scratch one that goes.

    Validation, checkpoints and metrics are the work of all workers; what those other
    than the chief have of them is a copy.
    """
    if is_chief(strategy):
        yield workdir
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield scratch
