"""A run's folder: configuration, checkpoints, metrics; opened again by its path."""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido.classifier import Classifier
from kaleido.config import Config
from kaleido.files import (
    differences,
    flatten,
    read_arrays,
    read_json,
    sha256_of,
    write_arrays,
    write_json,
)
from kaleido.finetuning_config import default_finetuning
from kaleido.models import Networks, networks_for
from kaleido.precision import set_precision
from kaleido.records import RecordSet, RecordSpec
from kaleido.text import Vocabulary


@dataclasses.dataclass(frozen=True)
class RunDescription:
    """What a run was made of.

    Attributes:
        config: the experiment.
        spec: of the records it was trained on.
        vocabulary: path of the word pieces, in the run's folder.
        records_content: fingerprint of the examples, `RecordSet.content`; empty of a
            run that was not trained here.
        ancestors: those of the runs that it began with.
    """

    config: Config
    spec: RecordSpec
    vocabulary: str
    records_content: str
    ancestors: Tuple[str, ...] = ()

    @property
    def trained_on(self) -> Tuple[str, ...]:
        """All examples that its weights have seen, each once, the last ones first."""
        return tuple(dict.fromkeys((self.records_content, *self.ancestors)))


def claim_workdir(
    directory: str, config: Config, records: RecordSet, ancestors: Sequence[str] = ()
) -> None:
    """Writes a run's description, or checks that a resumed run has the same.

    The number of steps may grow; nothing else may change, once the folder holds
    a checkpoint. What a start that failed has left there is removed.

    Args:
        directory: of the run.
        config: the experiment.
        records: what it is trained on.
        ancestors: `RunDescription.trained_on` of a run that it begins with.

    Raises:
        ValueError: if the folder holds another experiment; names what differs.
    """
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "config.json")
    content = {
        "config": config.to_dict(),
        "records": dataclasses.asdict(records.spec),
        "records_content": records.content,
        "ancestors": list(ancestors),
    }
    if not latest_checkpoint(directory):
        maps = ("ridge_map.npz", "ridge_map.json", "word_map.npz")
        for name in (*maps, "metrics.jsonl"):
            if os.path.exists(os.path.join(directory, name)):
                os.remove(os.path.join(directory, name))
        shutil.rmtree(best_folder(directory), ignore_errors=True)
    elif os.path.exists(path):
        found = read_run(directory)
        found.spec.check_equals(records.spec, directory)
        if found.records_content != records.content:
            raise ValueError(
                f"{directory} holds a run on other examples of the same kind than "
                f"{records.directory} has. Take another folder, or delete this one. "
                f"Received: {records.content} (there: {found.records_content})"
            )
        mine, theirs = flatten(config.to_dict()), flatten(found.config.to_dict())
        mine["training.steps"] = theirs["training.steps"]
        different = differences(theirs, mine)
        if different:
            raise ValueError(
                f"{directory} holds a run of another configuration. Take another "
                f"folder, or delete this one. {'; '.join(different)}"
            )
    write_json(path, content)
    records.vocabulary.save(os.path.join(directory, "vocab.txt"))


def weights_fingerprint(directory: str) -> str:
    """Returns a hash of the weights that a run is used with, 64 hexadecimal digits.

    That of the checkpoint's index, which holds a checksum of every tensor.

    Raises:
        ValueError: if there is no checkpoint.
    """
    return sha256_of(f"{chosen_checkpoint(directory)}.index")


def write_untrained(
    directory: str,
    config: Config,
    spec: RecordSpec,
    networks: Networks,
    vocabulary: Optional[Vocabulary],
    heads: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    """Writes a run that was not trained here, as one of step 0.

    With a classifier it is a fine-tuning for these classes, as ours are: it exports
    and publishes them, and nobody takes it for one whose heads still score pairs.

    Args:
        directory: receives it; must hold none.
        config: as if it had been.
        spec: of the records that it fits.
        networks: with their weights.
        vocabulary: the word pieces, where they are known.
        heads: arrays of a classifier by its task, of one at the most; see
            `released.read_classifiers`.

    Raises:
        ValueError: if the folder holds a run, or there is more than one classifier.
    """
    if len(heads) > 1:
        raise ValueError(
            f"A run is fine-tuned for one task. Received: classifiers {sorted(heads)}"
        )
    path = os.path.join(directory, "config.json")
    if os.path.exists(path):
        raise ValueError(f"{directory} holds a run. Take another folder.")
    os.makedirs(directory, exist_ok=True)
    parts = {
        "joint": networks.joint, "text": networks.text, "image": networks.image
    }
    for task, head in heads.items():
        parts.update(_write_head(directory, task, head, networks))
        # What the other heads had learnt was for another encoder.
        config = dataclasses.replace(config, tasks={})
    checkpoint = tf.train.Checkpoint(**parts)
    folder = os.path.join(directory, "checkpoints")
    tf.train.CheckpointManager(checkpoint, folder, 1).save(checkpoint_number=0)
    if vocabulary is not None:
        vocabulary.save(os.path.join(directory, "vocab.txt"))
    # Last: what has it is a run.
    content = {
        "config": config.to_dict(),
        "records": dataclasses.asdict(spec),
        "records_content": "",
    }
    write_json(path, content)


def _write_head(directory, task, head, networks) -> Dict[str, tf.Module]:
    """Writes what a fine-tuning for classes notes; returns its part of a checkpoint."""
    config = default_finetuning(task)
    config = dataclasses.replace(
        config, closed_forms=False,
        training=dataclasses.replace(config.training, steps=0),
    )
    write_json(os.path.join(directory, "job.json"), {"finetuning": config.to_dict()})
    write_arrays(notes_path(directory), {"classes": head["names"]})
    # Whoever fine-tunes it finds its classes by name.
    write_arrays(_head_path(directory, task), head)
    classifier = Classifier(networks, len(head["names"]), config.inputs)
    classifier.layer.set_weights([head["kernel"], head["bias"]])
    return classifier.saved


def read_head(directory: str, task: str) -> Dict[str, np.ndarray]:
    """Returns what a run that was not trained here brought for a task, or nothing."""
    path = _head_path(directory, task)
    return read_arrays(path) if os.path.exists(path) else {}


def _head_path(directory: str, task: str) -> str:
    return os.path.join(directory, f"head_{task}.npz")


def read_run(directory: str) -> RunDescription:
    """Reads a run's description.

    Raises:
        ValueError: if the folder holds no run.
    """
    path = os.path.join(directory, "config.json")
    if not os.path.exists(path):
        raise ValueError(f"{directory} holds no run (no config.json).")
    content = read_json(path)
    return RunDescription(
        config=Config.from_dict(content["config"]),
        spec=RecordSpec(**content["records"]),
        vocabulary=os.path.join(directory, "vocab.txt"),
        records_content=content["records_content"],
        ancestors=tuple(content.get("ancestors", ())),
    )


def warn_of_other_examples(
    run: RunDescription, directory: str, records: RecordSet
) -> None:
    """Warns if a run, or one that it began with, has seen other examples.

    Args:
        run: described in `directory`.
        directory: its folder.
        records: what it is used on.
    """
    others = [name for name in run.trained_on if name != records.content]
    if others:
        logging.warning(
            "%s was trained on other examples than %s holds (%s, %s). What it has seen "
            "of the test the leak audit does not know: figures may be too high.",
            directory, records.directory,
            ", ".join(name or "not known which" for name in others), records.content,
        )


def load_networks(
    directory: str, records: Optional[RecordSet] = None, precision: str = ""
) -> Tuple[RunDescription, Networks, int]:
    """Builds a run's networks and fills them from its last checkpoint.

    Of a fine-tuning it is the one that validation chose.

    Args:
        directory: the run's folder.
        records: records that the networks will be used on; checked.
        precision: see `set_precision`; by default the training's.

    Returns:
        The run, the networks and the step they were saved at.

    Raises:
        ValueError: if there is no checkpoint, or the records were made with
            another configuration.
    """
    run = read_run(directory)
    if records is not None:
        run.spec.check_equals(records.spec, records.directory)
    set_precision(precision or run.config.training.precision)
    networks = networks_for(run.config, run.spec)
    restore_parts(
        directory, joint=networks.joint, text=networks.text, image=networks.image
    )
    return run, networks, checkpoint_step(chosen_checkpoint(directory))


def restore_parts(directory: str, **parts: tf.Module) -> None:
    """Fills parts of a run, by the names it saved them under, see `load_networks`."""
    checkpoint = tf.train.Checkpoint(**parts)
    restored = checkpoint.restore(chosen_checkpoint(directory)).expect_partial()
    restored.assert_existing_objects_matched()


def read_finetuning(directory: str) -> Dict[str, Any]:
    """Returns the configuration of a fine-tuning, nothing of a pre-training."""
    path = os.path.join(directory, "job.json")
    return read_json(path)["finetuning"] if os.path.exists(path) else {}


def notes_path(directory: str) -> str:
    """Where a fine-tuning keeps what its task notes, see `tasks.task`."""
    return os.path.join(directory, "notes.npz")


def latest_checkpoint(directory: str) -> Optional[str]:
    """The last checkpoint of a run, None where it has none yet."""
    return tf.train.latest_checkpoint(os.path.join(directory, "checkpoints"))


def best_folder(directory: str) -> str:
    """Where a fine-tuning keeps the weights that validation chose."""
    return os.path.join(directory, "best")


def chosen_checkpoint(directory: str) -> str:
    """The checkpoint to use: a fine-tuning's best, else the last one.

    Raises:
        ValueError: if there is none.
    """
    best = tf.train.latest_checkpoint(best_folder(directory))
    chosen = best or latest_checkpoint(directory)
    if chosen is None:
        raise ValueError(f"{directory} holds no checkpoint yet.")
    return chosen


def checkpoint_step(prefix: str) -> int:
    """The step at which a checkpoint of a run was saved."""
    return int(prefix.rsplit("-", 1)[1])
