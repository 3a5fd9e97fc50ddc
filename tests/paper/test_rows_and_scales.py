"""What the paper's rows and scales are: by hand from its Table 4."""

import sys

import pytest
from absl import flags
from ml_collections import config_flags

from experiments.configs import finetune, paper
from kaleido.finetuning_config import FinetuningConfig
from kaleido.paper.rows import OURS, ROWS, TABLE_4
from kaleido.paper.scales import (
    SCALES,
    TASKS,
    finetuning_arguments,
    finetuning_config,
    first_equal,
    pretraining_config,
)

SMALL = SCALES["small"]


def tasks_of(row):
    return set(pretraining_config(SMALL, ROWS[row]).tasks)


def test_tasks_come_one_after_the_other():
    b = {"itm", "mlm", "contrastive", "fusion"}
    assert tasks_of("b") == b
    assert tasks_of("b_i") == b | {"rotation"}
    assert tasks_of("b_i_ii") == b | {"rotation", "jigsaw"}
    assert tasks_of("b_i_iii") == b | {"rotation", "jigsaw", "camouflage"}
    assert tasks_of("b_i_iv") == b | {"rotation", "jigsaw", "camouflage", "grey"}
    assert tasks_of("kaleido_bert") == tasks_of("b_i_iv") | {"blank"}
    assert tasks_of("b_v") == b | {"blank"}


@pytest.mark.parametrize("scale", SCALES)
def test_rows_of_a_comparison_differ_in_what_it_is_about_alone(scale):
    def of(row):
        return pretraining_config(SCALES[scale], row)

    groups = {title: [row for _, row in group] for title, group in TABLE_4.items()}
    assert all(OURS in group for group in groups.values())
    ours = of(OURS)
    for row in groups["Masking"] + groups["Patches"][1:]:
        assert of(row) == ours and row.tasks == OURS.tasks
    for row in groups["Tasks"]:
        assert row.records == OURS.records
        there = of(row)
        assert (there.model, there.training) == (ours.model, ours.training)
        assert there.data == ours.data
    fixed = of(ROWS["scale_fixed"])
    assert fixed.training == ours.training and fixed.data.layout == "grid8"


def test_fashionbert_is_as_large_and_trains_as_long():
    ours = pretraining_config(SMALL, OURS)
    rival = pretraining_config(SMALL, ROWS["fashionbert"])
    assert set(rival.tasks) == {"itm", "mlm", "blank"}
    for name in ("hidden_size", "num_layers", "num_heads", "intermediate_size"):
        assert getattr(rival.model, name) == getattr(ours.model, name)
    for name in ("steps", "learning_rate", "init", "precision"):
        assert getattr(rival.training, name) == getattr(ours.training, name)
    assert rival.data.batch_size == ours.data.batch_size
    assert rival.model.shortcut_levels == () and rival.model.word_size == 0


def test_the_papers_scale_has_its_hyper_parameters():
    config = pretraining_config(SCALES["paper"], OURS)
    training = config.training
    assert (training.learning_rate, training.weight_decay) == (2e-5, 1e-4)
    assert training.warmup_steps == 5000 and training.steps == 100_000
    assert (config.model.num_layers, config.model.hidden_size) == (12, 768)
    assert "contrastive" not in config.tasks
    assert SCALES["paper"].records["backbone"] == "resnet50"


@pytest.mark.parametrize("task", ["category", "subcategory", "retrieval", "caption"])
def test_the_papers_scale_is_fine_tuned_as_the_authors_do(task):
    config = finetuning_config(SCALES["paper"], task)
    training = config.training
    assert (training.learning_rate, training.weight_decay) == (2e-5, 0.0)
    # Four GPUs x 64 pairs, 20 epochs of 260,490, a tenth of it warm-up.
    assert config.data.batch_size == 256 and training.decay == "linear"
    assert training.steps == 20350 and training.warmup_steps == 2035
    assert training.rates["classifier"] == training.rates["copying"] == 1.0
    assert not config.closed_forms


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("task", TASKS)
def test_flags_say_the_whole_fine_tuning(scale, task, monkeypatch):
    arguments = finetuning_arguments(SCALES[scale], task)
    wanted = finetuning_config(SCALES[scale], task)
    assert f"--task={wanted.task}" in arguments and "--noclosed_forms" in arguments
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values)
    argv = ["finetune", f"--config={finetune.__file__}:{wanted.task}"]
    argv += [argument for argument in arguments if argument.startswith("--config.")]
    # Where the library looks for the fields.
    monkeypatch.setattr(sys, "argv", argv)
    values(argv)
    given = {**values.config.to_dict(), "closed_forms": False}
    assert FinetuningConfig.from_dict(given) == wanted


def test_rows_that_are_one_model_are_trained_once():
    for scale in SCALES.values():
        first = {row: first_equal(scale, row) for row in ROWS.values()}
        other = {row.name: one.name for row, one in first.items() if one != row}
        # Patches, masks and tasks make a difference; the paper's FashionBERT is BERT.
        there = {"scale-fixed": "FashionBERT"} if scale is SCALES["paper"] else {}
        assert other == there


def test_a_configuration_file_gives_each_row():
    config = paper.get_config("smoke/b_v")
    assert set(config.tasks) == {"itm", "mlm", "blank", "contrastive", "fusion"}
    for argument, what in (("huge/b", "the scale"), ("smoke/c", "the row")):
        with pytest.raises(ValueError, match=what):
            paper.get_config(argument)
