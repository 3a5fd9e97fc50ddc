"""Chooses some of many rows, spread evenly over all."""

from __future__ import annotations

import numpy as np


def evenly(count: int, most: int) -> np.ndarray:
    """Chooses `most` of `count` indices, or all if there are not more.

    Args:
        count: how many there are, not negative.
        most: how many are wanted, not negative.

    Returns:
        int64 [min(count, most)], ascending and distinct; of two or more, the first is
        0 and the last `count` - 1.
    """
    chosen = min(count, most)
    # In whole numbers: rounding could give one index twice.
    return np.arange(chosen, dtype=np.int64) * (count - 1) // max(chosen - 1, 1)


def stride(count: int, most: int) -> int:
    """Returns the least step from row to row that takes no more than `most` of `count`.

    For what is read in a stream, from its first row on; `evenly` takes exactly `most`.
    """
    return max(-(-count // most), 1)
