"""Kaleido patch generator (KPG, paper section 3.1): levels, boxes, crops, positions.

A picture's foreground box is split 1x1, 2x2, ... 5x5: 55 patches. The split is
an exact integer partition, so that the patches of a level tile the box with no
gap and no overlap, whatever its size.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Dict, Tuple

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class PatchLayout:
    """Which grids a picture is split into, and what a record holds of them.

    Vectors come level by level, row-major within a level. A level 1 is stored
    under its four rotations and a level 4 in colour and in grey, because the
    tasks on them corrupt pixels, which features computed before cannot follow.

    Attributes:
        name: key of the layout.
        levels: grid sides, e.g. (1, 2, 3, 4, 5).
    """

    name: str
    levels: Tuple[int, ...]

    @functools.cached_property
    def num_patches(self) -> int:
        """Patches of one picture as the encoder sees it: 55 for kaleido."""
        return sum(n * n for n in self.levels)

    @functools.cached_property
    def num_vectors(self) -> int:
        """Feature vectors in a record: 74 for kaleido."""
        return sum(len(rows) for rows in self.vectors.values())

    def patches(self, level: int) -> range:
        """Indices of a level's patches among the `num_patches`."""
        start = 0
        for n in self.levels:
            if n == level:
                return range(start, start + n * n)
            start += n * n
        raise ValueError(
            f"Layout {self.name!r} has the levels {self.levels}. "
            f"Received: level={level}"
        )

    @functools.cached_property
    def vectors(self) -> Dict[str, range]:
        """Rows of a record's feature matrix, by what they show.

        Keys: `level_1_rotated` (0, 90, 180, 270 degrees counter-clockwise),
        `level_<n>`, and `level_4_grey`.
        """
        rows, start = {}, 0
        for n in self.levels:
            names = ["level_1_rotated"] if n == 1 else [f"level_{n}"]
            if n == 4:
                names.append("level_4_grey")
            for name in names:
                count = 4 if n == 1 else n * n
                rows[name] = range(start, start + count)
                start += count
        return rows

    @functools.cached_property
    def clean_rows(self) -> np.ndarray:
        """Rows of the uncorrupted patches, int32 [num_patches]."""
        rows = []
        for n in self.levels:
            rows += [self.vectors["level_1_rotated"][0]] if n == 1 else list(
                self.vectors[f"level_{n}"]
            )
        return np.array(rows, np.int32)


LAYOUTS = {
    layout.name: layout
    for layout in (
        PatchLayout("kaleido", (1, 2, 3, 4, 5)),
        # FashionBERT's: one fixed 8 x 8 grid.
        PatchLayout("grid8", (8,)),
    )
}

# A level of n x n needs n pixels a side for each of its patches to hold one.
MIN_BOX_SIDE = 8


def partition(low: tf.Tensor, high: tf.Tensor, parts: int) -> tf.Tensor:
    """Splits [low, high) into `parts` integer intervals that differ by one at most.

    Args:
        low, high: int32 scalars or batches of any one shape [...].
        parts: number of intervals.

    Returns:
        int32 [..., parts + 1] edges, from `low` to `high`.
    """
    steps = tf.range(parts + 1)
    low, high = tf.expand_dims(low, -1), tf.expand_dims(high, -1)
    return low + (high - low) * steps // parts


def level_overlaps(fine: int, coarse: int) -> np.ndarray:
    """Returns which share of each patch of a level lies in those of another.

    Args:
        fine, coarse: grid sides n.

    Returns:
        float32 [fine * fine, coarse * coarse], rows sum to 1; row-major, as
        patches are.
    """
    i, j = np.arange(fine)[:, None], np.arange(coarse)[None]
    shared = np.minimum((i + 1) / fine, (j + 1) / coarse) - np.maximum(
        i / fine, j / coarse
    )
    along = np.maximum(shared, 0.0) * fine
    return np.kron(along, along).astype(np.float32)


def lock_box(box: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Clips a box to the picture and widens it to `MIN_BOX_SIDE` pixels a side.

    Args:
        box: int32 [4], (x1, y1, x2, y2) in pixels, right and bottom exclusive.
        height, width: int32 scalars, the picture's size, at least
            `MIN_BOX_SIDE` each.

    Returns:
        int32 [4], a box that lies in the picture and that every level can split.
    """

    def widen(low, high, extent):
        low = tf.clip_by_value(low, 0, extent)
        high = tf.clip_by_value(high, low, extent)
        missing = tf.maximum(MIN_BOX_SIDE - (high - low), 0)
        low = tf.clip_by_value(low - missing // 2, 0, extent - MIN_BOX_SIDE)
        return low, tf.maximum(high, low + MIN_BOX_SIDE)

    x1, x2 = widen(box[0], box[2], width)
    y1, y2 = widen(box[1], box[3], height)
    return tf.stack([x1, y1, x2, y2])


def patch_boxes(box: tf.Tensor, layout: PatchLayout) -> tf.Tensor:
    """Returns the boxes of all patches, level by level, row-major.

    Args:
        box: int32 [..., 4], foreground boxes (x1, y1, x2, y2) in pixels.
        layout: the grids.

    Returns:
        int32 [..., num_patches, 4].
    """
    levels = []
    for n in layout.levels:
        xs = partition(box[..., 0], box[..., 2], n)
        ys = partition(box[..., 1], box[..., 3], n)
        rows, columns = np.divmod(np.arange(n * n), n)
        corners = [
            tf.gather(xs, columns, axis=-1), tf.gather(ys, rows, axis=-1),
            tf.gather(xs, columns + 1, axis=-1), tf.gather(ys, rows + 1, axis=-1),
        ]
        levels.append(tf.stack(corners, axis=-1))
    return tf.concat(levels, axis=-2)


def patch_positions(
    boxes: tf.Tensor, height: tf.Tensor, width: tf.Tensor, units: str = "normalized"
) -> tf.Tensor:
    """Returns the 5-D positions [x1, x2, y1, y2, w * h] of patches.

    Args:
        boxes: int32 [..., 4], (x1, y1, x2, y2) in pixels.
        height, width: int32 scalars or [...] broadcastable to the boxes' batch.
        units: `normalized` divides by the picture's size, so that all five are
            in [0, 1]; `pixels` leaves integers, as the authors' code does.

    Returns:
        float32 [..., 5].
    """
    if units not in ("normalized", "pixels"):
        raise ValueError(
            f"`units` must be 'normalized' or 'pixels'. Received: units={units!r}"
        )
    x1, y1, x2, y2 = tf.unstack(tf.cast(boxes, tf.float32), axis=-1)
    if units == "normalized":
        width, height = tf.cast(width, tf.float32), tf.cast(height, tf.float32)
        x1, x2, y1, y2 = x1 / width, x2 / width, y1 / height, y2 / height
    return tf.stack([x1, x2, y1, y2, (x2 - x1) * (y2 - y1)], axis=-1)


def extract_crops(
    image: tf.Tensor,
    box: tf.Tensor,
    layout: PatchLayout,
    crop_size: int,
    whole_crop_size: int,
    clean_only: bool = False,
) -> Dict[str, tf.Tensor]:
    """Cuts all patches out of a picture and resizes them.

    Each patch is cut at the picture's own resolution and then resized with an
    antialiasing filter; no pixel outside the patch enters it.

    Args:
        image: uint8 or float32 [height, width, 3], values in [0, 255].
        box: int32 [4], a locked foreground box (see `lock_box`).
        layout: the grids.
        crop_size: side of the crops in pixels, levels 2 and up.
        whole_crop_size: side of the level-1 crops in pixels.
        clean_only: leaves out rotations and greys, which only training needs.

    Returns:
        A dict of uint8 tensors in the order of `layout.vectors`: `whole`
        [4, whole_crop_size, whole_crop_size, 3] with the rotations of level 1
        (absent without a level 1), and `parts` [n, crop_size, crop_size, 3]
        with the rest, level 4 in colour before level 4 in grey. With
        `clean_only`, one whole crop and the parts without greys.
    """
    crops, parts = {}, []
    for n in layout.levels:
        size = whole_crop_size if n == 1 else crop_size
        level = to_uint8(_resize_cells(image, box, n, size))
        if n == 1:
            turns = 1 if clean_only else 4
            crops["whole"] = tf.concat(
                [tf.image.rot90(level, k) if k else level for k in range(turns)], axis=0
            )
            continue
        parts.append(level)
        if n == 4 and not clean_only:
            parts.append(
                tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(level))
            )
    crops["parts"] = tf.concat(parts, axis=0)
    return crops


def _resize_cells(image: tf.Tensor, box: tf.Tensor, n: int, size: int) -> tf.Tensor:
    """Splits a box n by n and resizes each cell as `tf.image.resize` does.

    The cells of a level differ in size by a pixel, so no single resize can take
    them together without touching a neighbour's pixels. The kernel under
    `tf.image.resize` is called without what that works out for each call anew:
    half of the time.

    Args:
        image: uint8 or float32 [height, width, 3].
        box: int32 [4], (x1, y1, x2, y2).
        n: cells a side.
        size: side of the results in pixels.

    Returns:
        float32 [n * n, size, size, 3], row-major.
    """
    xs, ys = partition(box[0], box[2], n), partition(box[1], box[3], n)
    widths, heights = xs[1:] - xs[:-1], ys[1:] - ys[:-1]
    sides = tf.stack([tf.repeat(heights, n), tf.tile(widths, [n])], axis=1)
    scales = tf.unstack(size / tf.cast(sides, tf.float32))
    bands = tf.split(image[None, ys[0] : ys[n], xs[0] : xs[n]], heights, 1, num=n)
    cells = [cell for band in bands for cell in tf.split(band, widths, 2, num=n)]
    return tf.concat(
        [
            tf.raw_ops.ScaleAndTranslate(
                images=cell, size=[size, size], scale=scale, translation=[0.0, 0.0],
                kernel_type="triangle", antialias=True,
            )
            for cell, scale in zip(cells, scales)
        ],
        axis=0,
    )


def to_uint8(image: tf.Tensor) -> tf.Tensor:
    """Rounds values in [0, 255] to uint8 (a plain cast would cut them off)."""
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)


def decode_picture(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes JPEG, PNG, GIF (first frame) or BMP; transparency becomes white.

    Args:
        encoded: string scalar.

    Returns:
        uint8 [height, width, 3].

    Raises:
        tf.errors.InvalidArgumentError: if the bytes are no such picture, or it
            is smaller than `MIN_BOX_SIDE` pixels a side.
    """
    image = tf.io.decode_image(encoded, expand_animations=False)
    image.set_shape([None, None, None])
    channels = tf.shape(image)[-1]
    has_alpha = tf.logical_or(tf.equal(channels, 2), tf.equal(channels, 4))

    def on_white():
        alpha = tf.cast(image[..., -1:], tf.float32) / 255.0
        colour = tf.cast(image[..., :-1], tf.float32)
        return to_uint8(colour * alpha + 255.0 * (1.0 - alpha))

    image = tf.cond(has_alpha, on_white, lambda: image)
    image = tf.cond(
        tf.equal(tf.shape(image)[-1], 1),
        lambda: tf.tile(image, [1, 1, 3]),
        lambda: image,
    )
    size = tf.shape(image)
    small = tf.debugging.assert_greater_equal(
        tf.minimum(size[0], size[1]), MIN_BOX_SIDE,
        message=f"a picture needs {MIN_BOX_SIDE} pixels a side",
    )
    with tf.control_dependencies([small] if small is not None else []):
        return tf.ensure_shape(image, [None, None, 3])
