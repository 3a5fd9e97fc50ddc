"""How large the paper's experiments are run: minutes, a night, or as in the paper."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Mapping, Tuple

from kaleido.config import PAPER_TASKS, Config
from kaleido.files import flatten
from kaleido.finetuning_config import (
    CLASSIFICATION_TASKS,
    FinetuningConfig,
    default_finetuning,
    schedule,
)
from kaleido.paper.rows import ROWS, Row
from kaleido.presets import fashionbert_sized, preset

# Of fine-tuning; retrieval is of `itr`, whose run answers both ways.
TASKS = ("retrieval", "category", "subcategory", "caption")


@dataclasses.dataclass(frozen=True)
class Scale:
    """One size of all experiments.

    Attributes:
        catalog: flags of a catalogue for which none is named; empty if one must be.
        captioner, pretraining, finetuning: flags of these binaries.
        records: flags of `tfrecords.build` by name, those that rows share.
        preset: what ours begins from.
        steps: of pre-training.
        evaluations: validations on the way, which Figures 6 and 7 show.
        finetuning_steps: by task of `TASKS`; 0 measures a pre-training as it stands.
        finetuning_settings: other fields of `finetuning_config.TrainingConfig`.
        finetuning_batch: examples of a batch; None leaves the task's.
        batch_size, group_size, learning_rate: of pre-training; None leaves the
            preset's.
        whole_lists: queries of which the match head scores whole lists, at the most: of
            each 101 joint passes both ways, and where nothing else ranks five times
            as many, of all draws.
        seeds: of the trainings.
        probes: whether classifiers begin as linear probes; the paper's do not.
        begins_with_bert: whether weights must be named that pre-training begins with.
    """

    catalog: Tuple[str, ...]
    captioner: Tuple[str, ...]
    records: Mapping[str, Any]
    preset: str
    steps: int
    evaluations: int
    finetuning_steps: Mapping[str, int]
    finetuning_settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    finetuning_batch: int | None = None
    batch_size: int | None = None
    group_size: int | None = None
    learning_rate: float | None = None
    pretraining: Tuple[str, ...] = ()
    finetuning: Tuple[str, ...] = ()
    whole_lists: int = 0
    seeds: Tuple[str, ...] = ("0",)
    probes: bool = True
    begins_with_bert: bool = False


def _steps(retrieval: int, classes: int, caption: int) -> Mapping[str, int]:
    return dict(zip(TASKS, (retrieval, classes, classes, caption)))


def _records(crop_size: int, whole_crop_size: int, **more: str) -> Mapping[str, Any]:
    return {
        "backbone": "efficientnet_lite0_stages", "crop_size": crop_size,
        "whole_crop_size": whole_crop_size, "max_tokens": 64, **more,
    }


# The authors' scripts (github.com/mczhuge/Kaleido-BERT, run_cat.sh, run_subcat.sh):
# 20 epochs of 4 GPUs x 64 pairs, of the 260,490 of Fashion-Gen's training file.
_AUTHORS_BATCH = 4 * 64
_AUTHORS_STEPS = 20 * 260_490 // _AUTHORS_BATCH

SCALES: Mapping[str, Scale] = {
    # Whether everything runs; the figures mean nothing.
    "smoke": Scale(
        catalog=("--catalog=rendered", "--products=240", "--split_shares=0.5,0.2,0.3"),
        captioner=("--max_pairs=60", "--epochs=1"), records=_records(32, 64),
        preset="tiny", steps=4, evaluations=2, finetuning_steps=_steps(0, 2, 2),
        whole_lists=4,
    ),
    # The catalogue of quickstart, whose test split is a third.
    "small": Scale(
        catalog=(
            "--catalog=rendered", "--products=3300", "--split_shares=0.57,0.06,0.37",
        ),
        captioner=("--max_pairs=1200", "--epochs=6"), records=_records(48, 96),
        preset="small", steps=90, evaluations=3, finetuning_steps=_steps(0, 30, 40),
        batch_size=32, group_size=8, learning_rate=6e-4, whole_lists=120,
        seeds=("0", "1", "2"),
    ),
    # Section 4.1: Fashion-Gen, eight GPUs, BERT-base, ResNet-50.
    "paper": Scale(
        catalog=(), captioner=(),
        records=_records(64, 128, backbone="resnet50", backbone_weights="download"),
        preset="paper", steps=100_000, evaluations=50,
        # Of classes the authors' scripts; the paper gives no numbers of fine-tuning,
        # and retrieval and captions, of which there is no script, take the same.
        finetuning_steps=_steps(_AUTHORS_STEPS, _AUTHORS_STEPS, _AUTHORS_STEPS),
        finetuning_batch=_AUTHORS_BATCH,
        finetuning_settings={
            # kaleidobert_utils.py: Adam, no weight decay, a tenth of the steps is
            # warm-up (`schedule`); easytransfer decays the rate linearly.
            "learning_rate": 2e-5, "weight_decay": 0.0, "decay": "linear",
            # One rate for all: ours of heads that begin from nothing are a small
            # catalogue's.
            "rates": {"classifier": 1.0, "copying": 1.0},
            "precision": "float32",
        },
        pretraining=("--strategy=mirrored", "--jit_compile"),
        finetuning=("--strategy=mirrored", "--jit_compile"), whole_lists=1000,
        probes=False, begins_with_bert=True,
    ),
}


def finetuning_config(scale: Scale, task: str) -> FinetuningConfig:
    """Returns the configuration of a fine-tuning for a task of `TASKS`."""
    config = default_finetuning("itr" if task == "retrieval" else task)
    settings = {
        **schedule(scale.finetuning_steps[task], looks=6), **scale.finetuning_settings
    }
    rates = {**config.training.rates, **settings.get("rates", {})}
    has_classes = config.task in CLASSIFICATION_TASKS
    return dataclasses.replace(
        config,
        data=_replace(config.data, {"batch_size": scale.finetuning_batch}),
        training=_replace(config.training, {**settings, "rates": rates}),
        # The network's own.
        closed_forms=False, probe=scale.probes or not has_classes,
    )


def finetuning_arguments(scale: Scale, task: str) -> List[str]:
    """Returns the flags of `experiments.finetune` for a task of `TASKS`."""
    config = finetuning_config(scale, task)
    default = flatten(default_finetuning(config.task).to_dict())
    wanted = flatten(config.to_dict())
    return [f"--task={config.task}", "--noclosed_forms"] + [
        f"--config.{name}={value}" for name, value in wanted.items()
        if value != default[name] and name != "closed_forms"
    ]


def pretraining_config(scale: Scale, row: Row) -> Config:
    """Returns the configuration of a row's pre-training.

    The rows have one network, steps and batches, but for what they are about. Ours of
    `tiny` and `small` learns contrastive alignment and fusion beside the row's tasks: a
    catalogue of some thousand products is too small for the match head alone.
    """
    config = preset(scale.preset)
    data = {"batch_size": scale.batch_size, "group_size": scale.group_size}
    training = {
        "steps": scale.steps,
        "learning_rate": scale.learning_rate,
        "warmup_steps": min(config.training.warmup_steps, scale.steps // 5),
        "eval_every": max(scale.steps // scale.evaluations, 1),
    }
    config = dataclasses.replace(
        config,
        data=_replace(config.data, data),
        training=_replace(config.training, training),
    )
    if row.fashionbert:
        return fashionbert_sized(config)
    model = {}
    if row.layout == "grid8" and config.model.shortcut_levels:
        # The same shortcut, from the patches that there are.
        model["shortcut_levels"] = (8,)
    return dataclasses.replace(
        config,
        model=_replace(config.model, model),
        data=dataclasses.replace(config.data, layout=row.layout),
        tasks={
            name: task for name, task in config.tasks.items()
            if name in row.tasks or name not in PAPER_TASKS
        },
    )


def first_equal(scale: Scale, row: Row) -> Row:
    """Returns the first row whose pre-training is that of a row, or the row itself."""
    wanted = (row.records, pretraining_config(scale, row))
    return next(
        other for other in ROWS.values()
        if (other.records, pretraining_config(scale, other)) == wanted
    )


def _replace(section, values):
    """A section with those values that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    return dataclasses.replace(section, **given)
