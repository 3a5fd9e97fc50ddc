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

import os

from absl import app, flags, logging

from kaleido.cli import fail_clearly, run_binary
from tfrecords import catalog_flags

FLAGS = flags.FLAGS

catalog_flags.define()
flags.DEFINE_string("captioner", None, "Folder of experiments.train_captioner.",
                    required=True)
flags.DEFINE_string("config", "experiments/configs/ladder.py", "The experiment.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the training.")
flags.DEFINE_integer("crop_size", 64, "Side of a patch crop in pixels.")
flags.DEFINE_integer("whole_crop_size", 128, "Side of the level-1 crop in pixels.")
flags.DEFINE_integer("itm_queries", 60, "Queries of which ITM alone scores lists.")
flags.DEFINE_string("output", None, "Folder of everything.", required=True)


@fail_clearly
def main(argv):
    del argv
    from kaleido.callbacks import read_lines
    from kaleido.files import read_json, write_json, write_text
    from kaleido.ladder import (
        RUNGS,
        needs_captioner,
        run_figures,
        rung_folder,
        summarize,
    )
    from kaleido.reports.ladder_report import ladder_page

    report = {"rungs": {}, "seeds": FLAGS.seeds}
    for rung, flags_of_rung in RUNGS.items():
        folder = os.path.join(FLAGS.output, rung_folder(rung))
        records = os.path.join(folder, "records")
        if not os.path.exists(os.path.join(records, "report.html")):
            aligner = [f"--captioner={FLAGS.captioner}"] * needs_captioner(rung)
            run_binary(
                "tfrecords.build", *catalog_flags.as_arguments(), *flags_of_rung,
                *aligner, f"--crop_size={FLAGS.crop_size}",
                f"--whole_crop_size={FLAGS.whole_crop_size}", f"--output={records}",
            )
    # Seed by seed, so that a ladder that is stopped has all rungs of the first ones.
    runs = {rung: [] for rung in RUNGS}
    for seed in FLAGS.seeds:
        for rung in RUNGS:
            folder = os.path.join(FLAGS.output, rung_folder(rung))
            records = os.path.join(folder, "records")
            workdir = os.path.join(folder, f"seed_{seed}")
            results = os.path.join(workdir, "validation.json")
            if not os.path.exists(results):
                run_binary(
                    "experiments.pretrain", f"--config={FLAGS.config}",
                    f"--records={records}", f"--workdir={workdir}", f"--seed={seed}",
                )
                run_binary(
                    "experiments.evaluate", f"--records={records}",
                    f"--workdir={workdir}", "--split=validation",
                    f"--output={results}", f"--match_queries={FLAGS.itm_queries}",
                    f"--whole_list_queries={FLAGS.itm_queries}",
                    f"--weight_queries={FLAGS.itm_queries}",
                )
            lines = read_lines(os.path.join(workdir, "metrics.jsonl"))
            runs[rung].append(run_figures(read_json(results), lines))
            report["rungs"] = {r: summarize(runs[r]) for r in RUNGS if runs[r]}
            write_json(os.path.join(FLAGS.output, "ladder.json"), report)
            page = ladder_page(report)
            write_text(os.path.join(FLAGS.output, "ladder.html"), page)
    for rung, figures in report["rungs"].items():
        total = figures["sum_of_ranks"]
        logging.info("%s: SumR %.2f ± %.2f", rung, total["mean"], total["std"] or 0.0)


if __name__ == "__main__":
    app.run(main)
