r"""Exports a run as one SavedModel that takes picture bytes and strings.

Example:
  python -m experiments.export --workdir=runs/myntra/model --output=runs/myntra/export

  import tensorflow as tf, tensorflow_text
  model = tf.saved_model.load("runs/myntra/export")
  model.signatures["serving_default"](
      images=tf.constant([open("shirt.jpg", "rb").read()]),
      texts=tf.constant(["A navy shirt."]))["match_probability"]
"""

from __future__ import annotations

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
flags.DEFINE_string("output", None, "Folder of the SavedModel.", required=True)
flags.DEFINE_string(
    "backbone_weights", None, "Weights file; default: the packaged ImageNet weights."
)
flags.DEFINE_string(
    "saliency_weights", None,
    "File of experiments.train_saliency; default: the packaged weights.",
)


@fail_clearly
def main(argv):
    del argv
    from kaleido import text, workdir
    from kaleido.serving.saved_model import ServingModule, export_saved_model

    # Portable and exact, whatever the training's precision was.
    run, networks, step = workdir.load_networks(FLAGS.workdir, precision="float32")
    run.spec.require_known()
    module = ServingModule(
        networks,
        run.spec,
        text.load_vocabulary(run.vocabulary),
        run.config.model.positions,
        FLAGS.backbone_weights,
        FLAGS.saliency_weights,
    )
    export_saved_model(module, FLAGS.output, run.config.active_tasks())
    logging.info("model of step %d exported to %s", step, FLAGS.output)


if __name__ == "__main__":
    app.run(main)
