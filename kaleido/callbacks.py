"""What happens around a training step: phases, checkpoints, metrics, progress."""

from __future__ import annotations

import json
import os
import time
from typing import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido.files import read_json, write_json, write_text
from kaleido.trainer import Trainer


class _Callback(tf.keras.callbacks.Callback):
    """Looks at figures only when it needs them.

    The step is the model's own count: to ask the optimiser for it would wait
    for each step to end, while on a GPU the next one could be prepared, and
    `mixed_float16` leaves some out.
    """

    model: Trainer
    # Else Keras would wait for every step's figures.
    _supports_tf_logs = True


class Divergence(_Callback):
    """Ends a run whose loss is no number, before it is saved as a checkpoint.

    Metrics are means since the last validation: a NaN stays in them until
    somebody looks, so that no step has to wait for a look of its own.

    Args:
        every: steps between two looks; each validation is one, too.
    """

    def __init__(self, every: int = 50):
        super().__init__()
        self._every = every

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step % self._every == 0:
            self._look(logs)

    def on_epoch_end(self, epoch, logs=None):
        self._look(logs)

    def _look(self, logs):
        wrong = {k: float(v) for k, v in (logs or {}).items() if not np.isfinite(v)}
        if wrong:
            raise ValueError(
                f"The training has diverged by step {self.model.step}; a lower "
                "--config.training.learning_rate or a longer warm-up helps. "
                f"Received: {wrong}"
            )


class Phases(_Callback):
    """Counts steps, lets tasks enter at theirs, ends training at the last one.

    Comes first among callbacks: the others read the count.

    A change of tasks rebuilds the train function, so that a phase computes
    nothing that it does not count.
    """

    def __init__(self, steps: int):
        super().__init__()
        self._steps = steps

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.set_step(self.model.step):
            logging.info("tasks from here on: %s", ", ".join(self.model.active))
            self.model.make_train_function(force=True)
            self.model.make_test_function(force=True)

    def on_train_batch_end(self, batch, logs=None):
        self.model.step += 1
        if self.model.step >= self._steps:
            self.model.stop_training = True


class Checkpoints(_Callback):
    """Saves weights and optimiser after each validation.

    Args:
        manager: of a checkpoint of the model.
    """

    def __init__(self, manager: tf.train.CheckpointManager):
        super().__init__()
        self._manager = manager

    def on_epoch_end(self, epoch, logs=None):
        self._manager.save(checkpoint_number=self.model.step)


class Best(_Callback):
    """Keeps the weights of the best validation so far.

    Args:
        checkpoint: of the weights.
        directory: receives them, and their figure in `best.json`.
        figures: of validation; their mean chooses.
        more_is_better: or less is.
        step: where training begins; what was kept at a later one is forgotten.
    """

    def __init__(
        self, checkpoint: tf.train.Checkpoint, directory: str, figures: Sequence[str],
        more_is_better: bool, step: int,
    ):
        super().__init__()
        self._manager = tf.train.CheckpointManager(checkpoint, directory, 1)
        self._path = os.path.join(directory, "best.json")
        self._figures, self._sign = figures, 1.0 if more_is_better else -1.0
        self._best = read_json(self._path) if os.path.exists(self._path) else None
        if self._best and self._best["step"] > step:
            # A run that was stopped before its checkpoint comes here once more.
            self._best = None

    def offer(self, step: int, logs: Mapping[str, float]) -> None:
        """Keeps the weights of a validation, if it is the best so far."""
        value = float(np.mean([logs[name] for name in self._figures]))
        if self._best and self._sign * (value - self._best["value"]) <= 0:
            return
        self._manager.save(checkpoint_number=step)
        self._best = {"figures": list(self._figures), "value": value, "step": step}
        write_json(self._path, self._best)

    def on_epoch_end(self, epoch, logs=None):
        self.offer(self.model.step, logs)


class MetricLines(_Callback):
    """Appends a JSON line after each validation.

    A run that is resumed drops the lines behind its checkpoint; one that was
    stopped before its first checkpoint begins the file again.

    Args:
        path: the file.
        step: where training begins; 0 for a new run.
        examples: of a global batch.
    """

    def __init__(self, path: str, step: int, examples: int):
        super().__init__()
        self._path, self._examples = path, examples
        found = read_lines(path) if step else []
        kept = [line for line in found if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._seconds = kept[-1]["seconds"] if kept else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._start, self._first = time.monotonic(), self.model.step

    def on_test_begin(self, logs=None):
        # Validation is not part of the training rate.
        self._trained = time.monotonic() - self._start

    def on_epoch_end(self, epoch, logs=None):
        trained = getattr(self, "_trained", time.monotonic() - self._start)
        self._seconds += trained
        rate = self.model.optimizer.learning_rate
        line = {
            "step": self.model.step,
            "seconds": round(self._seconds, 1),
            "examples_per_second": round(
                (self.model.step - self._first) * self._examples / max(trained, 1e-9), 2
            ),
            "learning_rate": float(tf.convert_to_tensor(rate)),
            **{key: float(value) for key, value in (logs or {}).items()},
        }
        append_line(self._path, line)


class ProgressLine(_Callback):
    """Logs every loss, the rate and the time left, every few seconds."""

    def __init__(self, steps: int, every: float = 10.0):
        super().__init__()
        self._steps, self._every = steps, every
        self._last = self._first = self._tasks = None

    def on_train_batch_begin(self, batch, logs=None):
        if self._tasks != self.model.active:
            self._tasks = self.model.active
            logging.info("the next step first builds the graph of %s",
                         ", ".join(self._tasks))

    def on_train_batch_end(self, batch, logs=None):
        now, step = time.monotonic(), self.model.step
        if self._first is None:
            # The first step is mostly compilation.
            self._first = self._last = (now, step)
            return
        if now - self._last[0] < self._every and step < self._steps:
            return
        self._last = (now, step)
        per_step = (now - self._first[0]) / max(step - self._first[1], 1)
        values = {k: float(v) for k, v in (logs or {}).items() if "accuracy" not in k}
        shown = " ".join(f"{k.replace('_loss', '')} {v:.3f}" for k, v in values.items())
        logging.info(
            "step %d/%d, %.2f s a step, %.0f s left: %s",
            step, self._steps, per_step, per_step * (self._steps - step), shown,
        )

    def on_epoch_end(self, epoch, logs=None):
        values = {
            k[4:]: float(v) for k, v in (logs or {}).items() if k.startswith("val_")
        }
        shown = " ".join(f"{k} {v:.3f}" for k, v in values.items())
        logging.info("validation at step %d: %s", self.model.step, shown)
        # Validation took time that the rate must not count.
        self._first = None


def metrics_path(workdir: str) -> str:
    """Where a run keeps its metric lines."""
    return os.path.join(workdir, "metrics.jsonl")


def append_line(path: str, line: Mapping[str, float]) -> None:
    """Appends a line to a JSON-lines file."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read_lines(path: str) -> list:
    """Reads a JSON-lines file; a missing one is empty.

    A last line without its end was cut off by a crash, and is left out.
    """
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]

