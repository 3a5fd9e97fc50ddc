"""Weights of our own small networks: one float16 file that says what made it."""

from __future__ import annotations

import io
import json
from typing import Any, Dict

import numpy as np
import tensorflow as tf

from kaleido.files import digest_arrays, write_bytes

_CARD = "card"


def save_weights(network: tf.keras.Model, path: str, card: Dict[str, Any]) -> None:
    """Writes weights as float16, with a card of what made them.

    Args:
        network: any network whose weights lie within float16's range.
        path: a `.npz` file; appears whole or not at all.
        card: command, data, scores: anything JSON. What the network is besides its
            weights stands in `spec`.

    Raises:
        ValueError: if a weight is no number, or float16 cannot hold it.
    """
    limit = np.finfo(np.float16).max
    arrays = {}
    for index, variable in enumerate(network.weights):
        value = variable.numpy()
        # Not a number fails the comparison, too.
        if not (np.abs(value) <= limit).all():
            raise ValueError(
                f"float16 cannot hold the weights of {network.name}. Received: "
                f"{variable.name} up to {np.abs(value).max()}"
            )
        arrays[f"{index:03d}"] = value.astype(np.float16)
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        **arrays,
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
    values = _read_arrays(path)
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
    """Returns a hash of a file's weights and spec, 16 hexadecimal digits.

    Scores and times, which its card holds too, change nothing about what it does.

    Raises:
        FileNotFoundError, ValueError: see `read_card`.
    """
    spec = json.dumps(read_card(path).get("spec"), sort_keys=True)
    return digest_arrays(np.array(spec), *_read_arrays(path))


def _read_arrays(path):
    return _read(
        path, lambda file: [file[name] for name in sorted(set(file.files) - {_CARD})]
    )


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
