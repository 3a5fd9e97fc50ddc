r"""Packs trained runs as a folder that people can take.

OUTPUT gets, for each run, a SavedModel and the run's weights, configuration and
vocabulary; `model.json` with fingerprints, versions and commands; and README.md, the
model card: ABOUT's data, licence and limits, and the scores of --results with their
protocol. `kaleido.load(OUTPUT)` gives it back.

ABOUT is a JSON file: {"name": ..., "data": ..., "licence": ..., "limits": ...}. An
entry "bias" takes the place of what the card says of bias otherwise.

Example:
  python -m experiments.publish --workdir=runs/shop/itr --workdir=runs/shop/caption \
      --results=ours=runs/shop/itr/results.json --about=about.json \
      --output=runs/shop/published
"""

from __future__ import annotations

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_multi_string(
    "workdir", None, "Folder of a run, repeatable: one for search, one for captions, "
    "one for each kind of classes.", required=True,
)
flags.DEFINE_multi_string("results", [], "NAME=FILE.json, repeatable.")
flags.DEFINE_string("about", None, "JSON file of what the card says.", required=True)
flags.DEFINE_string(
    "backbone_weights", None, "Weights file; default: the packaged ImageNet weights."
)
flags.DEFINE_string(
    "saliency_weights", None,
    "File of experiments.train_saliency; default: the packaged weights.",
)
flags.DEFINE_string("output", None, "Folder of the published model.", required=True)


@fail_clearly
def main(argv):
    del argv
    from kaleido.publishing import publish, read_about, read_results

    about = read_about(FLAGS.about)
    results = read_results(FLAGS.results)
    content = publish(
        FLAGS.workdir, FLAGS.output, about, results, FLAGS.backbone_weights,
        FLAGS.saliency_weights,
    )
    logging.info("%s published in %s", ", ".join(content["parts"]), FLAGS.output)


if __name__ == "__main__":
    app.run(main)
