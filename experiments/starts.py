r"""Is pre-training worth it? Fine-tunes from several starts; trains rivals beside it.

Pre-trains ours with each seed. Then retrieval, sub-category and captions, each from
that, from the text encoder alone and from random weights, retrieval from our closed
forms, too, in as many steps, the network alone; beside them our pre-training where
closed forms of classes and words join, closed forms untrained, our pre-training as it
stands, and, pre-trained for as long as that, two towers and FashionBERT (needs
--grid_records).
Retrieval is asked of one manifest. What is not trained is measured once. What is done
is not done again. Writes OUTPUT/starts.json, starts.html and starts.md.

Example:
  python -m experiments.starts --config=experiments/configs/myntra_starts.py \
      --records=runs/myntra/records --grid_records=runs/myntra/records_grid8 \
      --output=runs/myntra/starts
"""

from __future__ import annotations

import functools
import os
import runpy

from absl import app, flags, logging
from ml_collections import config_flags

from experiments.grids import CONFIGS, figures_of, manifest_of
from kaleido import starts
from kaleido.cli import (
    config_arguments,
    fail_clearly,
    parse_config_flags,
    parse_seeds,
    require_config_file,
    run_binary,
)
from kaleido.finetuning_config import default_finetuning, schedule

FLAGS = flags.FLAGS

_CONFIG = config_flags.DEFINE_config_file("config", None, "Of our pre-training.")
flags.DEFINE_string("records", None, "Folder of `tfrecords.build`.", required=True)
flags.DEFINE_string(
    "grid_records", "", "The same catalogue with --layout=grid8, for FashionBERT."
)
flags.DEFINE_list("tasks", list(starts.TASKS), "Tasks.")
flags.DEFINE_list(
    "seeds", ["0", "1", "2"], "Seeds, each of our pre-training and its fine-tunings."
)
flags.DEFINE_integer("steps", 600, "Steps of a fine-tuning.", lower_bound=1)
flags.DEFINE_list(
    "rival_seeds", ["0"],
    "Seeds of the pre-trainings that ours, with the same, is compared with; empty "
    "leaves them out, and what is measured without a training, too.",
)
flags.DEFINE_string("split", "test", "Split that is evaluated.")
flags.DEFINE_string("output", None, "Folder of everything.", required=True)

# Steps that show how fast a rival trains: the first half builds graphs.
_TIMED = 20
# Queries of ITM, which is a joint pass a pair: of short lists, and of validation's for
# its weight; see also `starts.whole_lists`.
_SHORT_LISTS = 100
_WEIGHT_QUERIES = 50
# What no seed changes has this one.
_ONCE = ["0"]


def _records_of(row):
    in_grid = getattr(row, "layout", "") == "grid8"
    return FLAGS.grid_records if in_grid else FLAGS.records


def _schedule(row):
    return schedule(FLAGS.steps if row.trained else 0, looks=2)


def _run(row, seed, workdir):
    """Trains and evaluates a row; returns its figures."""
    from kaleido.task_results import results_path

    results = results_path(workdir, FLAGS.split)
    own = {}
    if isinstance(row, starts.Start):
        run_binary(
            "experiments.finetune", f"--task={row.task}", f"--start={row.start}",
            f"--checkpoint={_ours(seed)}", f"--records={FLAGS.records}",
            *(f"--config.training.{k}={v}" for k, v in _schedule(row).items()),
            f"--seed={seed}", f"--split={FLAGS.split}", f"--workdir={workdir}",
            # What stands beside a task is the same whatever was trained.
            f"--closed_forms={row.joined}", f"--baselines={row.joined}",
            *(_asked(row) if row.task == "itr" else ()),
        )
    else:
        if row.config:
            _pretrain_rival(row, seed, workdir)
        else:
            # As everybody has it before tasks begin with it.
            workdir = _ours(seed)
        own[starts.PRETRAINING_SECONDS] = _seconds(workdir)
        run_binary(
            "experiments.evaluate", f"--workdir={workdir}",
            f"--records={_records_of(row)}", f"--split={FLAGS.split}",
            # The ridge map is one, and beside ours as it stands.
            f"--floor={not row.config}", f"--output={results}", *_asked(row),
        )
    return {**starts.shown_figures(figures_of(results, row.task == "itr")), **own}


def _asked(row):
    """Flags of what ranks: all are asked the same, whatever their seed."""
    return (
        f"--manifest={_manifest()}", f"--match_queries={_SHORT_LISTS}",
        f"--whole_list_queries={starts.whole_lists(_config_of(row))}",
        f"--weight_queries={_WEIGHT_QUERIES}",
    )


def _seconds_of_ours(seed):
    """Returns how long our pre-training took, also where its figures alone are left."""
    from kaleido.run_grid import read_runs

    for figures in read_runs(FLAGS.output, [starts.OURS], [seed]).values():
        return figures[0][starts.PRETRAINING_SECONDS]
    return _seconds(_ours(seed))


@functools.lru_cache
def _ours(seed):
    """Returns the folder of our pre-training, trained unless it is there."""
    workdir = os.path.join(FLAGS.output, starts.OURS.folder, f"seed_{seed}")
    run_binary(
        "experiments.pretrain", *config_arguments(_CONFIG),
        f"--records={FLAGS.records}", f"--workdir={workdir}", f"--seed={seed}",
    )
    return workdir


def _pretrain_rival(row, seed, workdir):
    """Trains a rival for as long as ours was trained."""
    pretrain = (
        "experiments.pretrain", f"--config={CONFIGS}/{row.config}",
        f"--records={_records_of(row)}", f"--seed={seed}",
    )
    timed = f"{workdir}_timed"
    run_binary(
        *pretrain, f"--workdir={timed}", f"--steps={_TIMED}",
        f"--config.training.eval_every={_TIMED // 2}",
    )
    steps = starts.equal_steps(_lines(timed), _seconds_of_ours(seed))
    run_binary(*pretrain, f"--workdir={workdir}", f"--steps={steps}")


def _manifest():
    return manifest_of(FLAGS.output, FLAGS.records, FLAGS.split)


@functools.lru_cache
def _config_of(row):
    """Returns the configuration of a row's pre-training."""
    from kaleido.config import Config

    if not getattr(row, "config", ""):
        return Config.from_dict(FLAGS.config.to_dict())
    name, _, argument = row.config.partition(":")
    get_config = runpy.run_path(os.path.join(CONFIGS, name))["get_config"]
    config = get_config(*[argument] if argument else [])
    return Config.from_dict(config.to_dict())


def _lines(workdir):
    from kaleido.callbacks import metrics_path, read_lines

    return read_lines(metrics_path(workdir))


def _seconds(workdir):
    """Returns how long a pre-training took."""
    return _lines(workdir)[-1]["seconds"]


@functools.lru_cache
def _made_of(row):
    """Returns what a row's figures depend on, besides the seed."""
    from kaleido.manifest import VERSION
    from kaleido.precision import on_this_device
    from kaleido.records import open_records
    from kaleido.run_grid import MadeOf

    shared = {
        "records": open_records(FLAGS.records).origin,
        "pretraining": on_this_device(_config_of(starts.OURS)).to_dict(),
        "split": FLAGS.split,
        "manifest_version": VERSION,
        "short_lists": _SHORT_LISTS,
        "weight_queries": _WEIGHT_QUERIES,
    }
    own = {}
    if row.task == "itr":
        own["whole_lists"] = starts.whole_lists(_config_of(row))
    if isinstance(row, starts.Start):
        config = on_this_device(default_finetuning(row.task)).to_dict()
        return MadeOf(shared, {**own, "config": config, **_schedule(row)})
    config = on_this_device(_config_of(row))
    own["precision"] = config.training.precision
    if row.config:
        own["config"] = config.to_dict()
        own["records"] = open_records(_records_of(row)).origin
    return MadeOf(shared, own)


def _check(rows):
    """Raises a ValueError if a row could not be run to its end."""
    from kaleido.pools import read_manifest
    from kaleido.records import open_records
    from kaleido.starts_inputs import check_inputs, check_rivals_records

    records = open_records(FLAGS.records)
    check_inputs(rows, _config_of(starts.OURS), records, FLAGS.split)
    if not any(row.task == "itr" for row in rows):
        return
    read_manifest(_manifest(), records, FLAGS.split)
    for row in rows:
        if _records_of(row) != FLAGS.records:
            other = open_records(_records_of(row))
            check_rivals_records(row, other, records, _manifest(), FLAGS.split)


@fail_clearly
def main(argv):
    del argv
    from kaleido.commands import command_line
    from kaleido.files import write_json, write_text
    from kaleido.reports.starts_report import starts_markdown, starts_page
    from kaleido.run_grid import read_runs, run_grid, summarize

    require_config_file(_CONFIG)
    unknown = set(FLAGS.tasks) - set(starts.TASKS)
    if unknown or not FLAGS.tasks:
        raise ValueError(
            f"--tasks are of {','.join(starts.TASKS)}. Received: {FLAGS.tasks}"
        )
    seeds = parse_seeds("seeds", FLAGS.seeds)
    rival_seeds = parse_seeds("rival_seeds", FLAGS.rival_seeds)
    plan = [
        ([row for row in rows if row.task in FLAGS.tasks and _records_of(row)], wanted)
        for rows, wanted in (
            ([starts.OURS, *starts.FINETUNED], seeds),
            (starts.UNTRAINED, _ONCE * bool(rival_seeds)),
            (starts.RIVALS, rival_seeds),
        )
    ]
    asked = [row for rows, wanted in plan for row in rows if wanted]
    _check(asked)
    all_seeds = list(dict.fromkeys([*seeds, *rival_seeds, *_ONCE]))
    for rows, wanted in plan:
        for _ in run_grid(
            FLAGS.output, starts.ROWS, rows, wanted, lambda row, _: _made_of(row), _run
        ):
            runs = read_runs(FLAGS.output, starts.ROWS, all_seeds)
            report = {
                "seeds": seeds, "rival_seeds": rival_seeds, "split": FLAGS.split,
                "short_lists": _SHORT_LISTS,
                "rows": {name: summarize(figures) for name, figures in runs.items()},
                "left_out": [
                    row.name for row in starts.RIVALS
                    if row.task in FLAGS.tasks and row not in asked
                    and row.name not in runs
                ],
                "command": command_line(),
            }
            write_json(os.path.join(FLAGS.output, "starts.json"), report)
            write_text(os.path.join(FLAGS.output, "starts.md"), starts_markdown(report))
            write_text(os.path.join(FLAGS.output, "starts.html"), starts_page(report))
    logging.info("page: %s", os.path.join(FLAGS.output, "starts.html"))


if __name__ == "__main__":
    app.run(main, flags_parser=parse_config_flags)
