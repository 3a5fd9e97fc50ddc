"""Scores the saliency network on pictures with masks, picture by picture."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List

import numpy as np
import tensorflow as tf

from kaleido.foreground import mask_to_box
from kaleido.masked_pictures import MaskedPicture
from kaleido.metrics.saliency import box_iou, mask_figures, tight_box
from kaleido.saliency import SIDE, squeeze

_BATCH = 16


@dataclasses.dataclass(frozen=True)
class ScoredPicture:
    """What was found on one picture.

    Attributes:
        picture: with its true mask.
        found: float32 [h, w] at the picture's size, probability of foreground.
        box: int32 [4], (x1, y1, x2, y2), which the patches are cut from.
        is_whole: whether no object was found, so that the box is the picture.
        figures: `mask_iou`, `box_iou`, `f_measure`, `mae`.
        seconds: what it took, from pixels to box.
    """

    picture: MaskedPicture
    found: np.ndarray
    box: np.ndarray
    is_whole: bool
    figures: Dict[str, float]
    seconds: float


def score_pictures(
    network: Callable[[tf.Tensor], tf.Tensor], pictures: Iterable[MaskedPicture]
) -> Iterator[ScoredPicture]:
    """Yields what the network finds on each picture, in order.

    Masks are compared at the size of the picture; boxes are those that the patches
    are cut from, against the box of the whole true mask.

    Args:
        network: of `saliency.load_saliency`.
        pictures: of `masked_pictures`.
    """
    find = tf.function(
        network, input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)]
    )
    find(tf.zeros([_BATCH, SIDE, SIDE, 3]))  # building the graph is not timed
    remaining = iter(pictures)
    while batch := list(itertools.islice(remaining, _BATCH)):
        start = time.perf_counter()
        masks = find(tf.stack([squeeze(picture.image) for picture in batch]))
        boxes = [
            mask_to_box(mask, *picture.image.shape[:2])
            for mask, picture in zip(masks, batch)
        ]
        seconds = (time.perf_counter() - start) / len(batch)
        for mask, (box, is_whole), picture in zip(masks, boxes, batch):
            truth, box = picture.mask, box.numpy()
            found = tf.image.resize(mask[..., None], truth.shape)[..., 0].numpy()
            figures = mask_figures(found, truth)
            figures["box_iou"] = box_iou(box, tight_box(truth))
            yield ScoredPicture(picture, found, box, bool(is_whole), figures, seconds)


def summarize(scored: Iterable[ScoredPicture]) -> Dict[str, Any]:
    """Returns the figures over all pictures.

    Returns:
        Means `mask_iou`, `box_iou`, `f_measure`, `mae`; 10th percentiles
        `mask_iou_p10`, `box_iou_p10`; `whole_pictures`, how many had no object;
        `pictures`; `pictures_per_second`, from pixels to box.

    Raises:
        ValueError: if there are no pictures.
    """
    rows = [(one.figures, one.is_whole, one.seconds) for one in scored]
    if not rows:
        raise ValueError("There are no pictures to score.")
    figures, whole, seconds = zip(*rows)
    values = {name: [one[name] for one in figures] for name in figures[0]}
    shares = {name: np.mean(column) for name, column in values.items()}
    for name in ("mask_iou", "box_iou"):
        shares[f"{name}_p10"] = np.percentile(values[name], 10)
    return {
        **{name: round(float(share), 4) for name, share in shares.items()},
        "whole_pictures": sum(whole),
        "pictures": len(rows),
        "pictures_per_second": round(len(rows) / sum(seconds), 1),
    }


class WorstPictures:
    """Keeps the pictures of the lowest mask IoU of those that pass by.

    Args:
        most: how many.
    """

    def __init__(self, most: int):
        self._most = most
        self._heap: List[tuple] = []

    def watch(self, scored: Iterable[ScoredPicture]) -> Iterator[ScoredPicture]:
        """Yields what it is given."""
        for place, one in enumerate(scored):
            # The place breaks ties: the pictures themselves have no order.
            heapq.heappush(self._heap, (-one.figures["mask_iou"], -place, one))
            if len(self._heap) > self._most:
                heapq.heappop(self._heap)
            yield one

    def pictures(self) -> List[ScoredPicture]:
        """Returns those that were kept, worst first."""
        return [one for _, _, one in sorted(self._heap, key=lambda kept: -kept[0])]
