"""What a pre-training begins with."""

from __future__ import annotations

import os
from typing import Tuple

from kaleido.config import Config
from kaleido.files import sha256_of
from kaleido.interop.bert import load_bert, load_minilm
from kaleido.models import Networks
from kaleido.records import RecordSpec
from kaleido.text import Vocabulary, load_vocabulary
from kaleido.workdir import (
    latest_checkpoint,
    read_run,
    restore_parts,
    weights_fingerprint,
)

# What a run's patches must share with the records': their grids and their features.
_OF_PATCHES = ("layout", "backbone", "backbone_fingerprint", "feature_size")


def load_starting_weights(
    networks: Networks, config: Config, vocabulary: Vocabulary, spec: RecordSpec
) -> bool:
    """Fills networks as `config.training.init` says.

    `random` leaves them as they are; `minilm` is the packaged text encoder. A folder is
    a run of ours, also a converted one, of which all is taken over; or a BERT of
    Google's or Hugging Face's, see `bert.load_bert`.

    Args:
        networks: with random weights.
        config: what they were built from.
        vocabulary: whose ids they read.
        spec: of the records that they will be trained on.

    Returns:
        Whether there is nothing left to begin with something.

    Raises:
        ValueError: if there is no such folder, or what it holds does not fit.
    """
    init = config.training.init
    if init == "random":
        return False
    if init == "minilm":
        load_minilm(networks, vocabulary)
        return False
    if not os.path.isdir(init):
        raise ValueError(
            f"`init` must be minilm, random, or a local folder. Received: {init!r}"
        )
    if is_run(init):
        _load_run(networks, config, vocabulary, spec, init)
        return True
    load_bert(networks, init, vocabulary, config.model)
    return False


def is_run(init: str) -> bool:
    """Whether starting weights are a run's, which knows pictures, too."""
    return os.path.isdir(init) and latest_checkpoint(init) is not None


def has_closed_forms(config: Config) -> bool:
    """Whether a run began with closed forms, not with all that another had learnt."""
    return config.training.ridge_warm_start and not is_run(config.training.init)


def seen_by(init: str) -> Tuple[str, ...]:
    """Returns the examples that starting weights have seen, where they are a run's."""
    return read_run(init).trained_on if is_run(init) else ()


def fingerprint_of_init(init: str) -> str:
    """Returns a name of starting weights that changes with them.

    Args:
        init: see `load_starting_weights`.
    """
    if not os.path.isdir(init):
        return init
    if is_run(init):
        return weights_fingerprint(init)
    paths = (os.path.join(init, name) for name in sorted(os.listdir(init)))
    return ",".join(sha256_of(path) for path in paths if os.path.isfile(path))


def _load_run(networks, config, vocabulary, spec, folder) -> None:
    run = read_run(folder)
    if os.path.exists(run.vocabulary):
        pieces = load_vocabulary(run.vocabulary).pieces
        if pieces != vocabulary.pieces:
            raise ValueError(
                f"{folder} holds a run with other word pieces than the records have. "
                f"Received: {len(pieces)} pieces there, {len(vocabulary)} here"
            )
    # Of a converted run only sizes may be known.
    patches = [
        f"{name}: {value!r} there, {getattr(spec, name)!r} here"
        for name in _OF_PATCHES
        if (value := getattr(run.spec, name)) not in (None, getattr(spec, name))
    ]
    if patches:
        raise ValueError(
            f"{folder} holds a run of other patches than the records have. Received: "
            f"{'; '.join(patches)}"
        )
    different = [
        f"model.{name}: {value!r} there, {getattr(config.model, name)!r} here"
        for name, value in vars(run.config.model).items()
        if value != getattr(config.model, name)
    ]
    if different:
        raise ValueError(
            f"{folder} holds a run of another model. Received: {'; '.join(different)}"
        )
    restore_parts(
        folder, joint=networks.joint, text=networks.text, image=networks.image
    )
