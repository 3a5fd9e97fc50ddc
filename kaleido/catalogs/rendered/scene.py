"""From attributes to pictures: one product, one view, one background."""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np

from kaleido.catalogs.rendered.backdrops import BACKDROPS
from kaleido.catalogs.rendered.bags import draw_bag
from kaleido.catalogs.rendered.bottoms import draw_dress, draw_skirt, draw_trousers
from kaleido.catalogs.rendered.props import BACKGROUND, dress_form, hanger
from kaleido.catalogs.rendered.shading import KINDS
from kaleido.catalogs.rendered.shapes import PATTERNED, Drawing, Shape, map_points
from kaleido.catalogs.rendered.shoes import (
    add_pair,
    draw_boot,
    draw_pump,
)
from kaleido.catalogs.rendered.sneakers import draw_sneaker
from kaleido.catalogs.rendered.subcategories import NONE, SubCategory
from kaleido.catalogs.rendered.tops import draw_jacket, draw_shirt, draw_tee

_PAINTERS = {
    "T-SHIRTS": draw_tee, "SHIRTS": draw_shirt, "SWEATERS": draw_tee,
    "JACKETS": draw_jacket, "DRESSES": draw_dress, "SKIRTS": draw_skirt,
    "TROUSERS": draw_trousers, "SNEAKERS": draw_sneaker, "BOOTS": draw_boot,
    "PUMPS": draw_pump, "HANDBAGS": draw_bag,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class View:
    """How a product is photographed.

    Attributes:
        name: `front`, `quarter`, `back`, `closeup` or `pair`.
        pose: `flat`, `hanger`, `mannequin` or `standing`.
        backdrop: one of `BACKDROPS`.
        mirrored: left and right exchanged.
        turn: perspective of a quarter view, signed.
        rotation: in degrees.
        fill: share of the picture's side that the product's longer side takes.
        offset: place within the free space, two numbers in -1 .. 1.
        focus: what a close-up looks at, two numbers in 0 .. 1 of the box.
        light: side of the light, in -1 .. 1.
    """

    name: str
    pose: str
    backdrop: str
    mirrored: bool
    turn: float
    rotation: float
    fill: float
    offset: Tuple[float, float]
    focus: Tuple[float, float]
    light: float


def draw_view(subcategory: SubCategory, name: str, rng: np.random.Generator) -> View:
    """Draws pose, background and place of a view of the given name."""
    shoe = subcategory.category in ("SHOES", "BAGS")
    poses = ("standing",) if shoe else ("flat", "hanger", "mannequin")
    if subcategory.name in ("SKIRTS", "TROUSERS"):
        poses = ("flat", "hanger")
    pose = poses[rng.integers(len(poses))]
    closeup = name == "closeup"
    # The eye goes to the neck of a garment and to the foot of a shoe.
    heights = (0.22, 0.48)
    if subcategory.category in ("SHOES", "BAGS"):
        heights = (0.5, 0.7)
    elif subcategory.name in ("SKIRTS", "TROUSERS"):
        heights = (0.12, 0.4)
    wide = (0.9, 0.98) if subcategory.category == "SHOES" else (0.83, 0.96)
    turned = name == "quarter" or (closeup and rng.random() < 0.4)
    return View(
        name=name,
        pose=pose,
        backdrop=BACKDROPS[rng.integers(len(BACKDROPS))],
        mirrored=bool(
            (subcategory.category == "SHOES" or turned) and rng.random() < 0.5
        ),
        turn=float(rng.uniform(0.55, 1.0) * rng.choice((-1, 1))) if turned else 0.0,
        rotation=float(rng.uniform(-7, 7) if pose == "flat" else rng.uniform(-2, 2)),
        fill=float(rng.uniform(1.3, 1.75) if closeup else rng.uniform(*wide)),
        offset=(float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.8, 0.8))),
        focus=(float(rng.uniform(0.4, 0.6)), float(rng.uniform(*heights))),
        light=float(rng.uniform(-1, 1)),
    )


# How a quarter view narrows the product, lets its far side recede and tilts it.
_NARROW, _RECEDE, _TILT = 0.2, 0.0026, 0.06


@dataclasses.dataclass(frozen=True)
class Warp:
    """Moves garment points for a view.

    Attributes:
        mirrored: left and right exchanged.
        turn: perspective, signed, 0 for none.
        middle: height that perspective leaves where it is.
        drape: amplitudes and phases of a slightly different fall for each
            product, float64 [4]; None for what is stiff.
    """

    mirrored: bool
    turn: float
    middle: float
    drape: Optional[np.ndarray]

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Maps float64 [n, 2] in garment units to the turned product."""
        x, y = points[:, 0], points[:, 1]
        if self.drape is not None:
            a, b, c, d = self.drape
            x, y = x + a * np.sin(y / 13.0 + b), y + c * np.sin(x / 11.0 + d)
        if self.mirrored:
            x = -x
        if self.turn:
            y = self.middle + (y - self.middle) * (1 + _RECEDE * self.turn * x)
            y = y + _TILT * self.turn * x
            x = x * (1 - _NARROW * abs(self.turn))
        return np.stack((x, y), axis=1)

    def inverse(self, points: np.ndarray) -> np.ndarray:
        """Maps the turned product back, but for mirroring and drape."""
        x, y = points[:, 0], points[:, 1]
        if self.turn:
            x = x / (1 - _NARROW * abs(self.turn))
            y = y - _TILT * self.turn * x - self.middle
            y = self.middle + y / (1 + _RECEDE * self.turn * x)
        return np.stack((x, y), axis=1)


def draw_product(
    subcategory: SubCategory, attributes: Mapping[str, str], view: View
) -> Drawing:
    """Draws a product in garment units, x centred on 0, with its prop."""
    attributes = {"pattern": NONE, **attributes}
    drawing = Drawing(
        attributes["color"], attributes["trim_color"], attributes["pattern"] != NONE
    )
    back = view.name == "back"
    _PAINTERS[subcategory.name](drawing, attributes, back)
    if subcategory.category == "SHOES":
        if view.name == "pair":
            add_pair(drawing)
        moved, _ = map_points([s.path for s in drawing.shapes], lambda p: p - (50, 0))
        drawing.shapes = [
            dataclasses.replace(shape, path=path)
            for shape, path in zip(drawing.shapes, moved)
        ]
    if view.pose == "standing" or view.pose == "flat":
        return drawing
    if subcategory.name in ("SKIRTS", "TROUSERS"):
        drawing.shapes += hanger(bottoms=True)
        return drawing
    # A bust stands in front of the inside of the back, behind everything else.
    at = 0
    while drawing.shapes[at].part == "neckline":
        at += 1
    prop = hanger(bottoms=False)
    if view.pose == "mannequin":
        prop = dress_form()
    drawing.shapes[at:at] = prop
    return drawing


@dataclasses.dataclass(frozen=True)
class Scene:
    """A product as SVG, with its ground truth and its place in the picture.

    Attributes:
        product: the shaded product and its prop on a transparent ground.
        parts: the same geometry flat, without smooth edges: the blue channel is
            the part's number, from 1; red is the number of the shaded piece,
            from 1; green is 255 on cloth to be patterned.
        names: the names of the parts, number 1 first.
        pieces: what `shading.shade` needs of each shaded piece.
        warp: from garment units to the turned product.
        scale: pixels of a garment unit.
        shift: of the scaled and rotated product, in pixels.
        rotation: in degrees.
        box: left, top, right and bottom of the product, in pixels; close-ups
            go beyond the picture.
    """

    product: str
    parts: str
    names: Tuple[str, ...]
    pieces: np.ndarray
    warp: Warp
    scale: float
    shift: Tuple[float, float]
    rotation: float
    box: Tuple[float, float, float, float]

    def garment_places(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Returns where pixels lie on the product, float64 [n, 2] in its units."""
        x = (columns + 0.5 - self.shift[0]) / self.scale
        y = (rows + 0.5 - self.shift[1]) / self.scale
        angle = np.deg2rad(self.rotation)
        turned = np.stack(
            (
                x * np.cos(angle) + y * np.sin(angle),
                y * np.cos(angle) - x * np.sin(angle),
            ),
            axis=1,
        )
        return self.warp.inverse(turned)


def _paint(shape: Shape, path: str) -> str:
    """Returns the SVG of one shape of the shaded picture."""
    stroke = ""
    if shape.stroke != "none":
        dash = f' stroke-dasharray="{shape.dash}"' if shape.dash else ""
        stroke = f' stroke="{shape.stroke}" stroke-width="{shape.width:.2f}"{dash}'
    # Not `opacity`, which would allocate a layer of the picture's size each time.
    kind = "fill" if shape.fill != "none" else "stroke"
    opacity = f' {kind}-opacity="{shape.opacity}"' if shape.opacity < 1 else ""
    return f'<path d="{path}" fill="{shape.fill}"{stroke}{opacity}/>'


def _flat(shape: Shape, path: str, number: int, piece: int) -> str:
    """Returns the SVG of one shape of the part picture."""
    fill = "none"
    if shape.fill != "none":
        fill = f"#{piece:02x}{'ff' if shape.fill == PATTERNED else '00'}{number:02x}"
    stroke = ""
    if shape.stroke != "none":
        stroke = f' stroke="#0000{number:02x}" stroke-width="{shape.width:.2f}"'
    return f'<path d="{path}" fill="{fill}"{stroke}/>'


def _place(points: np.ndarray, view: View, size: int) -> Tuple[float, np.ndarray]:
    """Returns scale and shift in pixels that put the product into the picture."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = high - low
    scale = view.fill * size / span.max()
    if view.name == "closeup":
        # Some background stays to the left and right of what is long and narrow.
        scale = min(view.fill * size / span.min(), 1.14 * size / span[0])
        return float(scale), size / 2 - scale * (low + span * view.focus)
    free = size - scale * span
    return float(scale), free / 2 * (1 + np.array(view.offset)) - scale * low


def compose(
    subcategory: SubCategory,
    attributes: Mapping[str, str],
    view: View,
    size: int,
    drape: np.ndarray,
) -> Scene:
    """Draws a product and finds its place in the picture.

    Args:
        subcategory: what is drawn.
        attributes: its visible attributes.
        view: how it is photographed.
        size: width and height in pixels.
        drape: float64 [4], amplitudes and phases of the fall of the cloth.
    """
    shapes = draw_product(subcategory, attributes, view).shapes
    _, points = map_points([s.path for s in shapes if s.part], lambda p: p)
    middle = float(points[:, 1].min() + points[:, 1].max()) / 2
    stiff = view.pose == "standing"
    warp = Warp(view.mirrored, view.turn, middle, None if stiff else drape)
    paths, points = map_points([shape.path for shape in shapes], warp)
    counts = np.array([_count_points(path) for path in paths])
    angle = np.deg2rad(view.rotation)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = points @ turn
    # The prop takes no part in finding the place.
    own = np.repeat([bool(shape.part) for shape in shapes], counts)
    scale, shift = _place(points[own], view, size)
    points = points * scale + shift
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    lows = np.minimum.reduceat(points, starts)
    highs = np.maximum.reduceat(points, starts)
    numbers: Dict[str, int] = {}
    pieces: List[Tuple[float, ...]] = []
    picture: List[str] = []
    parts: List[str] = []
    for k, (shape, path) in enumerate(zip(shapes, paths)):
        picture.append(_paint(shape, path))
        if shape.part is None:
            continue
        number = piece = 0
        if shape.part != BACKGROUND:
            number = numbers.setdefault(shape.part, len(numbers) + 1)
        if shape.shade and len(pieces) < 255:
            kind = KINDS.index(shape.shade)
            pieces.append((*lows[k], *(highs[k] - lows[k]), kind))
            piece = len(pieces)
        parts.append(_flat(shape, path, number, piece))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
        f'viewBox="0 0 {size} {size}"'
    )
    group = (
        f'<g transform="translate({shift[0]:.2f} {shift[1]:.2f}) '
        f'scale({scale:.4f}) rotate({view.rotation:.2f})" stroke-linejoin="round">'
    )
    low, high = points[own].min(axis=0), points[own].max(axis=0)
    return Scene(
        product=f'{head}>{group}{"".join(picture)}</g></svg>',
        parts=f'{head} shape-rendering="crispEdges">{group}{"".join(parts)}</g></svg>',
        names=tuple(numbers),
        pieces=np.array(pieces, np.float32).reshape(-1, 5),
        warp=warp,
        scale=scale,
        shift=(float(shift[0]), float(shift[1])),
        rotation=view.rotation,
        box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
    )


def _count_points(path: str) -> int:
    """Returns the number of points of a path."""
    return sum(not token.isalpha() for token in path.split()) // 2
