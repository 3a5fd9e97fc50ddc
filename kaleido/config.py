"""Frozen configurations of a pre-training, checked as they are built.

An experiment starts from a preset (`presets.py`) and changes fields.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Sequence

from ml_collections import ConfigDict

# The paper's seven pre-training tasks, then ours.
PAPER_TASKS = ("mlm", "itm", "rotation", "jigsaw", "camouflage", "grey", "blank")
TASKS = PAPER_TASKS + ("contrastive", "fusion")


# Layers that may begin as closed forms, and then want short steps.
CLOSED_FORMS = ("shortcut", "word_shortcut")


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes and variants of the network.

    Attributes:
        hidden_size, num_layers, num_heads, intermediate_size: of the encoder.
        dropout, attention_dropout: rates in training.
        gelu: `exact` or `tanh` (the authors' code).
        projection: `shared` (the paper: one projection of features, one of
            positions, a modality embedding) or `per_level` (the authors' code:
            a projection, a type table and a LayerNorm for each level).
        feature_norm: whether patch features are brought to zero mean and unit variance
            first, see `embeddings.FeatureNorm`.
        positions: `normalized` or `pixels`, see `patches.patch_positions`.
        match_units: 1 for a sigmoid (the paper), 2 for a softmax (the authors').
        max_text_positions: rows of the position table.
        segment_rows: rows of the text's segment table.
        patch_type_rows: rows of each level's type table, where `per_level`.
        contrastive_size: length of the contrastive vectors.
        shortcut_levels: levels whose mean features reach the contrastive image
            vector past the encoder by a linear map; empty for none.
        word_size: length of the part of the contrastive vectors that says which words
            a text has, and a picture's map to it from its shortcut levels; 0 for none.
        image_tower: what the contrastive image vector is of: the patches through the
            `encoder`, or a `projection` of their mean features (a two-tower model, as
            CLIP with a frozen picture network; for comparison).
        shortcut_dropout: rate on the features of that path in training.
        patch_dropout, word_dropout: shares of patches and words that the
            single-modality passes do not see in training.
        fusion: whether there is a head of the task `fusion`, see `heads.FusionHead`.
        similarity_path: see `heads.MatchHead`; needs mined negatives.
        patch_paths: lets the heads of camouflage and blank-to-colour see what
            an encoder learns to look up on a large catalogue only, see
            `heads.LevelClassifier` and `heads.AddSurroundings`.
    """

    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    intermediate_size: int = 3072
    dropout: float = 0.1
    attention_dropout: float = 0.1
    gelu: str = "exact"
    projection: str = "shared"
    positions: str = "normalized"
    match_units: int = 1
    max_text_positions: int = 512
    segment_rows: int = 2
    patch_type_rows: int = 2
    contrastive_size: int = 256
    shortcut_levels: tuple = ()
    word_size: int = 0
    image_tower: str = "encoder"
    shortcut_dropout: float = 0.0
    patch_dropout: float = 0.0
    word_dropout: float = 0.0
    fusion: bool = False
    similarity_path: bool = False
    feature_norm: bool = False
    patch_paths: bool = False

    def __post_init__(self):
        check_choice("gelu", self.gelu, ("exact", "tanh"))
        check_choice("projection", self.projection, ("shared", "per_level"))
        check_choice("positions", self.positions, ("normalized", "pixels"))
        check_choice("match_units", self.match_units, (1, 2))
        check_choice("image_tower", self.image_tower, ("encoder", "projection"))
        for name in ("hidden_size", "num_layers", "num_heads", "intermediate_size"):
            _check_positive(name, getattr(self, name))
        if self.word_size and not self.shortcut_levels:
            raise ValueError(
                "`word_size` needs `shortcut_levels`, which a picture's words are "
                f"mapped from. Received: word_size={self.word_size}"
            )
        if self.hidden_size % self.num_heads:
            raise ValueError(
                "`hidden_size` must be a multiple of `num_heads`. Received: "
                f"hidden_size={self.hidden_size}, num_heads={self.num_heads}"
            )


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """When a task takes part, and how much it counts.

    Attributes:
        weight: factor of its loss; 0 leaves the task out.
        start_step: first step at which it counts.
    """

    weight: float = 1.0
    start_step: int = 0


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """How batches are drawn.

    Attributes:
        batch_size: examples of a global batch.
        swap_share: share of pairs whose text is another product's.
        group_size: products of one sub-category that stand together in a
            batch; 1 draws batches at random.
        shuffle_buffer: examples among which a batch is drawn.
        text_lengths: lengths a batch of texts may have, ascending; the last is
            the records' own, and is added if missing.
        random_plans: draws a mask plan at each visit; else always the first
            (static masking).
        layout: the layout that the records must have; empty for any.
    """

    batch_size: int = 64
    swap_share: float = 0.5
    group_size: int = 1
    shuffle_buffer: int = 4096
    text_lengths: tuple = (32, 48, 64)
    random_plans: bool = True
    layout: str = ""

    def __post_init__(self):
        _check_positive("group_size", self.group_size)
        _check_positive("shuffle_buffer", self.shuffle_buffer)
        if self.batch_size < 2 or self.batch_size % self.group_size:
            raise ValueError(
                "`batch_size` must be at least 2 and a multiple of `group_size`. "
                f"Received: batch_size={self.batch_size}, "
                f"group_size={self.group_size}"
            )


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """The optimisation.

    Attributes:
        steps: training steps; 0 measures what a fine-tuning would begin with.
        learning_rate: its peak.
        rates: multiples of the learning rate by layer name, see
            `optimizers.RatedAdamW`.
        warmup_steps: steps of linear warm-up.
        decay: `linear`, `cosine` (to zero at `steps`) or `constant`.
        weight_decay, beta_2, epsilon: of AdamW.
        clip_norm: bound on the global gradient norm; 0 for none.
        precision: Keras policy: float32, mixed_bfloat16, mixed_float16; or auto, see
            `precision.set_precision`.
        init: starting weights: `minilm` (packaged text encoder), `random`, or a local
            folder, see `interop.starting_weights`.
        ridge_warm_start: begins from closed forms (`warm_start.py`).
        mined_negatives: swapped texts are the most similar wrong ones of the
            batch by the contrastive view, for this share of the swaps.
        aux_loss_on_negatives: counts the other tasks on swapped pairs too.
        eval_every: steps between two validations.
        seed: of everything random.
    """

    steps: int = 1000
    learning_rate: float = 1e-4
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    warmup_steps: int = 100
    decay: str = "cosine"
    weight_decay: float = 0.01
    beta_2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float = 1.0
    precision: str = "float32"
    init: str = "random"
    ridge_warm_start: bool = False
    mined_negatives: float = 0.0
    aux_loss_on_negatives: bool = False
    eval_every: int = 200
    seed: int = 0

    def __post_init__(self):
        for name in ("eval_every", "learning_rate"):
            _check_positive(name, getattr(self, name))
        if self.steps < 0:
            raise ValueError(f"`steps` must not be negative. Received: {self.steps}")
        check_choice("decay", self.decay, ("linear", "cosine", "constant"))
        check_choice(
            "precision", self.precision,
            ("auto", "float32", "mixed_bfloat16", "mixed_float16"),
        )


class Editable:
    """A frozen configuration that files change by way of dictionaries."""

    def to_config_dict(self) -> ConfigDict:
        """Returns an editable copy for a configuration file."""
        return ConfigDict(self.to_dict())

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain nested dictionaries."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Config(Editable):
    """All of a pre-training run but its records.

    Attributes:
        model, data, training: see there.
        tasks: by name; a task that is absent does not take part.
    """

    model: ModelConfig
    data: DataConfig
    training: TrainingConfig
    tasks: Mapping[str, TaskConfig]

    def __post_init__(self):
        for name in self.tasks:
            check_choice("tasks", name, TASKS)
        if self.model.similarity_path and not self.training.mined_negatives:
            raise ValueError(
                "`similarity_path` needs the contrastive passes that "
                "`mined_negatives` makes. Received: mined_negatives=0"
            )
        if "fusion" in self.active_tasks() and not self.model.fusion:
            raise ValueError(
                "The task `fusion` needs its head. Received: model.fusion=False"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Config":
        """Builds and checks a configuration.

        Raises:
            ValueError: if a field is unknown or has an impossible value.
        """
        unknown = set(values) - {f.name for f in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"Unknown configuration sections: {sorted(unknown)}")
        return cls(
            model=build_section(ModelConfig, values["model"]),
            data=build_section(DataConfig, values["data"]),
            training=build_section(TrainingConfig, values["training"]),
            tasks={
                name: build_section(TaskConfig, task)
                for name, task in values["tasks"].items()
            },
        )

    def active_tasks(self) -> Dict[str, TaskConfig]:
        """The tasks that count, in the order of `TASKS`."""
        return {
            name: self.tasks[name]
            for name in TASKS
            if name in self.tasks and self.tasks[name].weight > 0
        }


def _check_positive(name, value):
    if not value > 0:
        raise ValueError(f"`{name}` must be positive. Received: {name}={value!r}")


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raises a ValueError that names the field, if a value is none of the choices."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {choices}. Received: {value!r}")


def build_section(cls, values: Mapping[str, Any]):
    """Builds a dataclass from a mapping; an unknown field is a ValueError."""
    known = {f.name for f in dataclasses.fields(cls)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(
            f"{cls.__name__} has no fields {sorted(unknown)}; it has {sorted(known)}"
        )
    fixed = {k: tuple(v) if isinstance(v, (list, tuple)) else v
             for k, v in values.items()}
    return cls(**fixed)
