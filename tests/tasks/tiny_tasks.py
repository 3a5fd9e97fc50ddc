"""Tasks around tiny networks, on tiny records."""

import dataclasses

import tensorflow as tf

from kaleido import finetuning, optimizers
from kaleido.finetuning_config import FinetuningConfig, default_finetuning
from kaleido.models import networks_for
from tests import tiny_records


def tiny_finetuning(task: str, **changes) -> FinetuningConfig:
    """The default of a task in float32, batches of 8, with other values."""
    config = default_finetuning(task)
    sections = {
        "data": {"batch_size": 8, "group_size": 1},
        "training": {"precision": "float32", "steps": 4, "eval_every": 2},
    }
    for name, values in sections.items():
        values = {**values, **changes.pop(name, {})}
        section = dataclasses.replace(getattr(config, name), **values)
        config = dataclasses.replace(config, **{name: section})
    return dataclasses.replace(config, **changes)


def make_task(task, record_set, run=None, **changes):
    """A compiled task around untrained networks of one layer."""
    run = run or tiny_records.tiny_config(model={"num_layers": 1})
    config = tiny_finetuning(task, **changes)
    tf.keras.utils.set_random_seed(0)
    networks = networks_for(run, record_set.spec)
    made = finetuning.task_class(task)(networks, config, run, record_set)
    made.compile(optimizers.make_optimizer(config.training))
    return made


def first_batch(task, split="train"):
    """The first batch of a split as training sees it."""
    prepare = task.preparation()
    files = list(task.records.files[split])
    serialized = next(iter(tf.data.TFRecordDataset(files).batch(8)))
    return prepare(serialized, tf.constant(0, tf.int64))
