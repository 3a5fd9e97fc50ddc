r"""Pre-trains Kaleido-BERT on a records folder; goes on where it was stopped.

Examples:
  python -m experiments.pretrain --config=experiments/configs/myntra_small.py \
      --records=runs/myntra/records --workdir=runs/myntra/model
  python -m experiments.pretrain --config=experiments/configs/preset.py:paper \
      --config.data.batch_size=512 --strategy=mirrored --jit_compile \
      --records=runs/fashiongen/records --workdir=runs/fashiongen/model
"""

from __future__ import annotations

import dataclasses
import os

from absl import app, flags, logging
from ml_collections import config_flags

from kaleido.cli import fail_clearly, parse_config_flags, require_config_file

FLAGS = flags.FLAGS

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "Python file with get_config(); any field can be set as "
    "--config.section.field=value.",
)
flags.DEFINE_string("records", None, "Folder of `tfrecords.build`.", required=True)
flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
flags.DEFINE_enum(
    "strategy", "one_device", ("one_device", "mirrored", "multi_worker"),
    "tf.distribute strategy.",
)
flags.DEFINE_integer(
    "logical_cpus", 0, "Splits the CPU into that many devices.", lower_bound=0
)
flags.DEFINE_bool("jit_compile", None, "XLA; default: on where there is a GPU.")
flags.DEFINE_integer(
    "steps", None, "Training steps, instead of the config's.", lower_bound=1
)
flags.DEFINE_integer("seed", None, "Seed, instead of the config's.")
flags.DEFINE_integer(
    "keep_checkpoints", 2, "How many checkpoints are kept.", lower_bound=1
)


@fail_clearly
def main(argv):
    del argv
    require_config_file(_CONFIG)
    import tensorflow as tf

    from kaleido import distribution, pretraining, records
    from kaleido.commands import note_commands
    from kaleido.config import Config

    config = Config.from_dict(FLAGS.config.to_dict())
    overrides = {
        name: getattr(FLAGS, name)
        for name in ("steps", "seed")
        if getattr(FLAGS, name) is not None
    }
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, **overrides)
    )
    devices = []
    if FLAGS.logical_cpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * FLAGS.logical_cpus
        )
        devices = [f"/cpu:{i}" for i in range(FLAGS.logical_cpus)]
    strategy = distribution.make_strategy(FLAGS.strategy, devices)
    jit_compile = distribution.compiles(FLAGS.jit_compile)
    logging.info(
        "%d replicas, XLA %s, %s", strategy.num_replicas_in_sync,
        "on" if jit_compile else "off", config.training.precision,
    )
    record_set = records.open_records(FLAGS.records)
    spec = record_set.spec
    logging.info(
        "records: layout %s, saliency %s, alignment %s, masking %s", spec.layout,
        spec.saliency, spec.alignment, spec.masking,
    )
    if spec.layout == "kaleido" and spec.masking == "random":
        logging.warning(
            "Words and patches are hidden at random; for alignment-guided masking "
            "build the records with --captioner."
        )
    pretraining.pretrain(
        config,
        record_set,
        FLAGS.workdir,
        strategy,
        jit_compile=jit_compile,
        keep_checkpoints=FLAGS.keep_checkpoints,
    )
    if distribution.is_chief(strategy):
        note_commands(FLAGS.workdir, FLAGS.records)
    logging.info("metrics in %s", os.path.join(FLAGS.workdir, "metrics.jsonl"))


if __name__ == "__main__":
    app.run(main, flags_parser=parse_config_flags)
