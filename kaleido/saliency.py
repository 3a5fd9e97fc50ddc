"""Foreground boxes (KPG, paper section 3.1): from a mask, or from the border colour.

A method maps a picture to a mask in [0, 1]; `mask_to_box` locks the object. All
of it is graph code, so that preprocessing and serving share it.
"""

from __future__ import annotations

from typing import Tuple

import tensorflow as tf

# `mask` reads the catalogue's own masks and falls back to `border` where a
# product has none; `none` locks the whole picture.
METHODS = ("mask", "border", "none")

# The detector works on a thumbnail: a box needs no more.
_THUMBNAIL = 96
# A box that covers less of the picture than this is taken for a failure.
MIN_AREA_SHARE = 0.02


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


def mask_to_box(
    mask: tf.Tensor, height: tf.Tensor, width: tf.Tensor, threshold: float = 0.5
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Returns the bounding box of a mask, in pixels of the picture.

    Rows and columns that hold less than one percent of the fullest one's
    foreground are left out, so that a speck does not widen the box.

    Args:
        mask: float32 [mask_height, mask_width], values in [0, 1].
        height, width: int32 scalars, the picture's size.
        threshold: what counts as foreground.

    Returns:
        A pair of int32 [4], the box (x1, y1, x2, y2), right and bottom
        exclusive, and a bool scalar: whether the mask was too small (less than
        `MIN_AREA_SHARE` of the picture), in which case the box is the picture.
    """
    binary = tf.cast(mask > threshold, tf.float32)

    def extent(profile, pixels):
        occupied = tf.where(profile > 0.01 * tf.reduce_max(profile))[:, 0]
        cells = tf.cast(tf.shape(profile)[0], tf.float32)
        scale = tf.cast(pixels, tf.float32) / cells
        low = tf.floor(tf.cast(tf.reduce_min(occupied), tf.float32) * scale)
        high = tf.math.ceil(
            tf.cast(tf.reduce_max(occupied) + 1, tf.float32) * scale
        )
        return tf.cast(low, tf.int32), tf.cast(high, tf.int32)

    def locked():
        x1, x2 = extent(tf.reduce_sum(binary, axis=0), width)
        y1, y2 = extent(tf.reduce_sum(binary, axis=1), height)
        return tf.stack([x1, y1, x2, y2])

    failed = tf.reduce_mean(binary) < MIN_AREA_SHARE
    whole = tf.stack([0, 0, width, height])
    return tf.cond(failed, lambda: whole, locked), failed


def foreground_box(
    image: tf.Tensor, method: str, encoded_mask: tf.Tensor = ""
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Locks the object of a picture by one of `METHODS`.

    Args:
        image: uint8 [height, width, 3].
        method: one of `METHODS`.
        encoded_mask: string scalar, a PNG of the picture's size for the method
            `mask`; empty where the product has none.

    Returns:
        As `mask_to_box`.

    Raises:
        ValueError: if the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(
            f"The foreground method must be one of {METHODS}. Received: {method!r}"
        )
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    if method == "none":
        return tf.stack([0, 0, width, height]), tf.constant(False)
    if method == "border":
        return mask_to_box(border_mask(image), height, width)

    def given():
        mask = tf.io.decode_png(encoded_mask, channels=1)[..., 0]
        return tf.cast(mask, tf.float32) / 255.0

    has_mask = tf.strings.length(encoded_mask) > 0
    mask = tf.cond(has_mask, given, lambda: border_mask(image))
    return mask_to_box(mask, height, width)


def _median(values: tf.Tensor) -> tf.Tensor:
    """Median over the first axis, float32 [n, ...] -> [...]."""
    ordered = tf.sort(values, axis=0)
    return ordered[tf.shape(values)[0] // 2]
