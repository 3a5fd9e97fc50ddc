"""The volume of pieces: light and dark from where a pixel lies in its piece.

Done on pixels, because gradients are by far the dearest thing to rasterise.
"""

from __future__ import annotations

from typing import Dict, Tuple

import numpy as np

# For each kind the direction in which it changes, as shares of the piece's width
# and height, and stops of a ramp along it: -1 is black, 1 white.
_RAMPS: Dict[str, Tuple[Tuple[float, float], Tuple[Tuple[float, float], ...]]] = {
    # A round body lit from the left.
    "round": (
        (0.93, 0.07),
        ((0.0, -0.30), (0.16, -0.05), (0.38, 0.15), (0.7, -0.05), (1.0, -0.34)),
    ),
    # Cloth that hangs.
    "drop": ((-0.08, 1.0), ((0.0, 0.13), (0.55, -0.03), (1.0, -0.26))),
    # A glossy solid.
    "leather": (
        (0.2, 0.8), ((0.0, 0.08), (0.26, 0.28), (0.5, 0.0), (1.0, -0.38)),
    ),
    # The inside of a garment.
    "inside": ((0.0, 1.0), ((0.0, -0.60), (1.0, -0.40))),
}  # fmt: skip
KINDS = tuple(_RAMPS)
_STEPS = 64
_TABLE = np.array(
    [
        np.interp(np.linspace(0, 1, _STEPS), *zip(*stops))
        for _, stops in _RAMPS.values()
    ],
    np.float32,
)
_DIRECTION = np.array([direction for direction, _ in _RAMPS.values()], np.float32)


def shade(colors: np.ndarray, numbers: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """Returns shaded colours.

    Args:
        colors: float32 [height, width, 3] in 0 .. 255; changed in place.
        numbers: uint8 [height, width], the piece of each pixel, from 1; 0 has
            no shade.
        pieces: float32 [pieces, 5], left, top, width and height in pixels and
            the number of the kind in `KINDS`.
    """
    if not len(pieces):
        return colors
    place = np.flatnonzero(numbers)
    piece = numbers.ravel()[place].astype(np.intp) - 1
    kind = pieces[:, 4].astype(np.intp)
    slope = (_STEPS - 1) * _DIRECTION[kind] / np.maximum(pieces[:, 2:4], 1.0)
    start = (slope * pieces[:, :2]).sum(axis=1)
    width = numbers.shape[1]
    at = (
        (place % width).astype(np.float32) * slope[piece, 0]
        + (place // width).astype(np.float32) * slope[piece, 1]
        - start[piece]
    )
    step = np.clip(at, 0, _STEPS - 1).astype(np.intp)
    amount = _TABLE.ravel()[kind[piece] * _STEPS + step]
    # Towards black or white: a * color + b.
    flat = colors.reshape(-1, 3)
    flat[place] = (
        flat[place] * (1 - np.abs(amount))[:, None]
        + (255.0 * np.maximum(amount, 0))[:, None]
    )
    return colors
