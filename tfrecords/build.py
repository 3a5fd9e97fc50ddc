r"""Turns a catalogue into TFRecords of kaleido patches, token ids and mask plans.

A shard is written under a temporary name and renamed when complete; a run that
was stopped goes on where it left off when it is called again.

Examples:
  python -m tfrecords.build --catalog=rendered --products=3000 --seed=0 \
      --output=runs/records
  python -m tfrecords.build --catalog=table --catalog_path=shop/products.csv \
      --columns=product_id=sku,image=photo,title=name --output=runs/shop
  python -m tfrecords.build --catalog=fashion_gen --catalog_path=fashiongen/ \
      --output=runs/fashiongen
"""

from __future__ import annotations

import collections
import functools
import os
import time

import numpy as np
from absl import app, flags, logging

from kaleido.cli import fail_clearly
from kaleido.progress import Progress
from tfrecords import catalog_flags, vocabulary_flags

FLAGS = flags.FLAGS

catalog_flags.define()
vocabulary_flags.define()
# So that --help shows them.
flags.adopt_module_key_flags(catalog_flags)
flags.adopt_module_key_flags(vocabulary_flags)
flags.DEFINE_string("output", None, "Folder of the records.", required=True)
flags.DEFINE_enum("layout", "kaleido", ("kaleido", "grid8"), "Grids of patches.")
flags.DEFINE_string("backbone", "efficientnet_lite0", "See kaleido/backbones.py.")
flags.DEFINE_string(
    "backbone_weights", None, "Weights file; default: the packaged ImageNet weights."
)
flags.DEFINE_enum(
    "saliency", "unet", ("unet", "mask", "border", "none"),
    "Foreground: the saliency network, the catalogue's masks (the network where it "
    "has none), the border colour, or the whole picture.",
)
flags.DEFINE_string(
    "saliency_weights", None,
    "File of experiments.train_saliency; default: the packaged weights.",
)
flags.DEFINE_enum(
    "alignment", None, ("generated", "teacher_forced", "grounded", "none"),
    "How words are aligned with patches, see kaleido/alignment.py; default: "
    "`generated`, the paper's, where --captioner is given, else none.",
)
flags.DEFINE_string(
    "captioner", None, "Folder of experiments.train_captioner, for --alignment."
)
flags.DEFINE_enum(
    "masking", "agm", ("agm", "random"),
    "Mask plans: alignments first, or at random. Without alignments both are one.",
)
flags.DEFINE_integer("max_tokens", 64, "Text length in word pieces.", lower_bound=3)
flags.DEFINE_integer("num_plans", 10, "Mask plans a record.", lower_bound=1)
flags.DEFINE_integer("crop_size", 64, "Side of a patch crop in pixels.", lower_bound=1)
flags.DEFINE_integer(
    "whole_crop_size", 128, "Side of the level-1 crop in pixels.", lower_bound=1
)
flags.DEFINE_integer("shard_size", 512, "Rows of a shard, at most.", lower_bound=1)
flags.DEFINE_integer("batch_size", 16, "Pictures in a backbone batch.", lower_bound=1)
flags.DEFINE_multi_string(
    "beam", [],
    "Makes the shards on Apache Beam (extra `beam`); once for each pipeline option, "
    "e.g. --beam=--runner=DirectRunner --beam=--direct_num_workers=2.",
)
flags.DEFINE_integer(
    "report_examples", 12, "Products shown in report.html.", lower_bound=0
)


def _preprocessor_options():
    names = (
        "layout", "backbone", "backbone_weights", "crop_size", "whole_crop_size",
        "max_tokens", "num_plans", "seed", "batch_size",
    )
    options = {name: getattr(FLAGS, name) for name in names}
    alignment = FLAGS.alignment or ("generated" if FLAGS.captioner else "none")
    return {
        **options,
        "saliency_method": FLAGS.saliency,
        "saliency_weights": FLAGS.saliency_weights,
        "alignment": alignment,
        "aligner": FLAGS.captioner,
        "guided": FLAGS.masking == "agm",
    }


@fail_clearly
def main(argv):
    del argv
    from kaleido import shards as sharding
    from kaleido.alignment_generator import load_network, require_network
    from kaleido.alignment_warnings import alignment_warnings
    from kaleido.catalogs.product import log_scan
    from kaleido.commands import note_commands
    from kaleido.evenly import evenly
    from kaleido.files import write_json, write_text
    from kaleido.preprocessing import Example, Preprocessor
    from kaleido.reports.records_report import records_page
    from kaleido.text import load_vocabulary
    from kaleido.weights_file import read_card

    start = time.time()
    options = _preprocessor_options()
    # What cannot be read is said before a large catalogue is.
    if options["alignment"] != "none":
        if not options["aligner"]:
            raise ValueError(
                f"--alignment={options['alignment']} needs --captioner=FOLDER of "
                "`python -m experiments.train_captioner`."
            )
        network = require_network(options["alignment"], options["aligner"])
        if vocabulary_flags.learnt_pieces() is None:
            load_network(network, load_vocabulary(FLAGS.vocabulary))
    if FLAGS.saliency_weights:
        read_card(FLAGS.saliency_weights)
    open_catalog = catalog_flags.catalog_opener(ground_truth=FLAGS.saliency == "mask")
    catalog = open_catalog()
    scan = catalog.scan()
    log_scan(scan)
    vocabulary = vocabulary_flags.open_vocabulary(catalog, scan, FLAGS.output)
    make_preprocessor = functools.partial(
        Preprocessor, vocabulary, **options
    )
    preprocessor = make_preprocessor()
    sharding.claim_directory(
        FLAGS.output, preprocessor.spec, catalog, FLAGS.shard_size, FLAGS.batch_size,
        vocabulary_flags.learnt_pieces(),
    )
    vocabulary.save(os.path.join(FLAGS.output, "vocab.txt"))
    shards = sharding.plan_shards(scan, FLAGS.shard_size)
    missing = [s for s in shards if sharding.finished_sidecar(FLAGS.output, s) is None]
    logging.info("%d shards, %d of them to be made", len(shards), len(missing))

    progress = Progress(sum(len(s.rows) for s in missing), "pictures")
    if FLAGS.beam and missing:
        from kaleido.beam_shards import write_shards_with_beam

        progress.advance(0)
        write_shards_with_beam(
            FLAGS.output, missing, open_catalog, make_preprocessor, FLAGS.beam
        )
        progress.advance(sum(len(s.rows) for s in missing))
    else:
        sharding.write_shards(
            FLAGS.output, missing, catalog, preprocessor,
            on_items=lambda items: progress.advance(len(items)),
        )
    progress.finish()
    sidecars = [sharding.finished_sidecar(FLAGS.output, s) for s in shards]
    rejected = [vars(r) for r in scan.rejected]
    for sidecar in sidecars:
        rejected += sidecar["rejected"]
    counts = sharding.count_examples(sidecars)
    warnings = alignment_warnings(sidecars)
    for warning in warnings:
        logging.warning("%s", warning)
    report = {
        "catalog": FLAGS.catalog,
        "products_read": scan.rows_read,
        "examples_written": sum(counts.values()),
        "examples_per_second": progress.rate,
        "seconds": round(time.time() - start, 1),
        "shards_made": len(missing),
        "shards_kept": len(shards) - len(missing),
        "counts": counts,
        **{
            name: sum(s[name] for s in sidecars)
            for name in ("whole_pictures", "unaligned", "empty_captions")
        },
        "warnings": [*scan.warnings, *warnings],
        "rejected": dict(collections.Counter(r["reason"] for r in rejected)),
        "rejected_rows": rejected,
        "fingerprint": preprocessor.spec.fingerprint,
    }
    write_json(os.path.join(FLAGS.output, "report.json"), report)
    if not catalog_flags.too_many(len(rejected), scan.rows_read):
        note_commands(FLAGS.output, FLAGS.captioner or "")
        # Without it the records cannot be read. The page is no condition.
        sharding.finish_dataset(FLAGS.output, preprocessor.spec, sidecars)

    usable = np.concatenate([s.rows for s in shards]) if shards else np.zeros(0, int)
    picks = usable[evenly(len(usable), FLAGS.report_examples)]
    sample = [
        item
        for _, items in preprocessor.examples(catalog.read, [picks])
        for item in items
        if isinstance(item, Example)
    ]
    page = records_page(report, preprocessor.spec, sample, vocabulary)
    write_text(os.path.join(FLAGS.output, "report.html"), page)
    logging.info(
        "%d examples in %s (%s), %d rows rejected: %s", report["examples_written"],
        FLAGS.output, ", ".join(f"{k} {v}" for k, v in counts.items()), len(rejected),
        os.path.join(FLAGS.output, "report.html"),
    )
    catalog_flags.check_rejected(
        len(rejected), scan.rows_read,
        f"{report['rejected']}, e.g. {rejected[0]['detail']}" if rejected else "",
        see=os.path.join(FLAGS.output, "report.html"),
    )


if __name__ == "__main__":
    app.run(main)
