"""Evaluates retrieval of a run, and writes the files of its results."""

from __future__ import annotations

import os
from typing import Sequence

from absl import logging

from kaleido.cases import cases_path, retrieval_cases
from kaleido.commands import commands_so_far
from kaleido.comparison import save_outcomes
from kaleido.evaluation import evaluate_retrieval
from kaleido.files import beside, write_json, write_text
from kaleido.finetuning_config import RETRIEVAL_TASKS
from kaleido.inference import load_ids_and_keys
from kaleido.pools import draw_test, read_manifest
from kaleido.provenance import provenance
from kaleido.records import RecordSet
from kaleido.reports.retrieval_report import retrieval_page
from kaleido.retrieval import TASKS
from kaleido.workdir import load_networks, read_finetuning, warn_of_other_examples


def write_retrieval_results(
    workdir: str,
    records: RecordSet,
    output: str,
    split: str,
    manifest_path: str = "",
    seed: int = 0,
    tasks: Sequence[str] = TASKS,
    floor: bool = True,
    **queries: int,
) -> None:
    """Loads a run, ranks a split, and writes what came out.

    Args:
        workdir: folder of the run.
        records: what it is measured on.
        output: JSON file; beside it FILE.html, FILE.cases.json, FILE.manifest.json and
            FILE.outcomes.npz appear.
        split: pool and queries.
        manifest_path: what is asked; empty draws it with `seed`.
        seed: of the manifest, and of validation's.
        tasks: those that head the results.
        floor: whether the bare ridge map is evaluated, too.
        **queries: see `evaluation.evaluate_retrieval`.

    Raises:
        ValueError: if the split is empty, manifest, run and records do not fit, or the
            run was fine-tuned for another task.
    """
    finetuning = read_finetuning(workdir)
    task = finetuning.get("task", "itr")
    if task not in RETRIEVAL_TASKS:
        raise ValueError(
            f"A fine-tuning for {task} has forgotten what scored pairs. "
            f"`python -m experiments.finetune --task={task} --checkpoint={workdir} "
            "--config.training.steps=0` measures a converted one; others have a "
            f"results.json. Received: {workdir}"
        )
    if manifest_path:
        manifest = read_manifest(manifest_path, records, split)
    else:
        manifest = draw_test(records, split, seed)
    run, networks, step = load_networks(workdir, records)
    logging.info("model of step %d", step)
    warn_of_other_examples(run, workdir, records)
    outcome = evaluate_retrieval(
        networks, run.config, records, split=split, manifest=manifest, seed=seed,
        tasks=tasks, floor_workdir=workdir if floor else "", **queries,
    )
    trained = finetuning.get("training", vars(run.config.training))
    results = {
        **outcome.results,
        **(
            {"start": finetuning["start"], "finetuned_for": finetuning["task"]}
            if finetuning else {}
        ),
        "training_seed": trained["seed"],
        "step": step,
        "records": records.spec.fingerprint,
        "trained_on": list(run.trained_on),
        "provenance": provenance(networks, records, seed),
        "commands": commands_so_far(workdir),
    }
    os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
    pairs = load_ids_and_keys(records, split)
    products = dict(zip(pairs["image_ids"], pairs["product_keys"].tolist()))
    save_outcomes(output, manifest, outcome.ranks, products)
    write_text(beside(output, ".manifest.json"), manifest.to_json())
    write_text(beside(output, ".html"), retrieval_page(results, outcome.pages))
    write_json(cases_path(output), retrieval_cases(outcome.pages))
    # Last: where the results are, all that belongs to them is.
    write_json(output, results)
    for task in tasks:
        for candidates, found in results[task]["by_candidates"].items():
            shares = (f"{100 * found[f'rank_at_{k}']:.1f}" for k in (1, 5, 10))
            logging.info(
                "%s by %s, candidates %s: Rank@1, 5, 10 %s %%",
                task, results["primary"], candidates, " ".join(shares),
            )
    logging.info("see %s and %s", output, beside(output, ".html"))
