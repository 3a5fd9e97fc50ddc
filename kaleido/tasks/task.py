"""What every downstream task has: data, loss, and what it says of a split."""

from __future__ import annotations

import dataclasses
import functools
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Sequence,
    Tuple,
)

import numpy as np
import tensorflow as tf

from kaleido import corruption, inference, input_pipeline
from kaleido.config import Config
from kaleido.evenly import stride
from kaleido.finetuning_config import FinetuningConfig
from kaleido.layers.heads import level_means
from kaleido.models import Networks
from kaleido.pools import audited_pairs
from kaleido.records import STRING_FIELDS, RecordSet
from kaleido.trainer import Trainer

# Examples that are read together in an evaluation.
_BATCH = 64
# Training examples that baselines learn from: a million would fill the memory.
_MOST_FOR_BASELINES = 50_000

# How a page says what these have learnt from.
BASELINES_KNOW = " Baselines know {} examples of training."

Batch = Dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a task says of a split.

    Attributes:
        rows: figures by row of the table; the model's own first.
        settings: what else a reader must know, e.g. what the leak audit removed.
        outcomes: arrays [examples] for paired comparisons, `ids` and `products`, keys
            of the products, among them.
        page: HTML.
        cases: see `cases.choose_cases`.
    """

    rows: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    outcomes: Mapping[str, np.ndarray]
    page: str
    cases: Sequence[Mapping[str, Any]]


class Task(Trainer):
    """A task on top of the networks; subclasses give head, loss and evaluation.

    Args:
        networks: with the weights that fine-tuning begins from.
        config: the fine-tuning.
        run: the configuration of the pre-training that made the networks.
        records: what is trained and evaluated on.
        weights: see `Trainer`.
    """

    # Figures of validation whose mean chooses the weights; whether more is better.
    chosen_by: Tuple[Sequence[str], bool] = (["val_loss"], False)

    def __init__(
        self,
        networks: Networks,
        config: FinetuningConfig,
        run: Config,
        records: RecordSet,
        weights: Mapping[str, float],
    ):
        super().__init__(weights)
        self.networks = networks
        self.joint = networks.joint
        self.text = networks.text
        self.image = networks.image
        self.config = config
        self.run = run
        self.records = records
        # An audit reads all of training.
        self._audited = functools.lru_cache(
            functools.partial(require_unseen, records)
        )

    @property
    def saved(self) -> Dict[str, tf.Module]:
        return {"joint": self.joint, "text": self.text, "image": self.image}

    @property
    def notes(self) -> Dict[str, np.ndarray]:
        """What an export must know of the task beside its weights."""
        return {}

    def preparation(self, with_strings: bool = False) -> input_pipeline.Prepare:
        """Returns what turns serialised examples into a batch of the task."""
        clean = input_pipeline.cleaned(
            self.records, self.run.model.positions, with_strings=True
        )
        lengths = self.config.data.text_lengths

        def prepare(serialized, epoch):
            batch = self.add_targets(clean(serialized, epoch))
            # Strings stay on the host: no accelerator holds them.
            return {
                name: value
                for name, value in corruption.trim_texts(batch, lengths).items()
                if with_strings or name not in STRING_FIELDS
            }

        return prepare

    def add_targets(self, batch: Batch) -> Batch:
        """Adds what the loss wants to a clean batch that holds the strings."""
        return batch

    def begin_as_probe(self) -> None:
        """Begins with what fits the networks' states before they are trained."""

    def begin_with(self, head: Mapping[str, np.ndarray]) -> None:
        """Begins with what a converted run has learnt for the task on top.

        Args:
            head: arrays, see `workdir.read_head`.
        """
        raise NotImplementedError

    def settle(self) -> bool:
        """Chooses on validation what is not trained, once training has ended.

        Returns:
            Whether it has changed a part of `saved`.
        """
        return False

    @classmethod
    def check_split(cls, task: str, records: RecordSet, split: str) -> None:
        """Says before anything is trained that a split cannot be evaluated.

        Args:
            task: of `finetuning_config.TASKS`.
            records: the records.
            split: one that they have.

        Raises:
            ValueError: if training has seen all of it, or it has nothing to measure.
            ImportError: if what scores it is not installed.
        """
        require_unseen(records, split)

    def evaluate_split(self, split: str, baselines: bool = True) -> Outcome:
        """Returns figures, outcomes and the page of a split.

        What training has seen, too, is left out (`leak_audit`).

        Args:
            split: what is measured.
            baselines: whether what the task stands beside is measured, too.
        """
        raise NotImplementedError

    def read(self, split: str, every: int = 1) -> Iterator[Batch]:
        """Yields `input_pipeline.stored_batches` of a split, with their strings."""
        return iter(
            input_pipeline.stored_batches(
                self.records, split, _BATCH, self.preparation(with_strings=True), every
            )
        )

    def level_means(self, batch: Batch) -> tf.Tensor:
        """Returns what baselines see of pictures, see `heads.level_means`."""
        levels = self.records.spec.patch_layout.levels
        return level_means(batch["patch_features"], levels, levels)

    def read_for_baselines(
        self, split: str, most: int | None = None
    ) -> Iterator[Batch]:
        """Yields what baselines learn from: of a large split a part, evenly.

        Beside what `read` yields, `level_means` of the frozen features. Validation,
        which chooses, comes without what training has seen.

        Args:
            split: of the records.
            most: examples, about; by default as many as memory holds.
        """
        every = stride(self.records.counts[split], most or _MOST_FOR_BASELINES)
        for batch in self.read(split, every):
            if split != "train":
                ids = [name.decode("utf-8") for name in batch["image_id"].numpy()]
                rows, _ = self.without_leaks(split, ids)
                batch = {k: tf.gather(values, rows) for k, values in batch.items()}
            yield {**batch, "level_means": self.level_means(batch)}

    def leaks(self, split: str) -> List[str]:
        """Returns the ids of a split's pictures that training has seen."""
        unseen, _ = self._audited(split)
        ids = inference.load_ids_and_keys(self.records, split)["image_ids"]
        return [name for name in ids if name not in unseen]

    def padded(self, batch: Batch) -> Batch:
        """Returns a batch whose texts are as long as records hold: those that are read
        are as long as the longest of a batch."""
        short = self.records.spec.max_tokens - tf.shape(batch["token_ids"])[1]
        return {**batch, "token_ids": tf.pad(batch["token_ids"], [[0, 0], [0, short]])}

    def without_leaks(
        self, split: str, image_ids: Sequence[str]
    ) -> Tuple[np.ndarray, Dict[str, int]]:
        """Returns the rows that training has not seen, int [n], and the counts.

        Raises:
            ValueError: if training has seen all of the split.
        """
        unseen, counts = self._audited(split)
        rows = np.array([i for i, name in enumerate(image_ids) if name in unseen], int)
        return rows, counts


def require_unseen(
    records: RecordSet, split: str
) -> Tuple[FrozenSet[str], Dict[str, int]]:
    """Returns the ids that training has not seen, and the counts of the audit."""
    left, counts = audited_pairs(records, split)
    if not left["image_ids"]:
        raise ValueError(
            f"Every example of the {split} split is one of training, too: there is "
            f"nothing to evaluate. Received: {counts}"
        )
    return frozenset(left["image_ids"]), counts


class Collected:
    """Columns of a split, batch by batch, and as whole arrays at the end."""

    def __init__(self) -> None:
        self._parts: Dict[str, List[np.ndarray]] = {}

    @classmethod
    def of(cls, batches: Iterable[Batch], names: Sequence[str]) -> "Collected":
        """Reads batches to their end, and keeps some columns."""
        collected = cls()
        for batch in batches:
            collected.add({name: batch[name] for name in names})
        return collected

    def add(self, columns: Mapping[str, Any]) -> None:
        """Adds rows to each column."""
        for name, values in columns.items():
            self._parts.setdefault(name, []).append(np.asarray(values))

    @property
    def names(self) -> List[str]:
        """The columns, in the order they were added in."""
        return list(self._parts)

    def __getitem__(self, name: str) -> np.ndarray:
        # Joined once: a large split's column is gigabytes.
        self._parts[name] = [np.concatenate(self._parts[name])]
        return self._parts[name][0]

    def strings(self, name: str) -> List[str]:
        """Returns a column of UTF-8 strings."""
        return [value.decode("utf-8") for value in self[name]]

    def examples(self) -> List[Dict[str, Any]]:
        """Returns what pages show of each row."""
        columns = zip(
            self.strings("image_id"), self.strings("text"), self["thumbnail"]
        )
        return [
            {"image_id": image_id, "text": text, "thumbnail": bytes(thumbnail)}
            for image_id, text, thumbnail in columns
        ]


def picked(values: Sequence[Any], rows: np.ndarray) -> List[Any]:
    """Returns some of a list's items."""
    return [values[row] for row in rows]
