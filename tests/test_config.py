"""A wrong configuration is refused by name; presets say what they are named for."""

import dataclasses

import pytest

from kaleido import config as configs
from kaleido import presets


@pytest.mark.parametrize("name", sorted(presets.PRESETS))
def test_presets_survive_a_round_trip(name):
    preset = presets.preset(name)
    assert configs.Config.from_dict(preset.to_dict()) == preset
    # What a configuration file returns: tuples may have become lists.
    edited = preset.to_config_dict()
    assert configs.Config.from_dict(edited.to_dict()) == preset
    edited.data.text_lengths = [16, 32]
    edited.training.seed = 7
    changed = configs.Config.from_dict(edited.to_dict())
    assert changed.data.text_lengths == (16, 32)
    assert changed == dataclasses.replace(
        preset,
        data=dataclasses.replace(preset.data, text_lengths=(16, 32)),
        training=dataclasses.replace(preset.training, seed=7),
    )


def test_an_unknown_preset_is_named():
    with pytest.raises(ValueError, match="paper.*'huge'"):
        presets.preset("huge")


@pytest.mark.parametrize("section", ["model", "data", "training"])
def test_unknown_fields_are_named(section):
    values = presets.preset("paper").to_dict()
    values[section]["learnign_rate"] = 1
    with pytest.raises(ValueError, match="learnign_rate"):
        configs.Config.from_dict(values)


def test_unknown_sections_and_tasks_are_named():
    values = presets.preset("paper").to_dict()
    with pytest.raises(ValueError, match="modle"):
        configs.Config.from_dict({**values, "modle": {}})
    with pytest.raises(ValueError, match="sudoku"):
        configs.Config.from_dict({**values, "tasks": {"sudoku": {"weight": 1.0}}})
    with pytest.raises(ValueError, match="start"):
        configs.Config.from_dict({**values, "tasks": {"itm": {"start": 1}}})


@pytest.mark.parametrize(
    "cls, values",
    [
        (configs.ModelConfig, {"gelu": "swish"}),
        (configs.ModelConfig, {"projection": "none"}),
        (configs.ModelConfig, {"positions": "inches"}),
        (configs.ModelConfig, {"match_units": 3}),
        (configs.ModelConfig, {"hidden_size": 100, "num_heads": 12}),
        (configs.DataConfig, {"batch_size": 1}),
        (configs.DataConfig, {"batch_size": 20, "group_size": 16}),
        (configs.TrainingConfig, {"decay": "square"}),
        (configs.TrainingConfig, {"steps": -1}),
        (configs.ModelConfig, {"word_size": 8}),
        (configs.TrainingConfig, {"precision": "int8"}),
    ],
)
def test_impossible_values_are_named_with_what_was_received(cls, values):
    with pytest.raises(ValueError) as error:
        cls(**values)
    for name, value in values.items():
        assert name in str(error.value) and str(value) in str(error.value)


def test_a_similarity_path_without_its_passes_is_refused():
    small = presets.preset("small")
    training = dataclasses.replace(small.training, mined_negatives=0.0)
    with pytest.raises(ValueError, match="similarity_path.*mined_negatives=0"):
        dataclasses.replace(small, training=training)


def test_a_task_without_its_head_is_refused():
    small = presets.preset("small")
    model = dataclasses.replace(small.model, fusion=False)
    with pytest.raises(ValueError, match="`fusion` needs its head.*fusion=False"):
        dataclasses.replace(small, model=model)


def test_a_task_without_weight_takes_no_part():
    paper = presets.preset("paper")
    assert tuple(paper.active_tasks()) == configs.PAPER_TASKS
    tasks = {**paper.tasks, "jigsaw": configs.TaskConfig(weight=0.0)}
    del tasks["grey"]
    active = dataclasses.replace(paper, tasks=tasks).active_tasks()
    assert tuple(active) == ("mlm", "itm", "rotation", "camouflage", "blank")


def test_the_paper_preset_is_the_papers():
    """Section 4.1: BERT-base, Adam, 2e-5, weight decay 1e-4, warm-up 5,000."""
    paper = presets.preset("paper")
    model, training = paper.model, paper.training
    assert (model.num_layers, model.hidden_size, model.num_heads) == (12, 768, 12)
    assert (model.projection, model.match_units) == ("shared", 1)
    assert model.shortcut_levels == ()
    assert not model.similarity_path and not model.patch_paths
    assert training.learning_rate == 2e-5 and training.weight_decay == 1e-4
    assert training.warmup_steps == 5000 and not training.aux_loss_on_negatives
    assert not training.ridge_warm_start and training.mined_negatives == 0
    assert paper.data.swap_share == 0.5 and "contrastive" not in paper.tasks


def test_the_released_preset_is_the_authors_code():
    released = presets.preset("released")
    model, training = released.model, released.training
    assert (model.num_layers, model.hidden_size, model.num_heads) == (12, 768, 12)
    assert model.gelu == "tanh" and model.projection == "per_level"
    assert model.positions == "pixels" and model.match_units == 2
    assert training.learning_rate == 1e-4 and training.decay == "linear"
    assert training.weight_decay == 0 and training.clip_norm == 1.0
    assert (training.beta_2, training.epsilon) == (0.98, 1e-6)
    assert training.aux_loss_on_negatives
    assert released.data.batch_size == 4 * 64
    # 25 epochs of Fashion-Gen's 260,490 training pairs; a tenth to warm up.
    assert abs(training.steps - 25 * 260_490 / 256) <= 1
    assert abs(training.warmup_steps - training.steps / 10) <= 1
    assert tuple(released.active_tasks()) == configs.PAPER_TASKS


def test_the_fashionbert_preset_has_its_three_tasks():
    active = presets.preset("fashionbert").active_tasks()
    assert tuple(active) == ("mlm", "itm", "blank")
