"""How well one mask and one box are found, against the truth."""

from __future__ import annotations

from typing import Dict

import numpy as np

# Weight of precision against recall, as is usual for salient objects.
_BETA_SQUARED = 0.3


def mask_figures(found: np.ndarray, truth: np.ndarray) -> Dict[str, float]:
    """Returns `mask_iou`, `f_measure` (beta squared .3) and `mae` of one picture.

    Args:
        found: float32 [h, w], probability of foreground.
        truth: uint8 [h, w], 255 = object.
    """
    truth, binary = np.asarray(truth) > 127, found > 0.5
    shared, either = np.sum(binary & truth), np.sum(binary | truth)
    precision = shared / max(binary.sum(), 1)
    recall = shared / max(truth.sum(), 1)
    weighted = _BETA_SQUARED * precision + recall
    return {
        # Nothing found where nothing is: all right.
        "mask_iou": float(shared / either) if either else 1.0,
        "f_measure": float((1 + _BETA_SQUARED) * precision * recall / weighted)
        if weighted else float(not either),
        "mae": float(np.abs(found - truth).mean()),
    }


def box_iou(box: np.ndarray, other: np.ndarray) -> float:
    """Returns the IoU of two boxes (x1, y1, x2, y2)."""
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    shared = np.prod(np.maximum(high - low, 0))
    areas = [np.prod(np.subtract(b[2:], b[:2])) for b in (box, other)]
    return float(shared / (sum(areas) - shared))


def tight_box(mask: np.ndarray) -> np.ndarray:
    """Returns the box (x1, y1, x2, y2) of all foreground pixels, int [4].

    Of an empty mask it is the whole picture.

    Args:
        mask: uint8 [h, w], 255 = object.
    """
    mask = np.asarray(mask) > 127
    rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
    if not len(rows):
        return np.array([0, 0, mask.shape[1], mask.shape[0]])
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
