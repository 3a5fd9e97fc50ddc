"""Trains the same batches on different devices; prints what came out as JSON.

A process of its own: logical devices must be set before TensorFlow starts.

Usage: python -m tests.distribution_worker RECORDS OUTPUT.json VARIANT...
"""

from __future__ import annotations

import os
import sys

import tensorflow as tf

from kaleido import distribution, input_pipeline, pair_training, records
from kaleido.files import write_json
from kaleido.models import networks_for
from kaleido.pretrainer import Pretrainer
from tests import tiny_records

REPLICAS, STEPS = 8, 20

# Variant: replicas, whether XLA compiles the passes, whether to validate.
VARIANTS = {
    "one": (1, False, True),
    "eight": (8, False, True),
    # What eight add is shown without XLA, which takes seconds a replica.
    "two_jit": (2, True, False),
}


class _Recorder(tf.keras.callbacks.Callback):
    """Losses of every step; weights before and after the first."""

    def __init__(self):
        super().__init__()
        self.losses, self.weights = [], []

    def _remember_weights(self):
        self.weights.append(
            {
                f"{i} {v.name}": v.numpy().ravel().tolist()
                for i, v in enumerate(self.model.trainable_variables)
            }
        )

    def on_train_begin(self, logs=None):
        self._remember_weights()

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append({k: float(v) for k, v in logs.items() if "loss" in k})
        if epoch == 0:
            self._remember_weights()


def tiny_run(steps=STEPS):
    """What is trained: all tasks, mined negatives, one layer."""
    return tiny_records.tiny_config(
        data={"batch_size": 16}, model={"num_layers": 1}, training={"steps": steps}
    )


def _train(record_set, replicas, jit_compile, validate):
    devices = [f"/cpu:{i}" for i in range(replicas)]
    name = "one_device" if replicas == 1 else "mirrored"
    strategy = distribution.make_strategy(name, devices)
    config = tiny_run()
    with strategy.scope():
        tf.keras.utils.set_random_seed(0)
        model = Pretrainer(networks_for(config, record_set.spec), config)
        # Plain descent: unlike Adam it does not forgive a gradient of the
        # wrong length.
        model.compile(tf.keras.optimizers.SGD(0.05), jit_compile=jit_compile)
    recorder = _Recorder()
    model.fit(
        input_pipeline.training_batches(record_set, config, seed=0),
        steps_per_epoch=1, epochs=STEPS, verbose=0, callbacks=[recorder],
    )
    validation = {}
    if validate:
        batches = input_pipeline.validation_batches(record_set, config, seed=0)
        validation = model.evaluate(batches, verbose=0, return_dict=True)
    return {
        "losses": recorder.losses,
        "start_weights": recorder.weights[0],
        "first_weights": recorder.weights[1],
        "validation": {k: float(v) for k, v in validation.items() if "loss" in k},
    }


def main(records_folder, output, *variants):
    # Compiling quickly matters more here than running quickly.
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
    )
    # Of 15 wrong texts these are the most similar: mining has a choice.
    pair_training.MINED_AMONG = 4
    record_set = records.open_records(records_folder)
    results = {v: _train(record_set, *VARIANTS[v]) for v in variants}
    write_json(output, results)


if __name__ == "__main__":
    main(*sys.argv[1:])
