r"""Scores the saliency network on two folders of pictures and masks.

Files belong together if their stems are equal. Prints one JSON line: mask IoU and
box IoU (mean, 10th percentile), F-measure, MAE, pictures a second. --output=FILE.json
keeps the line, with a page of the worst pictures beside it, FILE.html.

Example:
  python -m experiments.evaluate_saliency --images=photos --masks=photo_masks
"""

from __future__ import annotations

import json
import os

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("images", None, "Folder of pictures.", required=True)
flags.DEFINE_string("masks", None, "Folder of masks, light = object.", required=True)
flags.DEFINE_string(
    "weights", None, "File of experiments.train_saliency; default: the packaged ones."
)
flags.DEFINE_enum(
    "part", "all", ("all", "train", "validation", "test"),
    "Which pictures; `test` is the tenth that experiments.train_saliency leaves out.",
)
flags.DEFINE_string("output", None, "A JSON file for the line; a page beside it.")


@fail_clearly
def main(argv):
    del argv
    from kaleido import masked_pictures, saliency
    from kaleido.files import write_json, write_text
    from kaleido.reports.saliency_report import saliency_page
    from kaleido.saliency_evaluation import WorstPictures, score_pictures, summarize

    pairs = masked_pictures.find_pairs(FLAGS.images, FLAGS.masks)
    if FLAGS.part != "all":
        pairs = [pair for pair in pairs if masked_pictures.part_of(pair) == FLAGS.part]
    logging.info("%d pictures", len(pairs))
    reader, worst = masked_pictures.PairReader(), WorstPictures(12)
    network = saliency.load_saliency(FLAGS.weights)
    figures = summarize(worst.watch(score_pictures(network, reader.read(pairs))))
    figures["bad_pictures"] = reader.bad
    if FLAGS.output:
        write_json(FLAGS.output, figures)
        page = saliency_page({FLAGS.images: (figures, worst.pictures())})
        write_text(os.path.splitext(FLAGS.output)[0] + ".html", page)
    print(json.dumps(figures))


if __name__ == "__main__":
    app.run(main)
