"""Draws a picture with its foreground box and its five levels of patches."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from PIL import Image, ImageDraw

from kaleido.patches import PatchLayout

_GAP = 3


def draw_box(image: np.ndarray, box: Sequence[int]) -> np.ndarray:
    """Returns a copy of uint8 [height, width, 3] with a box (x1, y1, x2, y2)."""
    picture = Image.fromarray(image)
    x1, y1, x2, y2 = (int(v) for v in box)
    ImageDraw.Draw(picture).rectangle(
        (x1, y1, x2 - 1, y2 - 1), outline=(230, 60, 30), width=3
    )
    return np.asarray(picture)


def draw_level(
    image: np.ndarray,
    boxes: np.ndarray,
    level: int,
    side: int = 150,
    hidden: Sequence[int] = (),
) -> np.ndarray:
    """Returns a level's patches, pulled apart, uint8 [side', side', 3].

    Args:
        image: uint8 [height, width, 3].
        boxes: int [level * level, 4], the level's boxes in pixels, row-major.
        level: patches a side.
        side: height and width of the drawing, about.
        hidden: indices of patches to leave blank.
    """
    cell = max((side - _GAP * (level - 1)) // level, 1)
    extent = level * cell + (level - 1) * _GAP
    canvas = Image.new("RGB", (extent, extent), (255, 255, 255))
    picture = Image.fromarray(image)
    for index, box in enumerate(boxes.tolist()):
        row, column = divmod(index, level)
        patch = picture.crop(box).resize((cell, cell), Image.LANCZOS)
        if index in hidden:
            patch = Image.new("RGB", (cell, cell), (120, 120, 120))
        canvas.paste(patch, (column * (cell + _GAP), row * (cell + _GAP)))
    return np.asarray(canvas)


def draw_levels(
    image: np.ndarray, boxes: np.ndarray, layout: PatchLayout, side: int = 150
) -> Sequence[np.ndarray]:
    """Returns one drawing a level; `boxes` int [num_patches, 4] in pixels."""
    return [
        draw_level(image, boxes[list(layout.patches(n))], n, side)
        for n in layout.levels
    ]
