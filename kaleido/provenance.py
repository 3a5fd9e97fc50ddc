"""What results were made with, so that they can be made again."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import tensorflow as tf

import kaleido
from kaleido.files import digest_arrays
from kaleido.models import Networks
from kaleido.records import RecordSet


def model_fingerprint(networks: Networks) -> str:
    """Returns a hash of a network's weights, 16 hexadecimal digits.

    Of values alone: names depend on what else the process has built.
    """
    models = (networks.joint, networks.text, networks.image)
    # The passes share most of their weights.
    weights = {id(w): w for model in models for w in model.weights}
    return digest_arrays(*(w.numpy() for w in weights.values()))


def provenance(networks: Networks, records: RecordSet, seed: int) -> Dict[str, Any]:
    """Returns what results name beside their figures.

    Args:
        networks: trained.
        records: what they were measured on.
        seed: of everything drawn.

    Returns:
        `versions` of the libraries, `seed`, `model` and `records`, fingerprints of
        the weights and of the examples.
    """
    return {
        "versions": {
            "kaleido": kaleido.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
        "seed": seed,
        "model": model_fingerprint(networks),
        "records": records.content,
    }
