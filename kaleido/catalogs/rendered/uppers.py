"""Bodies and sleeves of what is worn above the waist."""

from __future__ import annotations

import dataclasses
import math
from typing import Mapping

from kaleido.catalogs.rendered.shapes import Drawing, flip, polygon

Attributes = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Cut:
    """Measures of an upper, half widths and heights in garment units.

    Attributes:
        neck: half width of the neck opening.
        shoulder: half width at the shoulder tips.
        chest: half width at the underarm.
        waist: half width at the waist, `waist_at` below the neck.
        hem: half width at the hem.
        length: height of the hem below the neck.
        armhole: height of the underarm.
        waist_at: height of the waist.
    """

    neck: float
    shoulder: float
    chest: float
    waist: float
    hem: float
    length: float
    armhole: float = 25.0
    waist_at: float = 43.0


_NECK = {"boat": 15.0, "scoop": 11.5, "square": 11.5, "v-neck": 9.0, "mock": 8.0,
         "turtleneck": 8.0}  # fmt: skip


def upper_cut(attributes: Attributes, length: float) -> Cut:
    """Returns the measures that neckline, sleeves and fit ask for."""
    fit = attributes.get("fit", "regular")
    wide = {"slim": 0.9, "regular": 1.0, "oversized": 1.2}[fit]
    neck = _NECK.get(attributes.get("neckline", "crew"), 8.8)
    shoulder = 19.5 + 3.5 * (wide - 0.9) / 0.3
    sleeve = attributes["sleeve"]
    if sleeve == "sleeveless":
        shoulder = max(15.5, neck + 3.5)
    elif sleeve == "straps":
        neck, shoulder = 11.0, 13.0
    waist = {"slim": 15.8, "regular": 19.0, "oversized": 24.0}[fit]
    return Cut(neck, shoulder, 20.5 * wide, waist, 20.0 * wide, length)


def body_path(cut: Cut, edge: str, hem: str = "straight") -> str:
    """Returns the outline of the body.

    Args:
        cut: its measures.
        edge: the neckline, path commands from (-neck, 0) to (neck, 0).
        hem: `straight` or `curved` like a shirttail.
    """
    s, c, w, h = cut.shoulder, cut.chest, cut.waist, cut.hem
    a, m, b = cut.armhole, cut.waist_at, cut.length
    side = b - 7 if hem == "curved" else b
    m = min(m, side - 6)
    bottom = (
        f"C {h * 0.75} {b - 3} {h * 0.6} {b + 2} 0 {b + 2} "
        f"C {-h * 0.6} {b + 2} {-h * 0.75} {b - 3} {-h} {side}"
        if hem == "curved"
        else f"Q 0 {b + 2.2} {-h} {side}"
    )
    return (
        f"M {-cut.neck} 0 {edge} L {s} 4.5 "
        f"C {s - 2.2} 12 {c - 3.2} {a - 5} {c} {a} "
        f"C {c} {a + 6} {w} {m - 8} {w} {m} C {w} {m + 8} {h} {b - 12} {h} {side} "
        f"{bottom} C {-h} {b - 12} {-w} {m + 8} {-w} {m} "
        f"C {-w} {m - 8} {-c} {a + 6} {-c} {a} "
        f"C {-c + 3.2} {a - 5} {-s + 2.2} 12 {-s} 4.5 Z"
    )


_SLEEVE = {"short": (19.0, 27.0, 12.5), "three-quarter": (37.0, 19.0, 10.0),
           "long": (55.0, 15.0, 8.2)}  # fmt: skip


def draw_sleeves(
    drawing: Drawing, attributes: Attributes, cut: Cut, bands: bool
) -> None:
    """Adds both sleeves with their cuffs; nothing for sleeveless cuts."""
    style = attributes["sleeve"]
    if style not in _SLEEVE:
        return
    length, degrees, width = _SLEEVE[style]
    shape = attributes.get("sleeve_shape", "slim")
    if attributes.get("fit") == "oversized":
        width, degrees = width * 1.12, degrees + 3
    elif attributes.get("fit") == "slim":
        width *= 0.9
    width *= {"slim": 1.0, "bell": 1.8, "balloon": 0.82}[shape]
    if shape == "bell":
        degrees += 5
    angle = math.radians(degrees)
    dx, dy = math.sin(angle), math.cos(angle)
    sx, sy, ux, uy = cut.shoulder, 4.2, cut.chest - 1.0, cut.armhole + 0.5
    ox, oy = sx + 2.5 + dx * length, sy + dy * length
    ix, iy = ox - dy * width, oy + dx * width
    bulge = {"slim": 1.5, "bell": -1.0, "balloon": 9.5}[shape]
    if style == "short":
        bulge *= 0.75
    px, py = sx + dx * length * 0.72 + dy * bulge, sy + dy * length * 0.72 - dx * bulge
    qx, qy = ix - dx * length * 0.3, iy - dy * length * 0.3
    if shape == "balloon":
        qx, qy = qx - dy * 3.5, qy + dx * 3.5
    if shape == "bell":
        qx, qy = qx + dy * width * 0.45, qy - dx * width * 0.45
    sleeve = (
        f"M {sx - 2.5} {sy - 0.6} "
        f"C {sx + 3 + dy * bulge * 0.5} {sy + 1.5 - dx * bulge * 0.5} "
        f"{px} {py} {ox} {oy} L {ix} {iy} C {qx} {qy} {ux + dx * 6} {uy + dy * 6} "
        f"{ux} {uy} Q {ux - 3} {uy - 12} {sx - 2.5} {sy - 0.6} Z"
    )
    deep = 3.6 if bands else 1.6
    cuff = polygon([
        (ox + dy * 0.3, oy - dx * 0.3), (ix - dy * 0.3, iy + dx * 0.3),
        (ix - dy * 0.3 - dx * deep, iy + dx * 0.3 - dy * deep),
        (ox + dy * 0.3 - dx * deep, oy - dx * 0.3 - dy * deep),
    ])  # fmt: skip
    for side in (1, -1):
        turn = flip if side < 0 else str
        drawing.piece("sleeve", turn(sleeve), shade="round")
        drawing.piece("cuff", turn(cuff), drawing.trim, "round", 0.3)
        if bands:
            for k in (0.2, 0.4, 0.6, 0.8):
                x, y = ox + (ix - ox) * k, oy + (iy - oy) * k
                drawing.line(
                    turn(f"M {x} {y} L {x - dx * deep} {y - dy * deep}"), 0.3, 0.3
                )
        # Creases at the elbow and where the arm meets the body.
        drawing.fold(side * (sx + 1), sy + 10, side * (sx + dx * 16 - 1), sy + 17, 0.8)
        if length > 30:
            mx, my = (sx + ox) / 2 + 1, (sy + oy) / 2 + 3
            drawing.fold(
                side * mx, my, side * (mx - dy * width * 0.8), my + 3, 1.2 * side
            )
        if shape == "balloon":
            for k in (0.25, 0.5, 0.75):
                x, y = ox + (ix - ox) * k - dx * deep, oy + (iy - oy) * k - dy * deep
                drawing.fold(side * x, y, side * (x - dx * 9 + k), y - dy * 9, 0.6)


def draw_armholes(drawing: Drawing, attributes: Attributes, cut: Cut) -> None:
    """Adds the bindings where a sleeveless body ends.

    They are of part `sleeve`: that is where one looks to see that there is none.
    """
    if attributes["sleeve"] != "sleeveless":
        return
    s, c, a = cut.shoulder, cut.chest, cut.armhole
    for side in (1, -1):
        path = (
            f"M {side * s} 4.5 C {side * (s - 2.2)} 12 {side * (c - 3.2)} {a - 5} "
            f"{side * c} {a}"
        )
        drawing.band("sleeve", path, drawing.trim, 1.6)


def draw_body_folds(drawing: Drawing, cut: Cut) -> None:
    """Adds the creases of a hanging body."""
    c, b = cut.chest, cut.length
    for side in (1, -1):
        drawing.fold(side * (c - 2.5), cut.armhole + 1, side * (c - 9), 34, 1.5 * side)
        drawing.fold(side * cut.waist * 0.55, b - 3, side * cut.waist * 0.4, b - 17,
                     1.0 * side)  # fmt: skip
    drawing.fold(-cut.waist * 0.9, min(b - 8, 41), -cut.waist * 0.25, min(b - 6, 45), 1)
    if b > 66:
        drawing.fold(cut.hem * 0.1, b - 2, cut.waist * 0.15, b - 26, 1.2)
