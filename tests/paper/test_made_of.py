"""Figures of two settings never stand in one grid."""

import dataclasses

import pytest

from kaleido import processor
from kaleido.paper.made_of import made_of
from kaleido.paper.rows import OURS, B
from kaleido.paper.scales import SCALES
from kaleido.paper.tables import Cell
from tests import tiny_records
from tests.test_evaluation_binaries import untrained_run

SMALL = SCALES["small"]
RETRIEVAL = Cell(OURS, "retrieval")


def made(cell=RETRIEVAL, scale=SMALL, **more):
    return made_of(cell, scale, {"catalog": "a"}, **more).row


def test_what_a_cell_is_made_of_is_the_same_twice():
    assert made() == made()
    assert made_of(Cell(OURS, "caption"), SMALL, {"x": 1}).all == {"x": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"pretraining": ("--jit_compile",)}, {"finetuning": ("--strategy=mirrored",)},
        {"records": {**SMALL.records, "crop_size": 47}}, {"captioner": ()},
        {"steps": 91}, {"learning_rate": 1.0}, {"whole_lists": 1},
        {"finetuning_settings": {"weight_decay": 0.5}}, {"finetuning_batch": 32},
    ],
)
def test_every_setting_of_a_scale_counts(changes):
    assert made() != made(scale=dataclasses.replace(SMALL, **changes))


def test_rows_and_tasks_count():
    assert made() != made(Cell(B, "retrieval"))
    assert made(Cell(OURS, "category"))["finetuning"]["task"] == "category"
    assert "java" in made(Cell(OURS, "caption")) and "java" not in made()


def test_two_processors_are_two_settings(monkeypatch):
    found = []
    for flags in ("avx2", "avx512f amx_bf16"):
        monkeypatch.setattr(processor, "_description", lambda f=flags: f"flags : {f}\n")
        found.append(made())
    old, new = found
    assert old["pretraining"]["training"]["precision"] == "float32"
    assert new["pretraining"]["training"]["precision"] == "mixed_bfloat16"
    assert old["finetuning"]["training"]["precision"] == "float32"
    assert old != new


def test_of_what_is_reused_the_content_counts(tmp_path):
    first = tiny_records.write_tiny_records(str(tmp_path / "first"), 8, 4)
    other = tiny_records.write_tiny_records(str(tmp_path / "other"), 8, 4, seed=1)
    again = tiny_records.write_tiny_records(str(tmp_path / "again"), 8, 4)
    at = {name: made(records=str(tmp_path / name)) for name in ("first", "other")}
    assert at["first"]["records"] == first.content != other.content
    assert at["first"] != at["other"]
    assert made(records=again.directory) == at["first"]
    runs = []
    for seed in (0, 1):
        run = str(tmp_path / f"run_{seed}")
        untrained_run(run, first, seed)
        runs.append(made(records=first.directory, pretraining=run))
    assert runs[0] != runs[1]
