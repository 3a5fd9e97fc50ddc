"""What the processor's kernels and precision are worth to a step of `small`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any, Dict, List

from experiments.benchmarks.input_speed import write_random_records
from kaleido.benchmarking import entry, interleaved_seconds

_STEPS = 4
_ROUNDS = 2


def run() -> List[Dict[str, Any]]:
    """Times a step as it is, without oneDNN's kernels, and in bfloat16.

    A process each, in turns: TensorFlow chooses its kernels when it is imported.
    """
    ways = {"ours": ("1", "auto"), "without oneDNN": ("0", "auto"),
            "bfloat16": ("1", "mixed_bfloat16")}
    seconds: Dict[str, List[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, (kernels, precision) in ways.items():
            output = subprocess.run(
                [sys.executable, "-m", "experiments.benchmarks.kernels", precision],
                env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": kernels},
                check=True, capture_output=True, text=True,
            ).stdout
            seconds[name].append(float(output.split()[-1]))
    best = {name: min(values) for name, values in seconds.items()}
    shown = {name: round(value, 4) for name, value in best.items()}
    return [
        entry(
            f"seconds a step, {name} / ours", best[name] / best["ours"], 0.95,
            seconds=shown,
        )
        for name in ways if name != "ours"
    ]


def seconds_a_step(precision: str) -> float:
    """Returns the median time of a step of all tasks, batch 32."""
    import dataclasses

    import tensorflow as tf

    from kaleido.input_pipeline import training_batches
    from kaleido.models import networks_for
    from kaleido.optimizers import make_optimizer
    from kaleido.precision import set_precision
    from kaleido.presets import preset
    from kaleido.pretrainer import Pretrainer

    small = preset("small")
    config = dataclasses.replace(
        small, data=dataclasses.replace(small.data, batch_size=32, text_lengths=()),
    )
    set_precision(precision)
    with tempfile.TemporaryDirectory() as directory:
        records = write_random_records(directory, 64)
        model = Pretrainer(networks_for(config, records.spec), config)
        model.compile(make_optimizer(config.training))
        model.optimizer.build(model.trainable_variables)
        batch = next(iter(training_batches(records, config, seed=0)))
        step = tf.function(model.train_step)
        calls = {"step": lambda: step(batch)}
        return interleaved_seconds(calls, repeats=_STEPS, warmups=1)["step"]


if __name__ == "__main__":
    print(seconds_a_step(sys.argv[1]))
