"""Draws a picture as the paper's Figure 4 does: mask, box, patches, maps, pairs."""

from __future__ import annotations

from typing import Mapping, Sequence, Tuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw

from kaleido.patches import PatchLayout

_GAP = 3
# Longest side of a drawing of a whole picture, and of a map: pages show both small.
_SHOWN, _MAP = 400, 160
_HIDDEN = (120, 120, 120)
Colour = Tuple[int, int, int]
# Of the words that a figure tells apart; readable on white and on cloth.
COLOURS: Sequence[Colour] = (
    (230, 60, 30), (30, 120, 220), (30, 160, 70), (240, 160, 0), (150, 60, 190),
    (0, 170, 180), (220, 60, 150), (120, 90, 40),
)


def draw_box(image: np.ndarray, box: Sequence[int]) -> np.ndarray:
    """Draws a box (x1, y1, x2, y2) on a picture, uint8 [height, width, 3].

    Returns:
        uint8 [height', width', 3], shrunk if it is larger than what is shown.
    """
    picture = _shrunk(image, _SHOWN)
    scale = np.divide(picture.size, image.shape[1::-1])
    x1, y1, x2, y2 = np.round(np.multiply(box, [*scale, *scale])).astype(int).tolist()
    # Of an object thinner than its frame the frame is left.
    corners = (x1, y1, max(x2 - 1, x1), max(y2 - 1, y1))
    ImageDraw.Draw(picture).rectangle(corners, outline=(230, 60, 30), width=3)
    return np.asarray(picture)


def draw_mask(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns a picture whose background has faded.

    Args:
        image: uint8 [height, width, 3].
        mask: float [any, any], probability of foreground.

    Returns:
        uint8 [height', width', 3], shrunk if it is larger than what is shown.
    """
    picture = _shrunk(image, _SHOWN)
    wide = Image.fromarray((mask * 255).astype(np.uint8)).resize(picture.size)
    share = np.asarray(wide, np.float32)[..., None] / 255.0
    faded = np.asarray(picture) * (0.2 + 0.8 * share) + 255 * 0.8 * (1 - share)
    return np.clip(faded, 0, 255).astype(np.uint8)


def draw_map(image: np.ndarray, box: Sequence[int], heat: np.ndarray) -> np.ndarray:
    """Returns the locked object under a heat map.

    Args:
        image: uint8 [height, width, 3].
        box: the locked box (x1, y1, x2, y2).
        heat: float [grid, grid] over the box, not negative.

    Returns:
        uint8 [height', width', 3], shrunk if it is larger than what is shown.
    """
    x1, y1, x2, y2 = (int(v) for v in box)
    crop = _shrunk(image[y1:y2, x1:x2], _MAP)
    heat = heat / max(float(heat.max()), 1e-9)
    wide = Image.fromarray((heat * 255).astype(np.uint8))
    wide = wide.resize(crop.size, Image.BICUBIC)
    colours = matplotlib.colormaps["jet"](np.asarray(wide))[..., :3] * 255
    return (0.45 * np.asarray(crop) + 0.55 * colours).astype(np.uint8)


def draw_level(
    image: np.ndarray,
    boxes: np.ndarray,
    level: int,
    side: int = 150,
    hidden: Sequence[int] = (),
    frames: Mapping[int, Sequence[Colour]] | None = None,
) -> np.ndarray:
    """Returns a level's patches, pulled apart, uint8 [side', side', 3].

    Args:
        image: uint8 [height, width, 3].
        boxes: int [level * level, 4], the level's boxes in pixels, row-major.
        level: patches a side.
        side: height and width of the drawing, about.
        hidden: indices of patches to leave blank.
        frames: colours of the frames of some patches, one inside the other.
    """
    cell = max((side - _GAP * (level - 1)) // level, 1)
    extent = level * cell + (level - 1) * _GAP
    canvas = Image.new("RGB", (extent, extent), (255, 255, 255))
    picture = Image.fromarray(image)
    for index, box in enumerate(boxes.tolist()):
        row, column = divmod(index, level)
        patch = picture.crop(box).resize((cell, cell), Image.LANCZOS)
        if index in hidden:
            patch = Image.new("RGB", (cell, cell), _HIDDEN)
        for ring, colour in enumerate((frames or {}).get(index, ())):
            inset = 3 * ring
            if cell > 2 * inset + 6:
                ImageDraw.Draw(patch).rectangle(
                    (inset, inset, cell - 1 - inset, cell - 1 - inset),
                    outline=colour, width=3,
                )
        canvas.paste(patch, (column * (cell + _GAP), row * (cell + _GAP)))
    return np.asarray(canvas)


def draw_levels(
    image: np.ndarray,
    boxes: np.ndarray,
    layout: PatchLayout,
    side: int = 150,
    hidden: Mapping[int, Sequence[int]] | None = None,
    frames: Mapping[int, Mapping[int, Sequence[Colour]]] | None = None,
) -> Sequence[np.ndarray]:
    """Returns one drawing a level.

    Args:
        image: uint8 [height, width, 3].
        boxes: int [num_patches, 4] in pixels.
        layout: the grids.
        side: of a drawing.
        hidden, frames: by level, see `draw_level`.
    """
    return [
        draw_level(
            image, boxes[list(layout.patches(n))], n, side,
            (hidden or {}).get(n, ()), (frames or {}).get(n),
        )
        for n in layout.levels
    ]


def _shrunk(image: np.ndarray, side: int) -> Image.Image:
    """Returns a picture whose longest side is at most `side`."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.LANCZOS)
    return picture
