"""What a comparison of starts needs, looked at before anything is trained.

A night of trainings should not end at a flag that was wrong at its beginning.
"""

from __future__ import annotations

from typing import Sequence

from kaleido.config import Config
from kaleido.finetuning import task_class
from kaleido.interop.starting_weights import has_closed_forms
from kaleido.pools import read_manifest
from kaleido.pretraining import check_layout
from kaleido.records import RecordSet
from kaleido.starts import Rival, Start


def check_inputs(
    rows: Sequence[Start | Rival], config: Config, records: RecordSet, split: str
) -> None:
    """Looks at our pre-training, its records, and what scores each task.

    Args:
        rows: what will be run.
        config: of our pre-training.
        records: what all but a rival of another layout are trained on.
        split: that is evaluated.

    Raises:
        ValueError: if the pre-training begins with other things than a row needs, or
            is of another layout than the records; or if a split is empty or cannot be
            evaluated.
        ImportError: if what scores a task is not installed.
    """
    for part in dict.fromkeys(("train", "validation", split)):
        records.require_split(part)
    check_layout(config, records)
    begun = config.training
    wanted = [row.name for row in rows if getattr(row, "start", "") == "closed_forms"]
    if wanted and not has_closed_forms(config):
        raise ValueError(
            f"--config: the row {wanted[0]!r} needs a pre-training that begins with "
            f"closed forms. Received: ridge_warm_start={begun.ridge_warm_start}, "
            f"init={begun.init!r}"
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
