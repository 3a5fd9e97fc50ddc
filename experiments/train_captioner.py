r"""Trains the alignment networks on a catalogue's own image-text pairs.

Show-Attend-Tell, the paper's captioner, and the grounder of --alignment=grounded.
OUTPUT then holds captioner.npz and grounder.npz for `tfrecords.build --captioner`,
and report.html with captions to read. The catalogue's flags are those of
`tfrecords.build`. A run that was stopped goes on after its last whole epoch; one that
was still computing pairs computes those of that split anew.

Examples:
  python -m experiments.train_captioner --catalog=rendered --products=2000 \
      --output=runs/captioner
  python -m experiments.train_captioner --catalog=table \
      --catalog_path=$KALEIDO_DATA/data/myntra --output=runs/myntra/captioner
"""

from __future__ import annotations

import dataclasses
import os
import time

from absl import app, flags, logging

from kaleido.cli import fail_clearly
from tfrecords import catalog_flags, vocabulary_flags

FLAGS = flags.FLAGS

catalog_flags.define()
vocabulary_flags.define()
# So that --help shows them.
flags.adopt_module_key_flags(catalog_flags)
flags.adopt_module_key_flags(vocabulary_flags)
flags.DEFINE_string("output", None, "Folder of the run.", required=True)
flags.DEFINE_enum(
    "saliency", "unet", ("unet", "mask", "border", "none"),
    "Foreground, as in tfrecords.build.",
)
flags.DEFINE_string(
    "saliency_weights", None,
    "File of experiments.train_saliency; default: the packaged weights.",
)
flags.DEFINE_list(
    "networks", ["captioner", "grounder"],
    "Which to train: captioner (generated, teacher_forced), grounder (grounded).",
)
flags.DEFINE_integer("max_tokens", 64, "Text length in word pieces.", lower_bound=3)
flags.DEFINE_integer(
    "max_pairs", 30_000, "Training pairs, at most, evenly chosen.", lower_bound=1
)
flags.DEFINE_integer("epochs", 15, "Epochs, at most.", lower_bound=1)
flags.DEFINE_integer("batch_size", 32, "Pairs a step.", lower_bound=1)
flags.DEFINE_float("learning_rate", 2e-3, "Peak of the learning rate.")
flags.DEFINE_integer(
    "patience", 2, "Epochs without a better validation that end it.", lower_bound=1
)

_MAX_VALIDATION = 2000
_SHOWN = 20


@fail_clearly
def main(argv):
    del argv
    import tensorflow as tf

    from kaleido.alignment_generator import CAPTIONER_FILE, GROUNDER_FILE
    from kaleido.caption_pairs import make_pairs, object_crops
    from kaleido.captioner import Captioner, CaptionerSpec, caption_loss
    from kaleido.captioner_training import train
    from kaleido.catalogs.product import log_scan, rejected_counts
    from kaleido.commands import note_commands
    from kaleido.evenly import evenly
    from kaleido.files import claim_folder, read_json, write_json, write_text
    from kaleido.grid_features import GridExtractor
    from kaleido.grounding import Grounder, GrounderSpec, grounding_loss
    from kaleido.known_pieces import known_pieces
    from kaleido.picture_pipeline import PicturePipeline
    from kaleido.reports.captioner_report import captioner_page
    from kaleido.text import Tokenizer
    from kaleido.weights_file import save_weights

    unknown = set(FLAGS.networks) - {"captioner", "grounder"}
    if unknown or not FLAGS.networks:
        raise ValueError(
            f"--networks takes captioner, grounder. Received: {FLAGS.networks}"
        )
    start = time.time()
    catalog = catalog_flags.catalog_opener(ground_truth=FLAGS.saliency == "mask")()
    scan = catalog.scan()
    log_scan(scan)
    lost = dict(rejected_counts(scan))
    catalog_flags.check_rejected(len(scan.rejected), scan.rows_read, str(lost))
    vocabulary = vocabulary_flags.open_vocabulary(catalog, scan, FLAGS.output)
    pipeline = PicturePipeline(FLAGS.saliency, FLAGS.saliency_weights, batch_size=16)
    made_of = {
        "catalog": catalog.fingerprint, "saliency": pipeline.method,
        "saliency_fingerprint": pipeline.saliency_fingerprint,
    }
    job = {
        **made_of, "vocabulary": vocabulary.fingerprint,
        "learnt_pieces": vocabulary_flags.learnt_pieces(),
        "max_tokens": FLAGS.max_tokens, "max_pairs": FLAGS.max_pairs,
    }
    claim_folder(
        FLAGS.output, job, "the networks", ["pairs/*/pairs.json", "*.npz"]
    )
    # The records' texts must be cut into the same pieces.
    vocabulary.save(os.path.join(FLAGS.output, "vocab.txt"))
    tokenizer, grid = Tokenizer(vocabulary), GridExtractor()
    splits, rejected, rows = {}, {}, {}
    for name, most in (("train", FLAGS.max_pairs), ("validation", _MAX_VALIDATION)):
        rows[name] = scan.rows[name][evenly(len(scan.rows[name]), most)]
        splits[name], rejected[name] = make_pairs(
            catalog, rows[name], pipeline, grid, tokenizer, FLAGS.max_tokens,
            os.path.join(FLAGS.output, "pairs", name),
        )
        logging.info("%s: %d pairs, %d rejected", name, len(splits[name]),
                     rejected[name])
        catalog_flags.check_rejected(rejected[name], len(rows[name]), name)
    shared = {
        "pieces": known_pieces(splits["train"].token_ids, vocabulary),
        "channels": grid.channels,
        "vocabulary_fingerprint": vocabulary.fingerprint,
        "backbone_fingerprint": grid.fingerprint,
    }
    report_path = os.path.join(FLAGS.output, "report.json")
    # Another network of this folder may have been trained before.
    report = read_json(report_path) if os.path.exists(report_path) else {"networks": {}}
    report.update(
        pairs={k: len(v) for k, v in splits.items()}, rejected=rejected,
        rows_read=scan.rows_read, rejected_by_the_table=lost,
    )
    for network, loss, file, group in (
        (Captioner(CaptionerSpec(**shared), vocabulary), caption_loss,
         CAPTIONER_FILE, 1),
        (Grounder(GrounderSpec(**shared), vocabulary), grounding_loss,
         GROUNDER_FILE, 8),
    ):
        if network.name not in FLAGS.networks:
            continue
        before = time.time()
        log = train(
            network, loss, splits, os.path.join(FLAGS.output, network.name),
            FLAGS.epochs, FLAGS.batch_size, FLAGS.learning_rate, FLAGS.patience,
            FLAGS.seed, group,
        )
        card = {
            "network": network.name,
            "spec": dataclasses.asdict(network.spec),
            "made_of": made_of,
            "pairs": report["pairs"],
            **log["epochs"][log["best"]],
        }
        save_weights(network, os.path.join(FLAGS.output, file), card)
        report["networks"][network.name] = {
            **log, "seconds": round(time.time() - before, 1)
        }
        if network.name == "captioner":
            pairs = splits["validation"]
            grids = tf.constant(pairs.grids[:_SHOWN])
            # Greedily, as alignments are made.
            captions, _ = network.generate(grids, FLAGS.max_tokens)
            report["captions"] = [
                {"text": tokenizer.decode(text), "caption": tokenizer.decode(caption)}
                for text, caption in zip(pairs.token_ids, captions.numpy())
            ]
    # Networks of one folder may be trained one after the other.
    note_commands(FLAGS.output, FLAGS.output)
    report["seconds"] = round(time.time() - start, 1)
    write_json(report_path, report)
    crops = ()
    if "captions" in report:
        crops = object_crops(catalog, rows["validation"][:_SHOWN], pipeline)
    page = captioner_page(report, crops)
    write_text(os.path.join(FLAGS.output, "report.html"), page)
    logging.info("report: %s", os.path.join(FLAGS.output, "report.html"))


if __name__ == "__main__":
    app.run(main)
