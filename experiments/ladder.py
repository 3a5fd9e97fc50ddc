r"""Climbs a ladder on a catalogue: which way to make records helps?

Five rungs (whole picture, border box, U-Net box, AGM with generated and with
teacher-forced alignments), the same training for each, several seeds. Part of the
paper's Table 4, with more rungs and retrieval alone; the whole is
`experiments.paper.table4`. Records, runs and evaluations that are done are not done
again. Figures are of the validation split, in OUTPUT/ladder.json and ladder.html. The
catalogue's flags are those of `tfrecords.build`.

Example:
  python -m experiments.ladder --catalog=table \
      --catalog_path=$KALEIDO_DATA/data/myntra \
      --captioner=runs/myntra/captioner --output=runs/myntra/ladder
"""

from __future__ import annotations

import functools
import json
import os

from absl import app, flags, logging
from ml_collections import config_flags

from kaleido.cli import (
    config_arguments,
    fail_clearly,
    parse_config_flags,
    run_binary,
)
from tfrecords import catalog_flags, vocabulary_flags

FLAGS = flags.FLAGS

catalog_flags.define()
vocabulary_flags.define()
# So that --help shows them.
flags.adopt_module_key_flags(catalog_flags)
flags.adopt_module_key_flags(vocabulary_flags)
flags.DEFINE_string("captioner", None, "Folder of experiments.train_captioner.")
_CONFIG = config_flags.DEFINE_config_file(
    "config", "experiments/configs/ladder.py", "The experiment."
)
flags.DEFINE_list("rungs", ["1", "2", "3", "4", "5"], "Rungs to climb.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the training.")
flags.DEFINE_integer("crop_size", 64, "Side of a patch crop in pixels.", lower_bound=1)
flags.DEFINE_integer(
    "whole_crop_size", 128, "Side of the level-1 crop in pixels.", lower_bound=1
)
flags.DEFINE_integer(
    "itm_queries", 60, "Queries of which ITM alone scores lists.", lower_bound=1
)
flags.DEFINE_string("output", None, "Folder of everything.", required=True)


@functools.lru_cache
def _records(rung):
    """Returns the folder of a rung's records, built unless they are there."""
    records = os.path.join(FLAGS.output, rung.folder, "records")
    captioner = [f"--captioner={FLAGS.captioner}"] * rung.needs_captioner
    # It goes on where it was, and refuses records that other flags made.
    run_binary(
        "tfrecords.build", *catalog_flags.as_arguments(), *captioner,
        f"--vocabulary={FLAGS.vocabulary}",
        f"--vocabulary_size={FLAGS.vocabulary_size}",
        f"--saliency={rung.saliency}", f"--alignment={rung.alignment}",
        f"--crop_size={FLAGS.crop_size}",
        f"--whole_crop_size={FLAGS.whole_crop_size}", f"--output={records}",
    )
    return records


def _run(rung, seed, workdir):
    """Trains and evaluates; returns the figures."""
    from kaleido.callbacks import read_lines
    from kaleido.files import read_json
    from kaleido.ladder import run_figures

    records, results = _records(rung), os.path.join(workdir, "validation.json")
    run_binary(
        "experiments.pretrain", *config_arguments(_CONFIG),
        f"--records={records}", f"--workdir={workdir}", f"--seed={seed}",
    )
    run_binary(
        "experiments.evaluate", f"--records={records}", f"--workdir={workdir}",
        "--split=validation", f"--output={results}",
        f"--match_queries={FLAGS.itm_queries}",
        f"--whole_list_queries={FLAGS.itm_queries}",
        f"--weight_queries={FLAGS.itm_queries}",
    )
    lines = read_lines(os.path.join(workdir, "metrics.jsonl"))
    return run_figures(read_json(results), lines)


@functools.lru_cache
def _made_of(rung):
    """Returns what a rung's figures depend on, besides the seed."""
    from kaleido.alignment_generator import require_network
    from kaleido.foreground import needs_network
    from kaleido.manifest import VERSION
    from kaleido.run_grid import MadeOf
    from kaleido.saliency import PACKAGED
    from kaleido.weights_file import file_fingerprint

    names = ("crop_size", "whole_crop_size", "itm_queries", "vocabulary", "seed")
    own = {"saliency": rung.saliency, "alignment": rung.alignment}
    if needs_network(rung.saliency):
        own["saliency_weights"] = file_fingerprint(PACKAGED)
    if rung.needs_captioner:
        path = require_network(rung.alignment, FLAGS.captioner)
        own["captioner"] = file_fingerprint(path)
    shared = {
        **{name: getattr(FLAGS, name) for name in names},
        # What is asked of whom.
        "manifest_version": VERSION,
        "learnt_pieces": vocabulary_flags.learnt_pieces(),
        "catalog": catalog_flags.catalog_opener(ground_truth=False)().fingerprint,
        "config": json.loads(json.dumps(FLAGS.config.to_dict())),
    }
    return MadeOf(shared, own)


@fail_clearly
def main(argv):
    del argv
    from kaleido.files import write_json, write_text
    from kaleido.ladder import RUNGS, WEIGHTS
    from kaleido.reports.ladder_report import ladder_page
    from kaleido.run_grid import run_grid, summarize

    unknown = set(FLAGS.rungs) - set(map(str, range(1, len(RUNGS) + 1)))
    if unknown or not FLAGS.rungs:
        raise ValueError(f"--rungs are 1 to {len(RUNGS)}. Received: {FLAGS.rungs}")
    rungs = [rung for k, rung in enumerate(RUNGS, 1) if str(k) in FLAGS.rungs]
    if any(rung.needs_captioner for rung in rungs) and not FLAGS.captioner:
        raise ValueError("--captioner: rungs 4 and 5 need one.")
    summaries = {}
    for runs in run_grid(
        FLAGS.output, RUNGS, rungs, FLAGS.seeds, lambda rung, _: _made_of(rung), _run,
        WEIGHTS,
    ):
        summaries = {name: summarize(figures) for name, figures in runs.items()}
        report = {"seeds": FLAGS.seeds, "rungs": summaries}
        write_json(os.path.join(FLAGS.output, "ladder.json"), report)
        page = ladder_page(report)
        write_text(os.path.join(FLAGS.output, "ladder.html"), page)
    for name, figures in summaries.items():
        total = figures["sum_of_ranks"]
        logging.info("%s: SumR %.2f ± %.2f", name, total["mean"], total["std"] or 0.0)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_config_flags)
