"""Parts of the paper's experiments that stand from earlier work.

A part is `captioner`, `records/<layout>_<saliency>_<masking>` or
`<row>/pretraining/seed_<seed>`. What takes its place must be of its kind; what else is
different, and may be, the pages tell.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Dict, List, Mapping, Sequence

from kaleido.config import Config
from kaleido.files import differences, flatten
from kaleido.paper.rows import ROWS, Row
from kaleido.paper.scales import Scale, first_equal, pretraining_config
from kaleido.records import RecordSet, open_records
from kaleido.text import load_vocabulary
from kaleido.workdir import read_run

CAPTIONER = "captioner"


def records_part(row: Row) -> str:
    """Returns the name of a row's records, which rows that are alike share."""
    return f"records/{row.records}"


def pretraining_part(scale: Scale, row: Row, seed: str) -> str:
    """Returns the name of a row's pre-training; of equal rows it is the first's."""
    return f"{first_equal(scale, row).folder}/pretraining/seed_{seed}"


def check_reused(
    reused: Mapping[str, str], rows: Sequence[Row], scale: Scale, seeds: Sequence[str],
    catalog: str,
) -> None:
    """Refuses what cannot take the place of a part.

    Args:
        reused: folders by part.
        rows: those that stand in the table or figure.
        scale: what is not there is made at.
        seeds: of the trainings.
        catalog: fingerprint of the catalogue.

    Raises:
        ValueError: if there is no such part or folder; if records are of another kind
            or catalogue, or could not stand in one table with each other or with what
            this scale makes; if a run is of other records or tasks than its row, or
            takes two places.
    """
    records = {records_part(row): row for row in ROWS.values()}
    runs = {
        pretraining_part(scale, row, seed): row
        for row in ROWS.values() for seed in seeds
    }
    known = dict.fromkeys([CAPTIONER, *records, *runs])
    for part, folder in reused.items():
        if part not in known:
            raise ValueError(f"--reuse knows {', '.join(known)}. Received: {part!r}")
        if not os.path.isdir(folder):
            raise ValueError(f"--reuse: there is no folder. Received: {folder!r}")
    taken = [os.path.realpath(reused[part]) for part in runs if part in reused]
    twice = [folder for folder in taken if taken.count(folder) > 1]
    if twice:
        raise ValueError(
            f"--reuse: a run is that of one row and seed. Received: {twice[0]} twice"
        )
    sets = {part: open_records(reused[part]) for part in records if part in reused}
    for part, record_set in sets.items():
        _check_kind(part, record_set, records[part])
        _check_catalog(part, record_set, catalog)
        next(iter(sets.values())).check_comparable(record_set)
        if any(records_part(row) not in sets for row in rows):
            _check_beside(part, record_set, scale)
    for part, row in runs.items():
        if part in reused:
            _check_run(part, reused[part], row, scale, sets)


def _check_kind(part: str, records: RecordSet, row: Row) -> None:
    """How words were aligned may differ: the page says it."""
    for name in ("layout", "saliency", "masking"):
        found = getattr(records.spec, name)
        if found != getattr(row, name):
            raise ValueError(
                f"--reuse={part}=... takes records of {name}={getattr(row, name)}. "
                f"Received: {found} in {records.directory}"
            )


def _check_catalog(part: str, records: RecordSet, catalog: str) -> None:
    if records.catalog != catalog:
        raise ValueError(
            f"--reuse={part}=... takes records of the catalogue that --catalog and its "
            f"flags name, {catalog[:16]}. Received: {records.directory}, of "
            f"{records.catalog[:16] or 'one that its job.json does not name'}"
        )


def _check_beside(part: str, records: RecordSet, scale: Scale) -> None:
    """Other rows have records that are still to be made, in the way of the scale."""
    made = {
        name: value for name, value in scale.records.items()
        if hasattr(records.spec, name)
    }
    made["vocabulary_fingerprint"] = load_vocabulary().fingerprint
    found = {name: getattr(records.spec, name) for name in made}
    if different := differences(found, made):
        raise ValueError(
            f"--reuse={part}=... would stand beside records that this scale makes "
            "otherwise: reuse those of all rows, or none. Received: "
            f"{'; '.join(different)} ({records.directory})"
        )


def _check_run(part, folder, row, scale, sets) -> None:
    if records_part(row) not in sets:
        raise ValueError(
            f"--reuse={part}=... needs --reuse={records_part(row)}=..., too."
        )
    run, trained_on = read_run(folder), sets[records_part(row)]
    if run.records_content != trained_on.content:
        raise ValueError(
            f"--reuse: {folder} was trained on other examples than those of "
            f"{trained_on.directory}. Received: {run.records_content} and "
            f"{trained_on.content}"
        )
    wanted = sorted(pretraining_config(scale, row).active_tasks())
    learnt = sorted(run.config.active_tasks())
    if learnt != wanted:
        raise ValueError(
            f"--reuse={part}=... takes a run of the tasks {wanted}. Received: {learnt} "
            f"in {folder}"
        )


def reused_and_how(
    reused: Mapping[str, str], scale: Scale, seeds: Sequence[str], init: str
) -> List[str]:
    """Returns what was not made here, and how it differs from what would have been.

    Args:
        reused: folders by part, checked.
        scale, seeds: see `check_reused`.
        init: what pre-trainings begin with; empty for the scale's.

    Returns:
        A line a part, as pages tell it.
    """
    runs = {
        pretraining_part(scale, row, seed): expected_config(scale, row, seed, init)
        for row in ROWS.values() for seed in seeds
    }
    lines = []
    for part, folder in reused.items():
        notes: List[str] = []
        if part in runs:
            there = flatten(read_run(folder).config.to_dict())
            notes = differences(there, flatten(runs[part].to_dict()))
        elif part != CAPTIONER:
            notes = [f"alignment: {open_records(folder).spec.alignment}"]
        lines.append(f"{part}={folder}" + f" ({'; '.join(notes)})" * bool(notes))
    return lines


def expected_config(scale: Scale, row: Row, seed: str, init: str) -> Config:
    """Returns what a row is pre-trained with, its seed and `init` included."""
    config = pretraining_config(scale, row)
    changes: Dict[str, object] = {"seed": int(seed)}
    if init:
        changes["init"] = init
    training = dataclasses.replace(config.training, **changes)
    return dataclasses.replace(config, training=training)
