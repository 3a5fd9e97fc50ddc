"""What a comparison of starts needs, looked at before anything is trained.

A night of trainings should not end at a flag that was wrong at its beginning.
"""

from __future__ import annotations

from typing import Sequence

from kaleido.callbacks import metrics_path, read_lines
from kaleido.finetuning import task_class
from kaleido.interop.starting_weights import has_closed_forms
from kaleido.pools import read_manifest
from kaleido.records import RecordSet
from kaleido.starts import Rival, Start
from kaleido.workdir import chosen_checkpoint, read_finetuning, read_run


def check_inputs(
    rows: Sequence[Start | Rival], checkpoint: str, records: RecordSet, split: str
) -> None:
    """Looks at our pre-training, its records, and what scores each task.

    Args:
        rows: what will be run.
        checkpoint: folder of our pre-training.
        records: what all but a rival of another layout are trained on.
        split: that is evaluated.

    Raises:
        ValueError: if the run is no pre-training, does not say how long it took, began
            with other things than a row needs, or does not fit the records; or if a
            split is empty or cannot be evaluated.
        ImportError: if what scores a task is not installed.
    """
    chosen_checkpoint(checkpoint)
    tuned = read_finetuning(checkpoint)
    if tuned:
        raise ValueError(
            f"--checkpoint takes a pre-training. Received: {checkpoint}, fine-tuned "
            f"for {tuned['task']}"
        )
    if not read_lines(metrics_path(checkpoint)):
        raise ValueError(
            "--checkpoint: rivals train for as long as a pre-training did, which its "
            f"metrics.jsonl says. Received: {checkpoint}, without one"
        )
    run = read_run(checkpoint)
    for part in dict.fromkeys(("train", "validation", split)):
        records.require_split(part)
    run.spec.check_equals(records.spec, records.directory)
    begun = run.config.training
    wanted = [row.name for row in rows if getattr(row, "start", "") == "closed_forms"]
    if wanted and not has_closed_forms(run.config):
        raise ValueError(
            f"--checkpoint: the row {wanted[0]!r} needs a run that began with closed "
            f"forms. Received: {checkpoint}, with "
            f"ridge_warm_start={begun.ridge_warm_start}, init={begun.init!r}"
        )
    for task in dict.fromkeys(row.task for row in rows):
        task_class(task).check_split(task, records, split)


def check_rivals_records(
    rival: Rival, records: RecordSet, ours: RecordSet, manifest: str, split: str
) -> None:
    """Looks at the records of a rival that reads other patches than ours.

    Args:
        rival: that is trained on them.
        records: its own.
        ours: everybody else's.
        manifest: path of what all are asked.
        split: that is evaluated.

    Raises:
        ValueError: if they are of another layout than the rival's, of another
            catalogue, or were made in another way than ours.
    """
    if records.spec.layout != rival.layout:
        raise ValueError(
            f"{rival.name} needs records of layout={rival.layout}. Received: "
            f"{records.spec.layout} in {records.directory}"
        )
    for part in ("train", "validation"):
        records.require_split(part)
    ours.check_comparable(records)
    read_manifest(manifest, records, split)
