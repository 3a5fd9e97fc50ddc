"""Evaluates a fine-tuned task, and writes the files of its results."""

from __future__ import annotations

import os

from absl import logging

from kaleido.cases import cases_path
from kaleido.commands import commands_so_far
from kaleido.comparison import outcomes_path
from kaleido.files import beside, write_arrays, write_json, write_text
from kaleido.finetuning_config import RECIPE
from kaleido.provenance import provenance
from kaleido.tasks.task import Task
from kaleido.workdir import checkpoint_step, chosen_checkpoint, read_run


def results_path(workdir: str, split: str) -> str:
    """Returns where the results of a split lie: `results.json` for `test`.

    Those of another split, which choices are made on, lie beside it, and stay.
    """
    name = "results.json" if split == "test" else f"results.{split}.json"
    return os.path.join(workdir, name)


def write_task_results(
    task: Task, workdir: str, split: str, baselines: bool = True
) -> None:
    """Evaluates a task of classes or captions, and writes what came out.

    Args:
        task: fine-tuned.
        workdir: its folder; `results_path` appears in it, and beside that FILE.html,
            FILE.cases.json and FILE.outcomes.npz.
        split: what is measured.
        baselines: whether what the task stands beside is, too.
    """
    logging.info("evaluating on the %s split", split)
    if split == "validation":
        logging.warning(
            "The weights are chosen on the split that is measured: its figures are a "
            "little too high."
        )
    outcome = task.evaluate_split(split, baselines)
    path = results_path(workdir, split)
    write_arrays(outcomes_path(path), outcome.outcomes)
    write_text(beside(path, ".html"), outcome.page)
    write_json(cases_path(path), outcome.cases)
    # Last: where the results are, all that belongs to them is.
    write_json(
        path,
        {
            "task": task.config.task,
            **{name: getattr(task.config, name) for name in RECIPE},
            "split": split,
            "chosen_on_itself": split == "validation",
            "rows": [{"name": n, **figures} for n, figures in outcome.rows.items()],
            **outcome.settings,
            "step": checkpoint_step(chosen_checkpoint(workdir)),
            "trained_on": list(read_run(workdir).trained_on),
            "provenance": provenance(
                task.networks, task.records, task.config.training.seed,
                list(task.saved.values()),
            ),
            "commands": commands_so_far(workdir),
        },
    )
    for name, figures in outcome.rows.items():
        numbers = (f"{k} {v:.3f}" for k, v in figures.items() if isinstance(v, float))
        logging.info("%s: %s", name, ", ".join(numbers))
    logging.info("see %s and %s", path, beside(path, ".html"))
