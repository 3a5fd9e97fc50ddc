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
# By field of a section and preset, its value and the words that a row has for it.
VALUES = {
    "positions": ("model", {"paper": ("normalized", "shares of the picture"),
                            "small": ("normalized", "shares of the picture"),
                            "released": ("pixels", "pixels")}),
    "projection": ("model", {"paper": ("shared", "shared"),
                             "small": ("shared", "shared"),
                             "released": ("per_level", "per_level")}),
    "feature_norm": ("model", {"paper": (False, "as they are"),
                               "released": (False, "as they are"),
                               "small": (True, "zero mean, unit variance")}),
    "gelu": ("model", {"paper": ("exact", "exact"), "small": ("exact", "exact"),
                       "released": ("tanh", "tanh")}),
    "match_units": ("model", {"paper": (1, "1"), "small": (1, "1"),
                              "released": (2, "2")}),
    "patch_paths": ("model", {"paper": (False, "prediction of the feature"),
                              "released": (False, "no bias"),
                              "small": (True, "coarser patches around it")}),
    "similarity_path": ("model", {"paper": (False, "none"), "released": (False, "none"),
                                  "small": (True, "two cosines")}),
    "aux_loss_on_negatives": ("training", {"paper": (False, "matching alone"),
                                           "released": (True, "all"),
                                           "small": (True, "all")}),
    "mined_negatives": ("training", {"paper": (0.0, "at random"),
                                     "released": (0.0, "at random"),
                                     "small": (0.7, "70 % the most similar")}),
    "learning_rate": ("training", {"paper": (2e-5, "2e-5"), "released": (1e-4, "1e-4"),
                                   "small": (1e-4, "1e-4")}),
    "decay": ("training", {"released": ("linear", "linear"),
                           "small": ("cosine", "cosine")}),
    "weight_decay": ("training", {"paper": (1e-4, "decay 1e-4"),
                                  "released": (0.0, "no decay"),
                                  "small": (0.01, "decay 0.01")}),
    "clip_norm": ("training", {name: (1.0, "1.0")
                               for name in ("paper", "released", "small")}),
    "init": ("training", {"paper": ("random", "random"),
                          "released": ("random", "random"),
                          "small": ("minilm", "MiniLM")}),
    "batch_size": ("data", {"paper": (64, "64"), "released": (256, "256"),
                            "small": (64, "64")}),
    "num_layers": ("model", {"paper": (12, "BERT-base"), "small": (6, "L=6")}),
}
# Fields that share another one's row.
ROW_OF = {"decay": "learning_rate"}


def said_of(field, name):
    """What the page says of a preset: after its name in our column, else in the
    column of what the preset is made after."""
    section, _ = VALUES[field]
    switch = f"`--config.{section}.{ROW_OF.get(field, field)}`"
    found = []
    for row in (row for row in ROWS if row[4] == switch):
        parts = [part.rpartition(": ")[::2] for part in row[3].split("; ")]
        of_preset = [text for names, text in parts if name in names.split(", ")]
        column = {"paper": row[1], "released": row[2]}.get(name, "")
        found += of_preset or [column, *(text for names, text in parts if not names)]
    return " | ".join(found)


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
    section, presets = VALUES[field]
    for name, (value, words) in presets.items():
        assert getattr(getattr(preset(name), section), field) == value
        assert words in said_of(field, name)


def test_presets_differ_in_their_tasks_as_said():
    for name in ("paper", "released"):
        assert "contrastive" not in preset(name).active_tasks()
    assert "contrastive" in preset("small").active_tasks()
