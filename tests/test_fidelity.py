"""The page of differences is true of the code: tests, switches, values of presets."""

import inspect
import re

import pytest
import tensorflow as tf

from kaleido.config import CLOSED_FORMS
from kaleido.finetuning_config import default_finetuning
from kaleido.masking import ALIGNED_LEVELS
from kaleido.patches import LAYOUTS
from kaleido.preprocessing import Preprocessor
from kaleido.presets import preset
from kaleido.text import Tokenizer
from tests.shown_commands import ROOT, help_of, knows
from tests.tiny_records import VOCABULARY

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
    "warmup_steps": ("training", {"paper": (5000, "warm-up 5,000"),
                                  "released": (2544, "warm-up 2,544 of 25,438"),
                                  "small": (40, "warm-up 40 of 400")}),
    "steps": ("training", {"released": (25_438, "warm-up 2,544 of 25,438"),
                           "small": (400, "warm-up 40 of 400")}),
    "beta_2": ("training", {"paper": (0.999, "β2 .999"), "released": (0.98, "β2 .98"),
                            "small": (0.999, "β2 .999")}),
    "epsilon": ("training", {"paper": (1e-8, "ε 1e-8"), "released": (1e-6, "ε 1e-6"),
                             "small": (1e-8, "ε 1e-8")}),
    "precision": ("training", {"paper": ("float32", "float32"),
                               "released": ("float32", "float32"),
                               "small": ("auto", "auto")}),
    "swap_share": ("data", {name: (0.5, "half of the pairs")
                            for name in ("paper", "released", "small")}),
    "group_size": ("data", {"paper": (1, "at random"), "released": (1, "at random"),
                            "small": (16, "groups of 16 of one sub-category")}),
    "patch_type_rows": ("model", {"released": (2, "2 rows")}),
    "patch_dropout": ("model", {"paper": (0.0, "all are seen"),
                                "released": (0.0, "all are seen"),
                                "small": (0.3, "three tenths are hidden")}),
    "word_dropout": ("model", {"paper": (0.0, "none"), "released": (0.0, "none"),
                               "small": (0.2, "a fifth")}),
    "shortcut_dropout": ("model", {"paper": (0.0, "none"), "released": (0.0, "none"),
                                   "small": (0.2, "0.2")}),
    "batch_size": ("data", {"paper": (64, "64"), "released": (256, "256"),
                            "small": (64, "64")}),
    "num_layers": ("model", {"paper": (12, "BERT-base"), "small": (6, "L=6")}),
}
# Fields that share another one's row.
ROW_OF = {
    "decay": "learning_rate", "warmup_steps": "learning_rate", "steps": "learning_rate",
    "beta_2": "weight_decay", "epsilon": "weight_decay",
}


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


def row_of(decision):
    (row,) = (row for row in ROWS if row[0] == decision)
    return row


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


def test_tasks_weigh_the_same_as_said():
    said = row_of("sum")[3]
    assert said.startswith("seven, unweighted; small: and the contrastive ones, unwe")
    for name, count in {"paper": 7, "released": 7, "small": 9}.items():
        weights = [task.weight for task in preset(name).active_tasks().values()]
        assert weights == [1.0] * count


def test_rates_of_layers_are_as_said():
    said = row_of("rates of layers")[3]
    assert "five times the rate, patch embedding a fifth, closed forms a hund" in said
    for name in ("paper", "released"):
        assert not preset(name).training.rates
    rates = dict(preset("small").training.rates)
    assert {rates.pop(name) for name in CLOSED_FORMS} == {0.01}
    assert rates.pop("patch_embedding") == 0.2
    assert set(rates.values()) == {5.0} and {"itm", "fusion"} <= set(rates)


def test_a_text_has_64_pieces_unless_asked():
    """What the job says is what it does: a text of a hundred words has 64 pieces."""
    assert re.search(r"--max_tokens:.*?\(default: '64'\)", help_of("tfrecords.build"),
                     re.DOTALL)
    pieces = inspect.signature(Preprocessor).parameters["max_tokens"].default
    texts = tf.constant([" ".join(["word1"] * 100), "word2"])
    ids = Tokenizer(VOCABULARY)(texts, pieces)
    assert (ids.numpy() > 0).sum(1).tolist() == [64, 3]


def test_a_fine_tuning_is_as_said():
    said = row_of("fine-tuning")[3]
    for words in ("600 steps of 64", "cosine, warm-up a tenth", "decay 0.01",
                  "retrieval and classes: 1e-4", "captions: 5e-4", "ten times that"):
        assert words in said
    rates = {"itr": 1e-4, "tir": 1e-4, "category": 1e-4, "subcategory": 1e-4,
             "caption": 5e-4}
    for task, rate in rates.items():
        config = default_finetuning(task)
        training = config.training
        assert (training.steps, config.data.batch_size) == (600, 64)
        assert (training.decay, training.warmup_steps) == ("cosine", 60)
        assert (training.learning_rate, training.weight_decay) == (rate, 0.01)
        assert training.rates["classifier"] == 10.0


def test_fashionbert_hides_patches_of_one_grid_at_random():
    fashionbert = preset("fashionbert")
    assert tuple(fashionbert.active_tasks()) == ("mlm", "itm", "blank")
    layout = LAYOUTS[fashionbert.data.layout]
    assert layout.levels == (8,) and layout.num_patches == 64
    # Words are aligned with patches of these levels, of which it has none: with nothing
    # to guide them, all plans are random ones.
    assert not set(ALIGNED_LEVELS) & set(layout.levels)
    paper = preset("paper")
    for section in ("model", "training"):
        assert getattr(fashionbert, section) == getattr(paper, section)


def test_two_tower_is_small_without_what_it_is_said_to_lack():
    small, tower = preset("small"), preset("two_tower")
    assert tuple(tower.active_tasks()) == ("contrastive",)
    assert tower.model.image_tower == "projection" != small.model.image_tower
    assert not tower.training.ridge_warm_start and not tower.training.mined_negatives
    assert not tower.model.similarity_path and not tower.model.word_size
    assert tower.data == small.data


def test_presets_differ_in_their_tasks_as_said():
    for name in ("paper", "released"):
        assert "contrastive" not in preset(name).active_tasks()
    assert "contrastive" in preset("small").active_tasks()
