r"""Exports a run as one SavedModel that takes picture bytes and strings.

A pre-training, or a fine-tuning for retrieval, is exported for search: signatures
`serving_default` (do picture and text belong together?), `embed_image` and
`embed_text`. A fine-tuning for captions writes captions of pictures, one for categories
or sub-categories says them; both have the signature `serving_default`.

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
    from kaleido.serving.saved_model import export_saved_model, serving_module

    module = serving_module(
        FLAGS.workdir, FLAGS.backbone_weights, FLAGS.saliency_weights
    )
    export_saved_model(module, FLAGS.output)
    logging.info(
        "%s exported to %s: signatures %s", FLAGS.workdir, FLAGS.output,
        ", ".join(module.signatures()),
    )


if __name__ == "__main__":
    app.run(main)
