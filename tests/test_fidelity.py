"""The page of differences is true of the code: tests, switches, values of presets."""

import re

import pytest

from kaleido.presets import preset
from tests.shown_commands import ROOT, knows

TEXT = (ROOT / "FIDELITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith(("| decision", "| ---"))
]
# What a row says of presets, in numbers and words.
VALUES = {
    "positions": ("model", {"paper": "normalized", "small": "normalized",
                            "released": "pixels"}),
    "projection": ("model", {"paper": "shared", "small": "shared",
                             "released": "per_level"}),
    "feature_norm": ("model", {"paper": False, "released": False, "small": True}),
    "gelu": ("model", {"paper": "exact", "small": "exact", "released": "tanh"}),
    "match_units": ("model", {"paper": 1, "small": 1, "released": 2}),
    "patch_paths": ("model", {"paper": False, "released": False, "small": True}),
    "similarity_path": ("model", {"paper": False, "released": False, "small": True}),
    "aux_loss_on_negatives": ("training", {"paper": False, "released": True,
                                           "small": True}),
    "mined_negatives": ("training", {"paper": 0.0, "released": 0.0, "small": 0.7}),
    "learning_rate": ("training", {"paper": 2e-5, "released": 1e-4, "small": 1e-4}),
    "decay": ("training", {"released": "linear", "small": "cosine"}),
    "weight_decay": ("training", {"paper": 1e-4, "released": 0.0, "small": 0.01}),
    "clip_norm": ("training", {"paper": 1.0, "released": 1.0, "small": 1.0}),
    "init": ("training", {"paper": "random", "released": "random", "small": "minilm"}),
    "batch_size": ("data", {"paper": 64, "released": 256, "small": 64}),
    "num_layers": ("model", {"paper": 12, "released": 12, "small": 6}),
}


def test_every_row_is_whole():
    assert len(ROWS) > 45
    for row in ROWS:
        assert len(row) == 6 and all(row), row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_test_of_a_row_is_there(row):
    path, name = row[5].strip("`").split("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {name}\(", source, re.MULTILINE)


def test_switches_are_fields_and_flags():
    for row in ROWS:
        switch = row[4].strip("`")
        if switch == "none":
            continue
        module, _, flag = switch.rpartition(" ")
        assert knows(module or "experiments.pretrain", flag), switch


@pytest.mark.parametrize("field", VALUES)
def test_presets_are_as_they_are_said_to_be(field):
    section, values = VALUES[field]
    for name, value in values.items():
        assert getattr(getattr(preset(name), section), field) == value


def test_presets_differ_in_their_tasks_as_said():
    for name in ("paper", "released"):
        assert "contrastive" not in preset(name).active_tasks()
    assert "contrastive" in preset("small").active_tasks()
