"""Shapes of a drawing: bezier paths with a paint and the part they belong to.

Lengths are in garment units (a shirt is about 60 tall), x to the right and y
down. Paths use absolute `M L Q C Z` only, so that a list of points is all that
a view has to move.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

from kaleido.catalogs.rendered.vocabulary import color_hex

_NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
# Control point distance of a quarter circle of radius one.
_KAPPA = 0.5523
# Paint of cloth that gets its pattern after rasterising. Black laid over this
# middle grey makes it darker and white lighter, so that what is left tells the
# shade, which is then put on the pattern.
PATTERNED = "#808080"


@dataclasses.dataclass(frozen=True)
class Shape:
    """One painted path.

    Attributes:
        part: the part whose pixels it covers; None for shading, stitches and
            what else lies upon a part without being one.
        path: SVG path data.
        fill: colour, see `PATTERNED`.
        stroke: colour.
        width: of the stroke, in garment units.
        opacity: of the whole shape.
        shade: its volume, one of `shading.KINDS`; "" for none.
        dash: SVG dash array of the stroke.
    """

    part: Optional[str]
    path: str
    fill: str = "none"
    stroke: str = "none"
    width: float = 0.0
    opacity: float = 1.0
    shade: str = ""
    dash: str = ""


def rgb(color: str) -> np.ndarray:
    """Returns a `#rrggbb` colour as float32 [3] in 0 .. 255."""
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def luminance(color: str) -> float:
    """Returns the brightness of a `#rrggbb` colour, in 0 .. 1."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return (0.3 * red + 0.59 * green + 0.11 * blue) / 255.0


def mix(first: str, second: str, share: float) -> str:
    """Returns `first` with `share` of `second` mixed in, both `#rrggbb`."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


class Drawing:
    """Collects the shapes of one product, from back to front.

    Attributes:
        main: hex value of the main colour.
        fabric: paint of the main cloth: the colour or `PATTERNED`.
        trim: hex value of edges.
        ink: colour of outlines and seams, readable on the main colour.
        shapes: the shapes so far.
    """

    def __init__(self, color: str, trim: str, patterned: bool):
        self.main = color_hex(color)
        self.fabric = PATTERNED if patterned else self.main
        self.trim = (
            mix(self.main, "#000000", 0.12) if trim == "tonal" else (color_hex(trim))
        )
        dark = luminance(self.main) < 0.28
        self.ink = (
            mix(self.main, "#ffffff", 0.3) if dark else (mix(self.main, "#000000", 0.5))
        )
        self.fold_paint = "#000000"
        self.fold_opacity = 0.21 if dark else 0.11
        self.edge = mix(self.main, "#000000", 0.55)
        self.shapes: List[Shape] = []

    def piece(
        self, part: str, path: str, fill: Optional[str] = None,
        shade: str = "round", outline: float = 0.4,
    ) -> None:  # fmt: skip
        """Adds a piece of cloth or leather that belongs to a part."""
        paint = self.fabric if fill is None else fill
        edge = self.edge if fill is None else mix(fill, "#000000", 0.45)
        self.shapes.append(
            Shape(part, path, paint, edge if outline else "none", outline, 1.0, shade)
        )

    def band(self, part: str, path: str, color: str, width: float) -> None:
        """Adds a strip along a path, with a dark line on either side."""
        dark = mix(color, "#000000", 0.4)
        self.shapes.append(Shape(part, path, "none", dark, width + 0.7))
        self.shapes.append(Shape(part, path, "none", color, width))

    def line(
        self, path: str, width: float = 0.4, opacity: float = 0.55,
        dash: str = "", color: Optional[str] = None,
    ) -> None:  # fmt: skip
        """Adds a seam or stitch line; it belongs to no part."""
        self.shapes.append(
            Shape(None, path, "none", color or self.ink, width, opacity, "", dash)
        )

    def stitch(self, path: str, color: Optional[str] = None) -> None:
        """Adds a row of stitches."""
        self.line(path, 0.35, 0.7, "1.1 0.7", color)

    def fold(self, x0: float, y0: float, x1: float, y1: float, bend: float) -> None:
        """Adds a soft crease from (x0, y0) to (x1, y1), `bend` to its side."""
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        nx, ny = -(y1 - y0) / length, (x1 - x0) / length
        mx, my = (x0 + x1) / 2, (y0 + y1) / 2
        for thick in (2.3, 1.0):
            a, b = bend - thick, bend + thick
            self.shapes.append(
                Shape(
                    None,
                    f"M {x0} {y0} Q {mx + nx * a} {my + ny * a} {x1} {y1} "
                    f"Q {mx + nx * b} {my + ny * b} {x0} {y0} Z",
                    self.fold_paint,
                    opacity=self.fold_opacity,
                )
            )

    def button(self, part: str, x: float, y: float, color: str, r: float = 0.95):
        """Adds a round button with two holes."""
        self.piece(part, ellipse(x, y, r, r), color, "", 0.25)
        hole = "#00000" + "0" if luminance(color) > 0.3 else "#dddddd"
        for dx in (-0.3, 0.3):
            self.shapes.append(
                Shape(None, ellipse(x + dx * r, y, 0.17 * r, 0.17 * r), hole)
            )


def ellipse(cx: float, cy: float, rx: float, ry: float) -> str:
    """Returns the path of an ellipse."""
    kx, ky = rx * _KAPPA, ry * _KAPPA
    return (
        f"M {cx - rx} {cy} C {cx - rx} {cy - ky} {cx - kx} {cy - ry} {cx} {cy - ry} "
        f"C {cx + kx} {cy - ry} {cx + rx} {cy - ky} {cx + rx} {cy} "
        f"C {cx + rx} {cy + ky} {cx + kx} {cy + ry} {cx} {cy + ry} "
        f"C {cx - kx} {cy + ry} {cx - rx} {cy + ky} {cx - rx} {cy} Z"
    )


def rect(x: float, y: float, width: float, height: float) -> str:
    """Returns the path of a rectangle."""
    return polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def polygon(points: Sequence[Tuple[float, float]]) -> str:
    """Returns the path of a closed polygon."""
    return "M " + " L ".join(f"{x} {y}" for x, y in points) + " Z"


def star(cx: float, cy: float, radius: float, points: int = 5) -> str:
    """Returns the path of a star that stands on two points."""
    corners = []
    for i in range(2 * points):
        r = radius if i % 2 == 0 else radius * 0.42
        angle = math.pi * i / points
        corners.append((cx + r * math.sin(angle), cy - r * math.cos(angle)))
    return polygon(corners)


def map_points(
    paths: Sequence[str], function: Callable[[np.ndarray], np.ndarray]
) -> Tuple[List[str], np.ndarray]:
    """Moves all points of some paths.

    Args:
        paths: SVG path data in absolute commands.
        function: maps float64 [points, 2] to float64 [points, 2].

    Returns:
        The new paths and all new points, float64 [points, 2].
    """
    joined = "|".join(paths)
    numbers = np.array(_NUMBER.findall(joined), np.float64).reshape(-1, 2)
    points = function(numbers)
    template = _NUMBER.sub("%.2f", joined)
    return (template % tuple(points.ravel().tolist())).split("|"), points


def flip(path: str) -> str:
    """Returns the path mirrored at x = 0."""
    return map_points([path], lambda points: points * (-1.0, 1.0))[0][0]


def moved(shapes: Sequence[Shape], scale: float, dx: float, dy: float) -> List[Shape]:
    """Returns copies of shapes, scaled about the origin and then shifted."""
    paths, _ = map_points(
        [shape.path for shape in shapes], lambda points: points * scale + (dx, dy)
    )
    return [dataclasses.replace(shape, path=path) for shape, path in zip(shapes, paths)]
