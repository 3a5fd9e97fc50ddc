"""How well masks and boxes are found, against true masks."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterable

import numpy as np
import tensorflow as tf

from kaleido.foreground import mask_to_box
from kaleido.masked_pictures import MaskedPicture
from kaleido.saliency import SIDE, squeeze

# Weight of precision against recall, as is usual for salient objects.
_BETA_SQUARED = 0.3
_BATCH = 16


def mask_figures(found: np.ndarray, truth: np.ndarray) -> Dict[str, float]:
    """Returns `mask_iou`, `f_measure` and `mae` of one picture.

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
    """Returns the box of all foreground pixels; of none, the whole picture.

    Args:
        mask: uint8 [h, w], 255 = object.
    """
    mask = np.asarray(mask) > 127
    rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
    if not len(rows):
        return np.array([0, 0, mask.shape[1], mask.shape[0]])
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def evaluate_saliency(
    network: Callable[[tf.Tensor], tf.Tensor],
    pictures: Iterable[MaskedPicture],
) -> Dict[str, Any]:
    """Scores the saliency network on pictures with masks.

    Masks are compared at the size of the picture; boxes
    are those that the patches are cut from.

    Args:
        network: of `saliency.load_saliency`.
        pictures: of `masked_pictures`.

    Returns:
        Means `mask_iou`, `box_iou`, `f_measure` (beta squared .3), `mae`; 10th
        percentiles `mask_iou_p10`, `box_iou_p10`; `whole_pictures`, how many
        had no object; `pictures`; `pictures_per_second`, from pixels to box.

    Raises:
        ValueError: if there are no pictures.
    """
    find = tf.function(
        network, input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)]
    )
    find(tf.zeros([_BATCH, SIDE, SIDE, 3]))  # building the graph is not timed
    figures: Dict[str, list] = {}
    whole, seconds, timed = 0, 0.0, 0

    def score(batch):
        nonlocal whole, seconds, timed
        start = time.perf_counter()
        small = tf.stack([squeeze(picture) for picture, _ in batch])
        masks = find(small)
        boxes = [
            mask_to_box(mask, *picture.shape[:2])
            for mask, (picture, _) in zip(masks, batch)
        ]
        seconds += time.perf_counter() - start
        timed += len(batch)
        for mask, (box, failed), (_, truth) in zip(masks, boxes, batch):
            whole += bool(failed)
            full = tf.image.resize(mask[..., None], truth.shape)[..., 0].numpy()
            one = mask_figures(full, truth)
            one["box_iou"] = box_iou(box.numpy(), tight_box(truth))
            for name, value in one.items():
                figures.setdefault(name, []).append(value)

    batch = []
    for pair in pictures:
        batch.append(pair)
        if len(batch) == _BATCH:
            score(batch)
            batch = []
    if batch:
        score(batch)
    if not figures:
        raise ValueError("There are no pictures to score.")
    result = {name: round(float(np.mean(v)), 4) for name, v in figures.items()}
    for name in ("mask_iou", "box_iou"):
        result[f"{name}_p10"] = round(float(np.percentile(figures[name], 10)), 4)
    return {
        **result,
        "whole_pictures": whole,
        "pictures": len(figures["mask_iou"]),
        "pictures_per_second": round(timed / seconds, 1),
    }
