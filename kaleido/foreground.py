"""From a picture to its foreground box (KPG, paper section 3.1).

One of four methods gives a mask in [0, 1], and its box locks the object. All of it is
graph code, so that preprocessing and serving share it.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

import numpy as np
import tensorflow as tf

from kaleido.patches import lock_box

# `unet` is the saliency network; `mask` reads the catalogue's own masks and asks
# the network where a product has none; `border` looks for what differs from the
# border's colour; `none` locks the whole picture.
METHODS = ("unet", "mask", "border", "none")

# The border method works on a thumbnail: a box needs no more.
_THUMBNAIL = 96
# A box that covers less of the picture than this is taken for a failure.
MIN_AREA_SHARE = 0.02

# Hysteresis: a region is what is likely foreground (above LIKELY), if it is
# certain somewhere (above CERTAIN).
LIKELY, CERTAIN = 0.5, 0.8
# Regions of at least this share of the largest one's area belong to the object:
# the other shoe does, a passer-by does not.
REGION_SHARE = 0.1
# Regions are told apart on a grid of this many cells a side.
_REGION_CELLS = 48
# Side of the masks that are shown, in cells; that of the saliency network's.
MASK_SIDE = 192


class Foreground(NamedTuple):
    """Where the object of a picture is.

    Attributes:
        box: int32 [4], (x1, y1, x2, y2) in pixels, right and bottom exclusive, that
            `patches.lock_box` has passed.
        is_whole: bool scalar, whether no object was found, so that the box is the
            picture.
        mask: float32 [MASK_SIDE, MASK_SIDE] in [0, 1], what the box was drawn around.
    """

    box: tf.Tensor
    is_whole: tf.Tensor
    mask: tf.Tensor


def needs_network(method: str) -> bool:
    """Whether a method asks the saliency network.

    Raises:
        ValueError: if the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(
            f"The foreground method must be one of {METHODS}. Received: {method!r}"
        )
    return method in ("unet", "mask")


def border_mask(image: tf.Tensor) -> tf.Tensor:
    """Finds what differs from the picture's border colour (product photographs).

    The background is modelled by the median colour of a thin frame, with its
    own spread; what lies far from it is foreground. A median filter removes
    JPEG noise and specks.

    Args:
        image: uint8 [height, width, 3].

    Returns:
        float32 [96, 96], 1 = foreground, whatever the picture's shape.
    """
    small = tf.image.resize(image, (_THUMBNAIL, _THUMBNAIL), antialias=True)
    frame = tf.concat(
        [
            tf.reshape(small[:2], [-1, 3]), tf.reshape(small[-2:], [-1, 3]),
            tf.reshape(small[:, :2], [-1, 3]), tf.reshape(small[:, -2:], [-1, 3]),
        ],
        axis=0,
    )
    median = _median(frame)
    spread = _median(tf.abs(frame - median))
    distance = tf.reduce_max(
        tf.abs(small - median) / (12.0 + 3.0 * spread), axis=-1, keepdims=True
    )
    mask = tf.cast(distance > 1.0, tf.float32)
    # The median of zeros and ones is what most of them are. What lies outside the
    # picture is background: a reflected speck would outvote its surroundings.
    padded = tf.pad(mask, [[2, 2], [2, 2], [0, 0]])
    share = tf.nn.avg_pool2d(padded[None], 5, 1, "VALID")[0, ..., 0]
    return tf.cast(share > 0.5, tf.float32)


def _centred_numbers(side: int) -> np.ndarray:
    """Numbers cells from 1, the greatest in the middle: float32 [side, side].

    Most objects are there, and a number that starts from the middle of an object has
    half the way to its ends.
    """
    offset = np.abs(np.arange(side) - (side - 1) / 2)
    distance = np.maximum(offset[:, None], offset[None]).ravel()
    numbers = np.empty(side**2, np.float32)
    numbers[np.argsort(-distance, kind="stable")] = np.arange(1, side**2 + 1)
    return numbers.reshape(side, side)


_NUMBERS = _centred_numbers(_REGION_CELLS)


def _widen(cells: tf.Tensor) -> tf.Tensor:
    """Returns the maximum of 3 x 3 cells, float32 [batch, side, side], none negative.

    Half the time of `max_pool2d`, which is made for many channels.
    """
    rows = tf.pad(cells, [[0, 0], [1, 1], [0, 0]])
    cells = tf.maximum(tf.maximum(rows[:, :-2], rows[:, 2:]), cells)
    columns = tf.pad(cells, [[0, 0], [0, 0], [1, 1]])
    return tf.maximum(tf.maximum(columns[..., :-2], columns[..., 2:]), cells)


def main_regions(probability: tf.Tensor) -> tf.Tensor:
    """Keeps the largest regions that are certain somewhere, and blanks the rest.

    Regions are components of a coarse grid; two that touch there are one.

    Args:
        probability: float32 [batch, side, side] of foreground; `side` is a
            multiple of 48.

    Returns:
        float32 [batch, side, side]; all zero where nothing is certain.
    """
    block = probability.shape[1] // _REGION_CELLS
    blocks = tf.reshape(
        probability, [-1, _REGION_CELLS, block, _REGION_CELLS, block]
    )
    peaks = tf.reduce_max(blocks, axis=(2, 4))
    areas = tf.reduce_mean(tf.cast(blocks > LIKELY, tf.float32), axis=(2, 4))
    count = tf.shape(peaks)[0]
    is_open = tf.cast(peaks > LIKELY, tf.float32)

    def spread(labels, _):
        wider = labels
        # Each cell takes the greatest number around it until a region has one. To ask
        # after each step whether it has would take as long as the steps.
        for _ in range(4):
            wider = is_open * _widen(wider)
        return wider, tf.reduce_any(wider != labels)

    labels, _ = tf.while_loop(
        lambda _, changed: changed, spread, (is_open * _NUMBERS, tf.constant(True)),
        shape_invariants=(peaks.shape, tf.TensorShape([])),
    )
    regions = _REGION_CELLS**2 + 1
    labels = tf.cast(tf.reshape(labels, [count, -1]), tf.int32)
    flat = tf.reshape(labels + regions * tf.range(count)[:, None], [-1])

    def by_region(reduce, per_cell):
        totals = reduce(tf.reshape(per_cell, [-1]), flat, count * regions)
        return tf.reshape(totals, [count, regions])

    certain = by_region(tf.math.unsorted_segment_max, peaks * is_open) > CERTAIN
    area = by_region(tf.math.unsorted_segment_sum, areas * is_open)
    area = tf.where(certain, area, 0.0)
    largest = tf.reduce_max(area, axis=1, keepdims=True)
    kept = tf.logical_and(area >= REGION_SHARE * largest, area > 0)
    cells = tf.gather(tf.cast(kept, tf.float32), labels, batch_dims=1)
    cells = tf.reshape(cells, [count, _REGION_CELLS, _REGION_CELLS])
    # With the unlikely cells around it: where the mask falls below a half is read
    # from pixels on either side of the edge.
    cells = tf.maximum(cells, _widen(cells) * (1.0 - is_open))
    return probability * tf.repeat(tf.repeat(cells, block, 1), block, 2)


def mask_to_box(
    mask: tf.Tensor, height: tf.Tensor, width: tf.Tensor
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Returns the bounding box of a mask, in pixels of the picture.

    Rows and columns that hold less than one percent of the fullest one's
    foreground are left out, so that a speck does not widen the box. An edge
    lies where the mask crosses a half between two cells, and is then rounded to
    the nearest pixel.

    Args:
        mask: float32 [mask_height, mask_width], values in [0, 1].
        height, width: int32 scalars, the picture's size.

    Returns:
        A pair of int32 [4], the box (x1, y1, x2, y2), right and bottom
        exclusive, and a bool scalar: whether the box was too small (less than
        `MIN_AREA_SHARE` of the picture), in which case it is the picture.
    """
    binary = tf.cast(mask > LIKELY, tf.float32)

    def first_edge(counts, peaks):
        """The outer edge of the first occupied line, in cells from the left."""
        occupied = tf.where(counts > 0.01 * tf.reduce_max(counts))[:, 0]
        index = tf.cast(tf.reduce_min(occupied), tf.int32)
        inside = peaks[index]
        outside = peaks[tf.maximum(index - 1, 0)]
        # The line before may be above a half, too: a speck left out.
        crossed = tf.logical_and(index > 0, outside <= LIKELY)
        beyond = tf.math.divide_no_nan(inside - LIKELY, inside - outside)
        edge = tf.cast(index, tf.float32)
        return tf.where(crossed, edge + 0.5 - beyond, edge)

    def extent(axis, pixels):
        counts = tf.reduce_sum(binary, axis=axis)
        peaks = tf.reduce_max(mask, axis=axis)
        cells = tf.cast(tf.shape(counts)[0], tf.float32)
        scale = tf.cast(pixels, tf.float32) / cells
        low = first_edge(counts, peaks)
        high = cells - first_edge(counts[::-1], peaks[::-1])
        return [tf.cast(tf.round(x * scale), tf.int32) for x in (low, high)]

    def locked():
        (x1, x2), (y1, y2) = extent(0, width), extent(1, height)
        return tf.stack([x1, y1, x2, y2])

    whole = tf.stack([0, 0, width, height])
    box = tf.cond(tf.reduce_any(binary > 0), locked, lambda: tf.zeros([4], tf.int32))
    area = tf.cast((box[2] - box[0]) * (box[3] - box[1]), tf.float32)
    failed = area < MIN_AREA_SHARE * tf.cast(width * height, tf.float32)
    return tf.where(failed, whole, box), failed


def decode_mask(
    encoded: tf.Tensor, height: tf.Tensor, width: tf.Tensor
) -> tf.Tensor:
    """Decodes a catalogue's mask, float32 [height, width] in [0, 1].

    Args:
        encoded: string scalar, a PNG, 255 = object.
        height, width: of its picture, in pixels.

    Raises:
        tf.errors.InvalidArgumentError: if it is none, of another size, or its
            values are not of [0, 255] but class numbers.
    """
    mask = tf.io.decode_png(encoded, channels=1)[..., 0]
    tf.debugging.assert_equal(
        tf.shape(mask), [height, width],
        message="The mask must have the size of its picture.",
    )
    most = tf.reduce_max(mask)
    tf.debugging.Assert(
        tf.logical_or(most == 0, most > 127),
        ["The mask must be 255 where the object is. Received: values up to", most],
    )
    return tf.cast(mask, tf.float32) / 255.0


def lock_object(
    image: tf.Tensor,
    method: str,
    encoded_mask: tf.Tensor = "",
    probability: tf.Tensor | None = None,
) -> Foreground:
    """Locks the object of a picture by one of `METHODS`.

    Args:
        image: uint8 [height, width, 3], each side at least `patches.MIN_BOX_SIDE`.
        method: one of `METHODS`.
        encoded_mask: string scalar, a PNG of the picture's size for the method
            `mask`; empty where the product has none (see `decode_mask`).
        probability: float32 [MASK_SIDE, MASK_SIDE], what `main_regions` left of the
            saliency network's output; for methods of `needs_network`.

    Raises:
        ValueError: if the method is unknown.
    """
    needs_network(method)
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = (MASK_SIDE, MASK_SIDE)

    def boxed(mask):
        small = tf.image.resize(mask[..., None], side, antialias=True)[..., 0]
        return (*mask_to_box(mask, height, width), small)

    def found():
        return (*mask_to_box(probability, height, width), probability)

    if method == "none":
        whole = tf.stack([0, 0, width, height])
        box, is_whole, mask = whole, tf.constant(False), tf.ones(side)
    elif method == "border":
        box, is_whole, mask = boxed(border_mask(image))
    elif method == "unet":
        box, is_whole, mask = found()
    else:
        box, is_whole, mask = tf.cond(
            tf.strings.length(encoded_mask) > 0,
            lambda: boxed(decode_mask(encoded_mask, height, width)), found,
        )
    mask = tf.ensure_shape(mask, side)
    return Foreground(lock_box(box, height, width), is_whole, mask)


def _median(values: tf.Tensor) -> tf.Tensor:
    """Median over the first axis, float32 [n, ...] -> [...]."""
    ordered = tf.sort(values, axis=0)
    return ordered[tf.shape(values)[0] // 2]
