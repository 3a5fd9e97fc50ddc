r"""Turns a checkpoint of the authors' TensorFlow 1 code into a run of ours.

Every variable of theirs must find its place, and every one of ours its value. OUTPUT
is used as any run is: `--workdir` of experiments.evaluate and experiments.export,
`--checkpoint` of experiments.finetune. Without --records only its sizes are known, and
any records of these sizes fit; export needs to know how pictures are cut and embedded,
and so needs --records.

A checkpoint that was fine-tuned for categories or sub-categories brings its
classifier; --classes says what its classes are called. It becomes a fine-tuning for
these: export and publish give classes, and what it is worth says `experiments.finetune
--task=category --config.training.steps=0`. Pairs it does not score any more.

Example:
  python -m experiments.convert_checkpoint --source=kaleido/model.ckpt \
      --config=kaleido/config.json --output=runs/kaleido_released
"""

from __future__ import annotations

import dataclasses

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("source", None, "Prefix of the checkpoint.", required=True)
flags.DEFINE_string("config", None, "The authors' config.json.", required=True)
flags.DEFINE_string("output", None, "Folder of the run.", required=True)
flags.DEFINE_string("records", "", "Records that it will be used on.")
flags.DEFINE_string(
    "classes", "",
    "Text file of the classifier's class names, a line each, in their order.",
)


@fail_clearly
def main(argv):
    del argv
    import tensorflow as tf

    from kaleido import workdir
    from kaleido.commands import note_commands
    from kaleido.files import read_json
    from kaleido.interop import released
    from kaleido.precision import whole_float32
    from kaleido.records import open_records
    from kaleido.text import load_vocabulary

    source = released.read_released(FLAGS.source, read_json(FLAGS.config))
    heads = released.read_classifiers(source, FLAGS.classes)
    spec, vocabulary = source.spec, None
    if FLAGS.records:
        records = open_records(FLAGS.records)
        # Texts may be of any length that there are positions for.
        fitting = dataclasses.replace(spec, max_tokens=records.spec.max_tokens)
        fitting.check_equals(records.spec, FLAGS.records)
        spec, vocabulary = records.spec, records.vocabulary
    else:
        standard = load_vocabulary()
        if len(standard) == source.vocab_size:
            vocabulary = standard
    # The contrastive view, which theirs has not, begins at random.
    tf.keras.utils.set_random_seed(source.config.training.seed)
    with whole_float32():
        networks = source.build()
        filled = released.fill_networks(networks, source, FLAGS.source)
        workdir.write_untrained(
            FLAGS.output, source.config, spec, networks, vocabulary, heads
        )
    note_commands(FLAGS.output)
    logging.info(
        "%d variables converted, %d of the optimiser skipped: see %s",
        len(filled.used), len(source.skipped), FLAGS.output,
    )


if __name__ == "__main__":
    app.run(main)
