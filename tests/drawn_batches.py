"""Batches drawn from records that name themselves (`fake_records`)."""

import dataclasses
import itertools

from kaleido import input_pipeline, presets
from tests import fake_records

TRAIN, BATCH = 48, 8
PER_EPOCH = TRAIN // BATCH


def make_config(training=None, model=None, tasks=None, **data):
    """`tiny` without what mines; `tasks` are names."""
    config = presets.preset("tiny")
    if tasks is not None:
        config = dataclasses.replace(config, tasks={t: config.tasks[t] for t in tasks})
    data = {"batch_size": BATCH, "group_size": 1, "shuffle_buffer": 20, **data}
    return dataclasses.replace(
        config,
        model=dataclasses.replace(
            config.model, **{"similarity_path": False, **(model or {})}
        ),
        data=dataclasses.replace(config.data, **data),
        training=dataclasses.replace(
            config.training, **{"mined_negatives": 0.0, **(training or {})}
        ),
    )


def write_record_set(directory):
    items = fake_records.items_of(TRAIN + 10)
    return fake_records.write_records(
        str(directory), {"train": items[:TRAIN], "validation": items[TRAIN:]}
    )


def take(dataset, count):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def train(record_set, count, seed=3, start_step=0, **data):
    dataset = input_pipeline.training_batches(
        record_set, make_config(**data), seed, start_step
    )
    return take(dataset, count)
