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

from absl import app, flags

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
flags.DEFINE_integer(
    "seed", 0, "Seed of the manifest that is drawn, and of validation's lists, which "
    "choose weights."
)
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
    from kaleido import records, retrieval
    from kaleido.retrieval_results import write_retrieval_results

    unknown = set(FLAGS.tasks) - set(retrieval.TASKS)
    if unknown:
        raise ValueError(
            f"--tasks takes {','.join(retrieval.TASKS)}. Received: {sorted(unknown)}"
        )
    record_set = records.open_records(FLAGS.records)
    record_set.require_split(FLAGS.split)
    write_retrieval_results(
        FLAGS.workdir,
        record_set,
        FLAGS.output,
        FLAGS.split,
        FLAGS.manifest,
        FLAGS.seed,
        FLAGS.tasks,
        FLAGS.floor,
        match_queries=FLAGS.match_queries,
        whole_list_queries=FLAGS.whole_list_queries,
        weight_queries=FLAGS.weight_queries,
    )


if __name__ == "__main__":
    app.run(main)
