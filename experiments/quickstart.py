r"""The whole chain on the rendered catalogue, from a captioner to a published model.

Each stage is the binary that a user calls on his own catalogue. Records that are
there are kept, and training goes on from its last checkpoint. What is published is
`kaleido.load("small-rendered")`.

Example:
  python -m experiments.quickstart --output=runs/quickstart
"""

from __future__ import annotations

import os
import shutil
import time

from absl import app, flags, logging

from kaleido.cli import beside_binary, fail_clearly, run_binary

FLAGS = flags.FLAGS

flags.DEFINE_string("output", "runs/quickstart", "Folder of everything.")
flags.DEFINE_integer("products", 3300, "Products that are rendered.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_string(
    "config", "", "The experiment; default: experiments/configs/quickstart.py."
)
# A third is kept for the test, so that most candidates of a query can be of its
# own sub-category.
_SPLIT_SHARES = "0.57,0.06,0.37"
_CAPTION_STEPS = 60
# To write captions takes its time, and there are six times as many of the test.
_CAPTION_SPLIT = "validation"


def _about():
    """What the card of the published model says."""
    return {
        "name": "small-rendered",
        "data": f"{FLAGS.products} rendered products of seed {FLAGS.seed}; no photos",
        "licence": "Apache-2.0; the weights it began from are under their own licences",
        "limits": "Knows the drawings of tfrecords.render_catalog and their sentences. "
        "For trying out, not for a shop.",
    }


@fail_clearly
def main(argv):
    del argv
    from kaleido.callbacks import read_lines
    from kaleido.files import read_json, write_json, write_text
    from kaleido.metrics.captions import require_scorer
    from kaleido.reports import quickstart_report
    from kaleido.reports.retrieval_report import ranks
    from kaleido.reports.training_report import summarize_tasks
    from kaleido.task_results import results_path

    # Not after a quarter of an hour.
    require_scorer()
    start = time.time()
    output = FLAGS.output
    config = FLAGS.config or beside_binary(__file__, "configs", "quickstart.py")

    def path(name):
        return os.path.join(output, name)

    stages = {}

    def stage(name, module, *arguments):
        before = time.time()
        run_binary(module, *arguments)
        stages[name] = round(time.time() - before, 1)

    catalog = (
        "--catalog=rendered", f"--products={FLAGS.products}", f"--seed={FLAGS.seed}",
        f"--split_shares={_SPLIT_SHARES}",
    )
    stage(
        "captioner", "experiments.train_captioner", *catalog,
        "--networks=captioner", "--max_pairs=1200", "--epochs=6",
        f"--output={path('captioner')}",
    )
    stage(
        "records", "tfrecords.build", *catalog, f"--output={path('records')}",
        f"--captioner={path('captioner')}",
        # Smaller crops than a shop would take: half of the time.
        "--crop_size=48", "--whole_crop_size=96",
        # Drawings differ by colours, which inner stages see.
        "--backbone=efficientnet_lite0_stages",
    )
    stage(
        "pretrain", "experiments.pretrain", f"--config={config}",
        f"--records={path('records')}", f"--workdir={path('model')}",
        f"--seed={FLAGS.seed}",
    )
    stage(
        "evaluate", "experiments.evaluate", f"--records={path('records')}",
        f"--workdir={path('model')}", f"--output={path('retrieval.json')}",
        f"--seed={FLAGS.seed}", "--match_queries=24", "--whole_list_queries=12",
        "--weight_queries=24",
    )
    stage(
        "captions", "experiments.finetune", "--task=caption", "--context=nearest",
        f"--checkpoint={path('model')}", f"--records={path('records')}",
        f"--workdir={path('captions')}", f"--seed={FLAGS.seed}",
        f"--config.training.steps={_CAPTION_STEPS}",
        f"--config.training.eval_every={_CAPTION_STEPS}",
        f"--config.training.warmup_steps={_CAPTION_STEPS // 10}",
        f"--split={_CAPTION_SPLIT}",
    )
    write_json(path("about.json"), _about())
    fresh = path("published.new")
    shutil.rmtree(fresh, ignore_errors=True)
    stage(
        "publish", "experiments.publish", f"--workdir={path('model')}",
        f"--workdir={path('captions')}", f"--about={path('about.json')}",
        f"--results=quickstart={path('retrieval.json')}",
        f"--results=quickstart={results_path(path('captions'), _CAPTION_SPLIT)}",
        f"--output={fresh}",
    )
    # What an earlier call has published is of the same runs.
    shutil.rmtree(path("published"), ignore_errors=True)
    os.replace(fresh, path("published"))
    lines = read_lines(path("model/metrics.jsonl"))
    chances = read_json(path("model/chances.json"))
    results = read_json(path("retrieval.json"))
    report = {
        "seconds": round(time.time() - start, 1),
        "stages": stages,
        "retrieval": {task: results[task] for task in ("itr", "tir")},
        "floor": results["floor"],
        "scorers": results["scorers"],
        "primary": results["primary"],
        "manifest": results["manifest"],
        "tasks": summarize_tasks(lines, chances),
        "records": read_json(path("records/report.json"))["counts"],
    }
    write_json(path("report.json"), report)
    write_text(
        path("report.html"),
        quickstart_report.quickstart_page(report, results, lines, chances),
    )
    logging.info("report: %s", path("report.html"))
    for task in ("itr", "tir"):
        logging.info(
            "%s Rank@1/5/10: %s (ridge map %s)", task.upper(),
            ranks(report["retrieval"][task]),
            ranks(report["floor"][task]),
        )


if __name__ == "__main__":
    app.run(main)
