"""Splits by product: a hash of the id, so that a growing catalogue keeps its own."""

from __future__ import annotations

import hashlib
from typing import Sequence

from kaleido.catalogs.product import SPLITS


def hash_split(product_id: str, shares: Sequence[float], seed: int = 0) -> str:
    """Returns the split of a product, the same on every machine and day.

    All pictures of a product fall into one split, and adding products moves
    none of the old ones.

    Args:
        product_id: the shop's id.
        shares: shares of train, validation and test; they add up to 1.
        seed: another seed gives another draw.

    Raises:
        ValueError: if the shares are not three numbers that add up to 1.
    """
    if len(shares) != len(SPLITS) or abs(sum(shares) - 1.0) > 1e-6 or min(shares) < 0:
        raise ValueError(
            "`shares` must be three non-negative numbers (train, validation, "
            f"test) that add up to 1. Received: shares={tuple(shares)}"
        )
    digest = hashlib.sha256(f"{seed}:{product_id}".encode("utf-8")).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    for name, share in zip(SPLITS, shares):
        if draw < share:
            return name
        draw -= share
    return SPLITS[-1]
