"""Configuration of a fine-tuning, and what each task starts from."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping

from kaleido.config import (
    CLOSED_FORMS,
    Config,
    DataConfig,
    Editable,
    TrainingConfig,
    build_section,
    check_choice,
)

CLASSIFICATION_TASKS = ("category", "subcategory")
RETRIEVAL_TASKS = ("itr", "tir")
TASKS = (*RETRIEVAL_TASKS, *CLASSIFICATION_TASKS, "caption")

# Where the networks' weights come from: a pre-training; what that run began with, the
# text encoder and closed forms; the text encoder alone; or nothing.
STARTS = ("pretrained", "closed_forms", "text", "random")
# What a classifier sees, and its answer to classes of unlike sizes.
INPUTS = ("both", "text", "picture")
BALANCES = ("none", "logits")
# What a caption may copy from: nothing, as in the paper, or the text of the most
# similar picture of training.
CONTEXTS = ("none", "nearest")
# Fields that tell fine-tunings of a task apart; flags set them, results name them.
RECIPE = ("start", "inputs", "balance", "context", "closed_forms", "probe")
# Beams of captions that are measured and served, and their row of figures.
BEAMS = 4
BEAM_ROW = f"beam_{BEAMS}"

# What begins as a linear probe loses at higher rates what it knows: Myntra's
# sub-categories from both inputs, validation, after 25 steps: .894 with 1e-4, .862 with
# 2.5e-4. Captions begin with less: those of the rendered catalogue have 3.12 nats a
# piece after 60 steps with 1e-4, and 1.84 with 5e-4.
_RATE, _CAPTIONS_RATE = 1e-4, 5e-4


@dataclasses.dataclass(frozen=True)
class FinetuningConfig(Editable):
    """All of a fine-tuning but its records and the run that it begins from.

    Attributes:
        task: one of `TASKS`.
        data, training: see there; what is of pre-training alone is not read.
        start: one of `STARTS`.
        inputs: what a classifier sees: `both`, `text` or `picture`.
        balance: the classifier's answer to classes of unlike sizes: `none`, or
            `logits`, see `tasks.classification`.
        context: one of `CONTEXTS`, see `caption_context.py`.
        closed_forms: whether what closed forms know of pictures and words has a say in
            classes and captions, where the run began with such, see `class_map.py`
            and `word_evidence.py`; the paper's networks have none.
        probe: whether classifiers begin as linear probes of the [CLS] states, see
            `tasks.classification`, or at random, as in the paper.
        lists: wrong candidates of a list that the match head learns to rank, see
            `tasks.retrieval`.
    """

    task: str
    data: DataConfig
    training: TrainingConfig
    start: str = "pretrained"
    inputs: str = "both"
    balance: str = "none"
    context: str = "none"
    closed_forms: bool = True
    probe: bool = True
    lists: int = 3

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        check_choice("start", self.start, STARTS)
        check_choice("inputs", self.inputs, INPUTS)
        check_choice("balance", self.balance, BALANCES)
        check_choice("context", self.context, CONTEXTS)
        if self.inputs != "both" and self.task not in CLASSIFICATION_TASKS:
            raise ValueError(
                f"The task {self.task} needs texts and pictures. Received: "
                f"inputs={self.inputs!r}"
            )
        of_classes = (("balance", "none"), ("probe", True))
        for name, default in of_classes:
            value = getattr(self, name)
            if value != default and self.task not in CLASSIFICATION_TASKS:
                raise ValueError(
                    f"The task {self.task} has no classes. Received: {name}={value!r}"
                )
        if self.context != "none" and self.task != "caption":
            raise ValueError(
                f"The task {self.task} writes nothing. Received: "
                f"context={self.context!r}"
            )
        ranks = self.task in RETRIEVAL_TASKS
        if ranks and not 1 <= self.lists < self.data.batch_size:
            raise ValueError(
                "`lists` must be at least 1 and less than a batch. Received: "
                f"lists={self.lists}, batch_size={self.data.batch_size}"
            )

    def joins_closed_forms(self, run: Config) -> bool:
        """Whether closed forms have a say.

        A start from less is to show what less is worth.

        Args:
            run: the pre-training.
        """
        begun = self.start in ("pretrained", "closed_forms")
        return self.closed_forms and run.training.ridge_warm_start and begun

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "FinetuningConfig":
        """Builds and checks a configuration.

        Raises:
            ValueError: if a field is unknown or has an impossible value.
        """
        sections = {"data": DataConfig, "training": TrainingConfig}
        return build_section(
            cls,
            {
                name: build_section(sections[name], value)
                if name in sections else value
                for name, value in values.items()
            },
        )


def schedule(steps: int, looks: int) -> Dict[str, int]:
    """Returns the fields of `TrainingConfig` that go with a number of steps.

    Args:
        steps: of the training, of which a tenth is warm-up.
        looks: of validation, beside that before the first step.
    """
    return {
        "steps": steps, "warmup_steps": steps // 10,
        "eval_every": max(steps // looks, 1),
    }


def default_finetuning(task: str) -> FinetuningConfig:
    """Returns the configuration that a task starts from, for the `small` preset.

    Raises:
        ValueError: if there is no such task.
    """
    check_choice("task", task, TASKS)
    retrieval = task in RETRIEVAL_TASKS
    return FinetuningConfig(
        task=task,
        data=DataConfig(batch_size=64, group_size=16 if retrieval else 1),
        training=TrainingConfig(
            steps=600, learning_rate=_CAPTIONS_RATE if task == "caption" else _RATE,
            warmup_steps=60, eval_every=100, precision="auto",
            # Heads that begin from nothing, or as closed forms.
            rates={
                "classifier": 10.0, "copying": 30.0,
                **{name: 0.01 for name in CLOSED_FORMS},
            },
        ),
    )
