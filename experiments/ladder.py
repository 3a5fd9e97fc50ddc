r"""Climbs the ladder of the paper's Table 4 on a catalogue: which part helps?

Five rungs (whole picture, border box, U-Net box, AGM with generated and with
teacher-forced alignments), the same training for each, several seeds. Records,
runs and evaluations that are done are not done again. Figures are of the validation
split, in OUTPUT/ladder.json and ladder.html. The catalogue's flags are those of
`tfrecords.build`.

Example:
  python -m experiments.ladder --catalog=table \
      --catalog_path=$KALEIDO_DATA/data/myntra \
      --captioner=runs/myntra/captioner --output=runs/myntra/ladder
"""

from __future__ import annotations

import json
import os

from absl import app, flags, logging
from ml_collections import config_flags

from kaleido.cli import fail_clearly, parse_config_flags, run_binary
from tfrecords import catalog_flags

FLAGS = flags.FLAGS

catalog_flags.define()
flags.DEFINE_string("captioner", None, "Folder of experiments.train_captioner.")
config_flags.DEFINE_config_file(
    "config", "experiments/configs/ladder.py", "The experiment."
)
flags.DEFINE_list("rungs", ["1", "2", "3", "4", "5"], "Rungs to climb.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the training.")
flags.DEFINE_integer("crop_size", 64, "Side of a patch crop in pixels.")
flags.DEFINE_integer("whole_crop_size", 128, "Side of the level-1 crop in pixels.")
flags.DEFINE_integer("itm_queries", 60, "Queries of which ITM alone scores lists.")
flags.DEFINE_string("output", None, "Folder of everything.", required=True)


def _records(rung):
    """Builds the records of a rung, unless they are there; returns their folder."""
    from kaleido.ladder import RUNGS, needs_captioner, rung_folder

    records = os.path.join(FLAGS.output, rung_folder(rung), "records")
    if not os.path.exists(os.path.join(records, "dataset.json")):
        aligner = [f"--captioner={FLAGS.captioner}"] * needs_captioner(rung)
        run_binary(
            "tfrecords.build", *catalog_flags.as_arguments(), *RUNGS[rung], *aligner,
            f"--crop_size={FLAGS.crop_size}",
            f"--whole_crop_size={FLAGS.whole_crop_size}", f"--output={records}",
        )
    return records


def _run(rung, seed):
    """Writes the figures of a rung's run; one that is done is not done again."""
    from kaleido.callbacks import read_lines
    from kaleido.files import read_json, write_json
    from kaleido.ladder import figures_path, run_figures

    path, made_of = figures_path(FLAGS.output, rung, seed), _made_of(rung)
    workdir = os.path.splitext(path)[0]
    if os.path.exists(path):
        found = read_json(path)
        if found["made_of"] != made_of:
            raise ValueError(
                f"{path} is of another ladder. Take another folder, or delete it. "
                f"Received: {made_of}, there: {found['made_of']}"
            )
    else:
        records, results = _records(rung), os.path.join(workdir, "validation.json")
        run_binary(
            "experiments.pretrain",
            f"--config={config_flags.get_config_filename(FLAGS['config'])}",
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
        figures = run_figures(read_json(results), lines)
        write_json(path, {"made_of": made_of, "figures": figures})


def _made_of(rung):
    """Returns what a rung's figures depend on, besides the seed."""
    from kaleido.alignment_generator import CAPTIONER_FILE
    from kaleido.ladder import RUNGS, needs_captioner
    from kaleido.weights_file import file_fingerprint

    captioner = os.path.join(FLAGS.captioner or "", CAPTIONER_FILE)
    names = ("crop_size", "whole_crop_size", "itm_queries")
    return {
        **{name: getattr(FLAGS, name) for name in names},
        "rung": list(RUNGS[rung]),
        "catalog": catalog_flags.catalog_opener(ground_truth=False)().fingerprint,
        "captioner": file_fingerprint(captioner) if needs_captioner(rung) else "",
        "config": json.loads(json.dumps(FLAGS.config.to_dict())),
    }


@fail_clearly
def main(argv):
    del argv
    from kaleido.files import write_json, write_text
    from kaleido.ladder import RUNGS, needs_captioner, read_runs, summarize
    from kaleido.reports.ladder_report import ladder_page

    unknown = set(FLAGS.rungs) - set(map(str, range(1, len(RUNGS) + 1)))
    if unknown:
        raise ValueError(f"--rungs are 1 to {len(RUNGS)}. Received: {FLAGS.rungs}")
    rungs = [r for k, r in enumerate(RUNGS, 1) if str(k) in FLAGS.rungs]
    if any(map(needs_captioner, rungs)) and not FLAGS.captioner:
        raise ValueError("--captioner: rungs 4 and 5 need one.")
    # Seed by seed, so that a ladder that is stopped has all rungs of the first ones.
    for seed in FLAGS.seeds:
        for rung in rungs:
            _run(rung, seed)
            # Of the other rungs, too, which another call may have climbed.
            runs = read_runs(FLAGS.output, FLAGS.seeds)
            summaries = {r: summarize(figures) for r, figures in runs.items()}
            report = {"seeds": FLAGS.seeds, "rungs": summaries}
            write_json(os.path.join(FLAGS.output, "ladder.json"), report)
            page = ladder_page(report)
            write_text(os.path.join(FLAGS.output, "ladder.html"), page)
    for rung, figures in report["rungs"].items():
        total = figures["sum_of_ranks"]
        logging.info("%s: SumR %.2f ± %.2f", rung, total["mean"], total["std"] or 0.0)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_config_flags)
