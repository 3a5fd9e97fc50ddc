"""Finds what training and test share, before anything is evaluated.

A product of both, or a picture of both, is one that the model has seen. What is
found leaves the test; training stays as it was.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        leaked: bool [test], the pairs that leave the test.
        counts: how many pairs of the test share with training their `product`; a
            byte-identical `picture`; `picture_and_text`, that picture with an equal
            normalised text; and `removed`, how many share anything of it.
    """

    leaked: np.ndarray
    counts: Dict[str, int]


def audit(train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray]) -> Audit:
    """Compares the pairs of two splits.

    An equal text with another picture is no leak: shops describe like things alike.

    Args:
        train, test: `product_keys`, `text_keys`, `picture_keys`, int64 [n] each, see
            `records.KEY_FIELDS`.
    """

    def shared(*names):
        codes = [
            np.stack([split[name] for name in names], axis=1) for split in (train, test)
        ]
        _, inverse = np.unique(np.concatenate(codes), axis=0, return_inverse=True)
        inverse = inverse.ravel()
        return np.isin(inverse[len(codes[0]) :], inverse[: len(codes[0])])

    found = {
        "product": shared("product_keys"),
        "picture": shared("picture_keys"),
        "picture_and_text": shared("picture_keys", "text_keys"),
    }
    leaked = found["product"] | found["picture"]
    counts = {name: int(rows.sum()) for name, rows in found.items()}
    return Audit(leaked, {**counts, "removed": int(leaked.sum())})
