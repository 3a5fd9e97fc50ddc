"""What stands behind a product."""

from __future__ import annotations

import numpy as np
from PIL import Image

from kaleido.catalogs.rendered.shapes import rgb

# Repeated names are likelier: most shop pictures have a plain background.
BACKDROPS = ("white", "white", "studio", "studio", "color", "outdoor", "brick", "wood",
             "tiles", "linen")  # fmt: skip
_TONES = ("#dfe7ee", "#f0e3da", "#e6e0f0", "#dcebe0", "#f6ead0", "#efd5d3", "#c9d8e6",
          "#b9c7bd", "#d8c3ae", "#a9b4c4")  # fmt: skip


def enlarge(small: np.ndarray, size: int) -> np.ndarray:
    """Returns float32 [h, w] values smoothly enlarged to [size, size]."""
    picture = Image.fromarray(small.astype(np.float32), mode="F")
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))


def _ramp(top: np.ndarray, low: np.ndarray, rows: int) -> np.ndarray:
    """Returns a vertical gradient, float32 [rows, 1, 3]."""
    share = np.linspace(0, 1, max(rows, 1), dtype=np.float32)[:, None, None]
    return top * (1 - share) + low * share


def _outdoor(size: int, floor: float, rng: np.random.Generator) -> np.ndarray:
    """Returns trees and sky out of focus: coarse blobs, enlarged smoothly."""
    n = 24
    sky = rgb(("#bcd7ee", "#f3d9b8", "#cfdfe2")[rng.integers(3)])
    green = rgb(("#7f9c6b", "#9aa77d", "#a98f6c")[rng.integers(3)])
    ground = rgb(("#a9a294", "#8f9a78", "#c2b49a")[rng.integers(3)])
    coarse = np.broadcast_to(_ramp(sky, green * 0.4 + sky * 0.6, n), (n, n, 3)).copy()
    y, x = np.mgrid[0:n, 0:n].astype(np.float32)
    line = min(floor / size, 0.8) * n
    for _ in range(10):
        color = (green, green * 0.65, sky * 0.4 + 150, green * 0.6 + 90,
                 rgb("#c98d62"))[rng.integers(5)]  # fmt: skip
        cx, cy, r = rng.uniform(0, n), rng.uniform(0, 0.95) * line, rng.uniform(2, 5)
        weight = np.exp(-((((x - cx) ** 2 + (y - cy) ** 2) / (r * r)) ** 2))[..., None]
        coarse += weight * 0.85 * (color - coarse)
    coarse[y >= line] = ground
    return np.stack([enlarge(coarse[..., k], size) for k in range(3)], axis=-1)


def _brick(size: int, rng: np.random.Generator) -> np.ndarray:
    u = size / 256.0
    clay = rgb(("#b5765c", "#cfc6bb", "#a79b92")[rng.integers(3)])
    w, h, gap = rng.uniform(28, 40) * u, rng.uniform(11, 15) * u, 1.6 * u
    y, x = np.mgrid[0:size, 0:size]
    row = (y // h).astype(int)
    x = x + (row % 2) * w / 2
    column = (x // w).astype(int)
    tone = rng.uniform(0.88, 1.04, (64, 64)).astype(np.float32)[row % 64, column % 64]
    grout = (y % h < gap) | (x % w < gap)
    return np.where(grout[..., None], clay * 0.65 + 89, clay * tone[..., None])


def _wood(size: int, rng: np.random.Generator) -> np.ndarray:
    u = size / 256.0
    plank = rgb(("#c79f74", "#a87d55", "#dcc7a8")[rng.integers(3)])
    w = rng.uniform(32, 52) * u
    x = np.arange(size, dtype=np.float32)
    y = x[:, None] / u
    board = (x // w).astype(int)
    phase = rng.uniform(0, 40, 32).astype(np.float32)[board]
    tone = rng.uniform(0.92, 1.05, 32).astype(np.float32)[board]
    bend = 2.2 * np.sin(y / 37.0 + phase) + 1.1 * np.sin(y / 13.0 + 2 * phase)
    grain = 1 - 0.055 * (np.sin((x / u + bend) * 0.95 + phase) > 0.55)
    shade = grain * np.where(x % w < 1.6 * u, 0.55, tone)
    if rng.random() < 0.5:
        shade = shade.T
    return plank * shade[..., None]


def backdrop(
    kind: str, size: int, floor: float, rng: np.random.Generator
) -> np.ndarray:
    """Returns a background, float32 [size, size, 3] in 0 .. 255.

    Args:
        kind: one of `BACKDROPS`.
        size: width and height in pixels.
        floor: height of the line where wall and floor meet in pixels; beyond
            `size` there is no floor.
        rng: draws colours and places.
    """
    u = size / 256.0
    tone = rgb(_TONES[rng.integers(len(_TONES))])
    shape = (size, size, 3)
    if kind == "white":
        return np.full(shape, rng.integers(249, 256), np.float32)
    if kind == "studio":
        gray = float(rng.integers(200, 232))
        at, tilt = rng.uniform(0.25, 0.75, 2), rng.uniform(6, 16)
        y, x = np.mgrid[0:16, 0:16].astype(np.float32) / 15
        far = (x - at[0]) ** 2 + (y - at[1]) ** 2
        coarse = gray + 26 * np.exp(-far / 0.16) - tilt * (y - 0.5)
        return np.repeat(enlarge(coarse, size)[..., None], 3, axis=2)
    if kind == "outdoor":
        return _outdoor(size, floor, rng)
    if kind == "wood":
        return _wood(size, rng)
    if kind == "linen":
        weave = rng.normal(0, 4.5, (2, size)).astype(np.float32)
        y, x = np.mgrid[0:size, 0:size]
        cloth = np.where((x + y) % 2 == 0, weave[0][None, :], weave[1][:, None])
        return tone - 8 + cloth[..., None]
    if kind == "color":
        wall = _ramp(tone * 0.8 + 51, tone * 0.92, size)
        picture = np.broadcast_to(wall, shape).astype(np.float32)
    elif kind == "brick":
        picture = _brick(size, rng)
    elif kind == "tiles":
        y, x = np.mgrid[0:size, 0:size]
        w = rng.uniform(28, 46) * u
        joint = (y % w < 1.5 * u) | (x % w < 1.5 * u)
        picture = np.where(joint[..., None], tone * 0.9, tone * 0.6 + 102)
    else:
        raise ValueError(
            f"`kind` must be one of {sorted(set(BACKDROPS))}. Received: kind={kind}"
        )
    line = int(floor)
    if line < size:
        picture = np.array(picture, np.float32)
        picture[line:] = _ramp(tone * 0.82, tone * 0.8 + 51, size - line)
    return picture.astype(np.float32)
