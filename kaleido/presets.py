"""Named configurations.

An experiment starts from one (`preset("small").to_config_dict()`), changes fields,
and `Config.from_dict` checks the result.
"""

from __future__ import annotations

import dataclasses
from typing import Dict

from ml_collections import ConfigDict

from kaleido.config import (
    CLOSED_FORMS,
    PAPER_TASKS,
    TASKS,
    Config,
    DataConfig,
    ModelConfig,
    TaskConfig,
    TrainingConfig,
)


def _tasks(names) -> Dict[str, TaskConfig]:
    return {name: TaskConfig() for name in names}


def _small() -> Config:
    """MiniLM-sized; begins from packaged weights and closed forms.

    The recipe for a catalogue of some thousand products: contrastive
    alignment first, matching on top of it with mined negatives.
    """
    return Config(
        model=ModelConfig(
            hidden_size=384, num_layers=6, num_heads=12, intermediate_size=1536,
            contrastive_size=384, shortcut_levels=(1, 2, 3, 4, 5), similarity_path=True,
            patch_paths=True, feature_norm=True, fusion=True,
            shortcut_dropout=0.2, patch_dropout=0.3, word_dropout=0.2, word_size=512,
        ),
        data=DataConfig(batch_size=64, group_size=16),
        training=TrainingConfig(
            steps=400, learning_rate=1e-4, warmup_steps=40, init="minilm",
            precision="auto", ridge_warm_start=True, mined_negatives=0.7,
            # The picture's own tasks do not mind the text; twice the targets.
            aux_loss_on_negatives=True,
            rates={
                **{name: 0.01 for name in CLOSED_FORMS},
                "rotation": 5.0, "jigsaw": 5.0, "mlm": 5.0,
                "mlm_bias": 5.0, "itm": 5.0, "fusion": 5.0, "pooler": 5.0,
                # It sums some thousand features, and Adam's steps add up: at five
                # times the rate patches had few directions left, and grey to colour
                # was right for .10 on Myntra's validation after 200 steps of all
                # tasks; so it is for .27 after 60.
                "patch_embedding": 0.2,
            },
        ),
        tasks=_tasks(TASKS),
    )


def _tiny() -> Config:
    """For tests: every part of `small`, at the least size."""
    small = _small()
    return dataclasses.replace(
        small,
        model=dataclasses.replace(
            small.model, hidden_size=32, num_layers=2, num_heads=4,
            intermediate_size=64, contrastive_size=32, max_text_positions=64,
            word_size=8,
        ),
        data=dataclasses.replace(small.data, batch_size=8, group_size=4),
        training=dataclasses.replace(
            small.training, steps=4, warmup_steps=1, eval_every=2, init="random",
            precision="float32",
        ),
    )


def _base() -> Config:
    """BERT-base with the extensions of `small`, for GPUs and large catalogues."""
    small = _small()
    return dataclasses.replace(
        small,
        model=dataclasses.replace(
            small.model, hidden_size=768, num_layers=12, intermediate_size=3072,
            contrastive_size=256, word_size=0,
        ),
        data=dataclasses.replace(small.data, batch_size=256),
        training=dataclasses.replace(
            small.training, steps=100_000, learning_rate=5e-5, warmup_steps=5000,
            init="random", ridge_warm_start=False, eval_every=2000,
        ),
    )


def _paper() -> Config:
    """The paper, section 4.1: BERT-base, Adam 2e-5, decay 1e-4, warm-up 5,000."""
    return Config(
        model=ModelConfig(),
        data=DataConfig(batch_size=64),
        training=TrainingConfig(
            steps=100_000, learning_rate=2e-5, warmup_steps=5000, decay="linear",
            weight_decay=1e-4, eval_every=2000,
        ),
        tasks=_tasks(PAPER_TASKS),
    )


def _released() -> Config:
    """The authors' code, where it differs from the paper."""
    return Config(
        model=ModelConfig(
            gelu="tanh", projection="per_level", positions="pixels", match_units=2,
        ),
        # 4 GPUs x 64; 25 epochs of 260,490 pairs.
        data=DataConfig(batch_size=256),
        training=TrainingConfig(
            steps=25_438, learning_rate=1e-4, warmup_steps=2544, decay="linear",
            weight_decay=0.0, beta_2=0.98, epsilon=1e-6, clip_norm=1.0,
            aux_loss_on_negatives=True, eval_every=1000,
        ),
        tasks=_tasks(PAPER_TASKS),
    )


def _fashionbert() -> Config:
    """FashionBERT: records of layout `grid8`, random masking, three tasks."""
    paper = _paper()
    return dataclasses.replace(
        paper,
        data=dataclasses.replace(paper.data, layout="grid8"),
        tasks=_tasks(("mlm", "itm", "blank")),
    )


def alignment_first(config: ConfigDict, steps: int) -> None:
    """Lets an editable configuration learn contrastive alignment alone for some steps,
    each at a third of the cost of a step of all tasks."""
    for task in config.tasks:
        if task != "contrastive":
            config.tasks[task].start_step = steps


def fashionbert_sized(config: Config) -> Config:
    """Returns FashionBERT at the size and with the optimisation of a configuration.

    It begins from the same text encoder, and has neither closed forms nor a
    contrastive view.
    """
    fashionbert = _fashionbert()
    taken = (
        "feature_norm", "hidden_size", "num_layers", "num_heads", "intermediate_size",
        "max_text_positions",
    )
    rated = ("mlm", "mlm_bias", "itm", "patch_embedding")
    return dataclasses.replace(
        fashionbert,
        model=dataclasses.replace(
            fashionbert.model, **{name: getattr(config.model, name) for name in taken}
        ),
        data=dataclasses.replace(config.data, layout=fashionbert.data.layout),
        training=dataclasses.replace(
            config.training, ridge_warm_start=False, mined_negatives=0.0,
            aux_loss_on_negatives=False,
            rates={
                name: rate for name, rate in config.training.rates.items()
                if name in rated
            },
        ),
    )


def _two_tower() -> Config:
    """A plain two-tower model: `small`'s text encoder, a projection of pictures.

    Contrastive loss alone, no closed form.
    """
    small = _small()
    return dataclasses.replace(
        small,
        model=dataclasses.replace(
            small.model, image_tower="projection", shortcut_levels=(), word_size=0,
            similarity_path=False, fusion=False,
        ),
        training=dataclasses.replace(
            small.training, ridge_warm_start=False, mined_negatives=0.0,
            rates={"image_tower": 5.0, "image_projection": 5.0},
        ),
        tasks=_tasks(("contrastive",)),
    )


PRESETS = {
    "tiny": _tiny,
    "small": _small,
    "base": _base,
    "paper": _paper,
    "released": _released,
    "fashionbert": _fashionbert,
    "two_tower": _two_tower,
}


def preset(name: str) -> Config:
    """Returns a named configuration.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in PRESETS:
        raise ValueError(
            f"The preset must be one of {sorted(PRESETS)}. Received: {name!r}"
        )
    return PRESETS[name]()
