"""`model.fit` against a hand-written step; MirroredStrategy against none."""

from __future__ import annotations

import tempfile
import time
from typing import Any, Dict, List

import numpy as np

from experiments.benchmarks.input_speed import write_random_records
from kaleido.benchmarking import entry

_STEPS = 12


def run() -> List[Dict[str, Any]]:
    """Times a step of the `small` preset, joint tasks, batch 32, three ways."""
    import dataclasses

    import tensorflow as tf

    from kaleido import callbacks
    from kaleido.config import PAPER_TASKS, TaskConfig
    from kaleido.distribution import make_strategy
    from kaleido.input_pipeline import training_batches
    from kaleido.models import networks_for
    from kaleido.optimizers import make_optimizer
    from kaleido.precision import set_precision
    from kaleido.presets import preset
    from kaleido.pretrainer import Pretrainer

    small = preset("small")
    config = dataclasses.replace(
        small,
        model=dataclasses.replace(small.model, similarity_path=False),
        data=dataclasses.replace(small.data, batch_size=32, text_lengths=()),
        training=dataclasses.replace(small.training, mined_negatives=0.0),
        tasks={name: TaskConfig() for name in PAPER_TASKS},
    )
    set_precision(config.training.precision)
    with tempfile.TemporaryDirectory() as directory:
        record_set = write_random_records(directory, 512)

        def model_under(strategy):
            with strategy.scope():
                model = Pretrainer(networks_for(config, record_set.spec), config)
                model.compile(make_optimizer(config.training))
            return model

        batches = training_batches(record_set, config, seed=0).take(_STEPS).cache()
        for _ in batches:  # fills the cache
            pass
        none = tf.distribute.get_strategy()
        plain, by_hand = model_under(none), model_under(none)
        mirrored = model_under(make_strategy("mirrored", ["/cpu:0"]))
        step = tf.function(by_hand.train_step, reduce_retracing=True)

        class Clock(tf.keras.callbacks.Callback):
            """Times the loop: the dataset's tuning thread may hold up its end,
            once, for seconds."""

            _supports_tf_logs = True

            def on_train_begin(self, logs=None):
                self._start = time.perf_counter()

            def on_train_end(self, logs=None):
                self.seconds = time.perf_counter() - self._start

        def hand():
            start = time.perf_counter()
            for batch in batches:
                step(batch)
            return time.perf_counter() - start

        def fit(model):
            # Those of a real run that do something at a step.
            watching = [
                callbacks.Phases(10**9), callbacks.Divergence(),
                callbacks.ProgressLine(10**9),
                tf.keras.callbacks.TensorBoard(directory, write_graph=False),
            ]
            clock = Clock()
            model.fit(batches, verbose=0, callbacks=[*watching, clock])
            return clock.seconds

        calls = {
            "fit": lambda: fit(plain),
            "hand": hand,
            "mirrored": lambda: fit(mirrored),
        }
        ratios: Dict[str, List[float]] = {"fit / hand": [], "mirrored / none": []}
        medians: Dict[str, List[float]] = {name: [] for name in calls}
        for round_ in range(5):
            seconds = {name: call() / _STEPS for name, call in calls.items()}
            if not round_:
                continue  # compilation
            ratios["fit / hand"].append(seconds["fit"] / seconds["hand"])
            ratios["mirrored / none"].append(seconds["mirrored"] / seconds["fit"])
            for name, value in seconds.items():
                medians[name].append(value)
    shown = {k: round(float(np.median(v)), 4) for k, v in medians.items()}
    return [
        entry(
            f"seconds a step, {name}", float(np.median(values)), 1.05,
            at_most=True, seconds=shown,
        )
        for name, values in ratios.items()
    ]
