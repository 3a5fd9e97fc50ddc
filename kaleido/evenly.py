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
    """Returns the least odd step from row to row that takes at most `most` of `count`.

    For what is read in a stream, from its first row on; `evenly` takes exactly `most`.
    Odd: a catalogue often has four views of each product side by side, and an even step
    would see the same one of all.
    """
    step = max(-(-count // most), 1)
    return step + 1 - step % 2
