r"""Evaluates retrieval of a run on a seeded, versioned manifest.

Writes FILE.json, and beside it FILE.html with queries and their results,
FILE.cases.json for experiments.report, FILE.manifest.json, which `--manifest` takes for
another model, and FILE.outcomes.npz, every query's rank, which experiments.compare
takes.

Example:
  python -m experiments.evaluate --workdir=runs/myntra/model \
      --records=runs/myntra/records --tasks=itr,tir --output=runs/myntra/results.json
"""

from __future__ import annotations

import os

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
flags.DEFINE_string("records", None, "Folder of `tfrecords.build`.", required=True)
flags.DEFINE_list("tasks", ["itr", "tir"], "Tasks that head the results: itr, tir.")
flags.DEFINE_string("output", None, "JSON file of the results.", required=True)
flags.DEFINE_string("split", "test", "Split that is the pool and the queries.")
flags.DEFINE_string(
    "manifest", "", "File of experiments.make_manifest; default: drawn with --seed."
)
flags.DEFINE_integer("seed", 0, "Seed of the manifest.")
flags.DEFINE_integer(
    "match_queries", 0, "Queries whose short lists ITM re-ranks; 0 for all.",
    lower_bound=0,
)
flags.DEFINE_integer(
    "whole_list_queries", 200,
    "Queries of which ITM alone scores whole lists (101 passes each; without the "
    "contrastive view of all draws); 0 for all.",
    lower_bound=0,
)
flags.DEFINE_integer(
    "weight_queries", 200, "Validation queries for ITM's weight.", lower_bound=1
)
flags.DEFINE_bool("floor", True, "Also evaluates the bare ridge map.")


@fail_clearly
def main(argv):
    del argv
    from kaleido import evaluation, records, retrieval, workdir
    from kaleido.cases import cases_path, retrieval_cases
    from kaleido.commands import commands_so_far
    from kaleido.comparison import save_outcomes
    from kaleido.files import beside, write_json, write_text
    from kaleido.pools import draw_test, read_manifest
    from kaleido.provenance import provenance
    from kaleido.reports.retrieval_report import retrieval_page

    unknown = set(FLAGS.tasks) - set(retrieval.TASKS)
    if unknown:
        raise ValueError(
            f"--tasks takes {','.join(retrieval.TASKS)}. Received: {sorted(unknown)}"
        )
    record_set = records.open_records(FLAGS.records)
    record_set.require_split(FLAGS.split)
    if FLAGS.manifest:
        manifest = read_manifest(FLAGS.manifest, record_set, FLAGS.split)
    else:
        manifest = draw_test(record_set, FLAGS.split, FLAGS.seed)
    run, networks, step = workdir.load_networks(FLAGS.workdir, record_set)
    logging.info("model of step %d", step)
    workdir.warn_of_other_examples(run, FLAGS.workdir, record_set)
    outcome = evaluation.evaluate_retrieval(
        networks,
        run.config,
        record_set,
        split=FLAGS.split,
        manifest=manifest,
        seed=FLAGS.seed,
        tasks=FLAGS.tasks,
        match_queries=FLAGS.match_queries,
        whole_list_queries=FLAGS.whole_list_queries,
        weight_queries=FLAGS.weight_queries,
        floor_workdir=FLAGS.workdir if FLAGS.floor else "",
    )
    results = {
        **outcome.results,
        "step": step,
        "records": record_set.spec.fingerprint,
        "trained_on": list(run.trained_on),
        "provenance": provenance(networks, record_set, FLAGS.seed),
        "commands": commands_so_far(FLAGS.workdir),
    }
    os.makedirs(os.path.dirname(os.path.abspath(FLAGS.output)), exist_ok=True)
    save_outcomes(FLAGS.output, manifest, outcome.ranks)
    write_text(beside(FLAGS.output, ".manifest.json"), manifest.to_json())
    write_text(beside(FLAGS.output, ".html"), retrieval_page(results, outcome.pages))
    write_json(cases_path(FLAGS.output), retrieval_cases(outcome.pages))
    # Last: where the results are, all that belongs to them is.
    write_json(FLAGS.output, results)
    for task in FLAGS.tasks:
        for candidates, found in results[task]["by_candidates"].items():
            shares = (f"{100 * found[f'rank_at_{k}']:.1f}" for k in (1, 5, 10))
            logging.info(
                "%s by %s, candidates %s: Rank@1, 5, 10 %s %%",
                task, results["primary"], candidates, " ".join(shares),
            )
    logging.info("see %s and %s", FLAGS.output, beside(FLAGS.output, ".html"))


if __name__ == "__main__":
    app.run(main)
