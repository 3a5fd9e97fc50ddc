"""What results were made with, so that they can be made again."""

from __future__ import annotations

import importlib.metadata
from typing import Any, Dict, Sequence

import tensorflow as tf

import kaleido
from kaleido.files import digest_arrays
from kaleido.models import Networks
from kaleido.records import RecordSet


def model_fingerprint(
    networks: Networks, heads: Sequence[tf.keras.layers.Layer] = ()
) -> str:
    """Returns a hash of a network's weights, 16 hexadecimal digits.

    Of values alone: names depend on what else the process has built.

    Args:
        networks: the models.
        heads: of a task, on top of them.
    """
    parts = (networks.joint, networks.text, networks.image, *heads)
    # The passes share most of their weights.
    weights = {id(w): w for part in parts for w in part.weights}
    return digest_arrays(*(w.numpy() for w in weights.values()))


# Whose versions decide figures; pycocoevalcap is an extra.
_LIBRARIES = (
    "tensorflow", "tensorflow-text", "numpy", "scipy", "scikit-learn", "pycocoevalcap",
)


def library_versions() -> Dict[str, str]:
    """Returns the versions that decide figures, by library."""
    versions = {"kaleido": kaleido.__version__}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def provenance(
    networks: Networks, records: RecordSet, seed: int,
    heads: Sequence[tf.keras.layers.Layer] = (),
) -> Dict[str, Any]:
    """Returns what results name beside their figures.

    Args:
        networks, heads: trained, see `model_fingerprint`.
        records: what they were measured on.
        seed: of everything drawn.

    Returns:
        `versions` of the libraries, `seed`, `precision`, which `auto` leaves to the
        device, `model` and `records`, fingerprints of the weights and of the examples.
    """
    return {
        "versions": library_versions(),
        "seed": seed,
        "precision": tf.keras.mixed_precision.global_policy().name,
        "model": model_fingerprint(networks, heads),
        "records": records.content,
    }
