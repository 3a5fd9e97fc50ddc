"""Weights of our own small networks: one float16 file that says what made it."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any, Dict

import numpy as np
import tensorflow as tf

from kaleido.files import write_bytes

_CARD = "card"


def save_weights(network: tf.keras.Model, path: str, card: Dict[str, Any]) -> None:
    """Writes weights as float16, with a card of what made them.

    Args:
        network: any network whose weights lie within float16's range.
        path: a `.npz` file; appears whole or not at all.
        card: command, data, scores: anything JSON.
    """
    arrays = {f"{i:03d}": w for i, w in enumerate(network.get_weights())}
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        **{name: value.astype(np.float16) for name, value in arrays.items()},
        **{_CARD: np.array(json.dumps(card, sort_keys=True))},
    )
    write_bytes(path, stream.getvalue())


def read_card(path: str) -> Dict[str, Any]:
    """Returns the card of a weights file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged.
    """
    return _read(path, lambda file: json.loads(str(file[_CARD])))


def load_weights(network: tf.keras.Model, path: str) -> None:
    """Fills a network from `save_weights`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, or of another network.
    """
    expected = network.get_weights()
    values = _read(
        path, lambda file: [file[name] for name in sorted(set(file.files) - {_CARD})]
    )
    shapes = [value.shape for value in values]
    if shapes != [value.shape for value in expected]:
        raise ValueError(
            f"{path} holds the weights of another network than {network.name}. "
            f"Received: {len(shapes)} arrays of shapes {shapes[:3]} ..., expected: "
            f"{len(expected)}"
        )
    if not all(np.isfinite(value).all() for value in values):
        raise ValueError(f"{path} holds weights that are no numbers.")
    network.set_weights([value.astype(np.float32) for value in values])


def file_fingerprint(path: str) -> str:
    """Returns a hash of a file, 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def _read(path, what):
    try:
        with np.load(path, allow_pickle=False) as file:
            return what(file)
    except (FileNotFoundError, IsADirectoryError):
        raise
    # A damaged archive makes zipfile, zlib and numpy raise almost anything.
    except Exception as error:
        raise ValueError(
            f"{path} is no weights file of ours, or is damaged. "
            f"Received: {type(error).__name__}: {error}"
        ) from error
