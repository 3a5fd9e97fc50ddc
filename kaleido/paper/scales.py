"""How large the paper's experiments are run: minutes, a night, or as in the paper."""

from __future__ import annotations

import dataclasses
from typing import List, Mapping, Tuple

from kaleido.config import PAPER_TASKS, Config
from kaleido.finetuning_config import schedule
from kaleido.paper.rows import ROWS, Row
from kaleido.presets import fashionbert_sized, preset

# Of fine-tuning; retrieval is of `itr`, whose run answers both ways.
TASKS = ("retrieval", "category", "subcategory", "caption")


@dataclasses.dataclass(frozen=True)
class Scale:
    """One size of all experiments.

    Attributes:
        catalog: flags of a catalogue for which none is named; empty if one must be.
        captioner, records, pretraining, finetuning: flags of these binaries.
        preset: what ours begins from.
        steps: of pre-training.
        evaluations: validations on the way, which Figures 6 and 7 show.
        finetuning_steps: by task of `TASKS`; 0 measures a pre-training as it stands.
        finetuning_settings: other fields of `finetuning_config.TrainingConfig`.
        batch_size, group_size, learning_rate: of pre-training; None leaves the
            preset's.
        whole_lists: queries of which the match head scores whole lists; 0 for all.
        seeds: of the trainings.
        begins_with_bert: whether weights must be named that pre-training begins with.
    """

    catalog: Tuple[str, ...]
    captioner: Tuple[str, ...]
    records: Tuple[str, ...]
    preset: str
    steps: int
    evaluations: int
    finetuning_steps: Mapping[str, int]
    finetuning_settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    batch_size: int | None = None
    group_size: int | None = None
    learning_rate: float | None = None
    pretraining: Tuple[str, ...] = ()
    finetuning: Tuple[str, ...] = ()
    whole_lists: int = 0
    seeds: Tuple[str, ...] = ("0",)
    begins_with_bert: bool = False


def _steps(retrieval: int, classes: int, caption: int) -> Mapping[str, int]:
    return dict(zip(TASKS, (retrieval, classes, classes, caption)))


SCALES: Mapping[str, Scale] = {
    # Whether everything runs; the figures mean nothing.
    "smoke": Scale(
        catalog=("--catalog=rendered", "--products=240", "--split_shares=0.5,0.2,0.3"),
        captioner=("--max_pairs=60", "--epochs=1"),
        records=("--crop_size=32", "--whole_crop_size=64"),
        preset="tiny", steps=4, evaluations=2, finetuning_steps=_steps(0, 2, 2),
        whole_lists=4,
    ),
    # The catalogue of quickstart, whose test split is a third.
    "small": Scale(
        catalog=(
            "--catalog=rendered", "--products=3300", "--split_shares=0.57,0.06,0.37",
        ),
        captioner=("--max_pairs=1200", "--epochs=6"),
        records=("--crop_size=48", "--whole_crop_size=96"),
        preset="small", steps=90, evaluations=3, finetuning_steps=_steps(0, 30, 40),
        batch_size=32, group_size=8, learning_rate=6e-4, whole_lists=60,
        seeds=("0", "1", "2"),
    ),
    # Section 4.1: Fashion-Gen, eight GPUs, BERT-base, ResNet-50.
    "paper": Scale(
        catalog=(), captioner=(),
        records=(
            "--backbone=resnet50", "--backbone_weights=download",
        ),
        preset="paper", steps=100_000, evaluations=50,
        finetuning_steps=_steps(10_000, 10_000, 20_000),
        finetuning_settings={"learning_rate": "2e-5", "precision": "float32"},
        pretraining=("--strategy=mirrored", "--jit_compile"),
        finetuning=("--strategy=mirrored", "--jit_compile"), whole_lists=1000,
        begins_with_bert=True,
    ),
}


def finetuning_arguments(scale: Scale, task: str) -> List[str]:
    """Returns flags of `experiments.finetune` for a task of `TASKS`."""
    steps = schedule(scale.finetuning_steps[task], looks=6)
    settings = {**steps, **scale.finetuning_settings}
    return [f"--config.training.{name}={value}" for name, value in settings.items()]


def pretraining_config(scale: Scale, row: Row) -> Config:
    """Returns the configuration of a row's pre-training.

    The rows have one network, steps and batches, but for what they are about. Ours of
    `tiny` and `small` learns contrastive alignment beside the row's tasks: a catalogue
    of some thousand products is too small for the match head alone.
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
