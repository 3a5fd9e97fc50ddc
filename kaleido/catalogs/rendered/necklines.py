"""Necklines and collars."""

from __future__ import annotations

from typing import Mapping

from kaleido.catalogs.rendered.shapes import Drawing, ellipse, flip, mix, polygon, rect


def neck_edge(style: str, half: float) -> str:
    """Returns the front edge of a neckline.

    Args:
        style: a value of `neckline`, or `back` for the edge behind.
        half: half width of the opening, in garment units.

    Returns:
        Path commands from (-half, 0) to (half, 0).
    """
    if style == "v-neck":
        return f"Q {-half * 0.62} 9 0 18.5 Q {half * 0.62} 9 {half} 0"
    if style == "square":
        return f"L {-half * 0.95} 13 L {half * 0.95} 13 L {half} 0"
    depth = {"crew": 8.0, "henley": 8.0, "scoop": 16.5, "boat": 4.2, "mock": 3.0,
             "turtleneck": 3.0, "back": 2.6, "shirt": 6.5}[style] / 0.75  # fmt: skip
    return f"C {-half * 0.88} {depth} {half * 0.88} {depth} {half} 0"


def draw_inner_back(drawing: Drawing, edge: str, half: float, part: str) -> None:
    """Adds the inside of the back that shows through the opening, and its label."""
    drawing.piece(
        part, f"M {-half} 0 {edge} C {half * 0.8} 3 {-half * 0.8} 3 {-half} 0 Z",
        mix(drawing.main, "#000000", 0.1), "inside", 0.3,
    )  # fmt: skip


def draw_neckline(drawing: Drawing, style: str, half: float, fine: bool) -> None:
    """Adds the band of a collarless neckline seen from the front.

    Args:
        drawing: gets the shapes, all of part `neckline`.
        style: a value of `neckline`.
        half: half width of the opening.
        fine: a narrow binding, as on a dress, in place of a rib.
    """
    part, color = "neckline", drawing.trim
    edge = neck_edge(style, half)
    if style in ("mock", "turtleneck"):
        top = -4.5 if style == "mock" else -9.5
        lean = 0.8 if style == "mock" else 1.4
        tube = (
            f"M {-half - 1.2} 1.2 C {-half} -2 {-half + lean} {top + 3} "
            f"{-half + lean} {top} Q 0 {top + 2.4} {half - lean} {top} "
            f"C {half - lean} {top + 3} {half} -2 {half + 1.2} 1.2 "
            f"Q 0 9 {-half - 1.2} 1.2 Z"
        )
        hole = (
            f"M {-half + lean} {top} Q 0 {top + 2.4} {half - lean} {top} "
            f"Q 0 {top - 2.6} {-half + lean} {top} Z"
        )
        drawing.piece(part, hole, mix(drawing.main, "#000000", 0.2), "inside", 0.3)
        drawing.piece(part, tube, color, "round", 0.4)
        for k in (-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75):
            drawing.line(
                f"M {half * k} {4.6 - abs(k) * 2.6} L {(half - lean) * k} {top + 1.4}",
                0.35, 0.28,
            )  # fmt: skip
        if style == "turtleneck":
            drawing.line(f"M {-half - 0.2} -2.6 Q 0 2.4 {half + 0.2} -2.6", 0.6, 0.5)
            drawing.fold(-half, -2, half, -2, 3.2)
        return
    width = 1.4 if fine else 2.7
    if style == "boat":
        width *= 0.75
    drawing.band(part, f"M {-half} 0.2 C {-half * 0.8} 3 {half * 0.8} 3 {half} 0.2",
                 mix(color, "#000000", 0.18), width * 0.8)  # fmt: skip
    drawing.band(part, f"M {-half} 0 {edge}", color, width)
    if not fine:
        drawing.stitch(f"M {-half - 2.1} 0.9 {neck_edge(style, half + 2.1)}"
                       .replace(f" {half + 2.1} 0", f" {half + 2.1} 0.9"))  # fmt: skip
    if style == "henley":
        drawing.piece(part, rect(-1.7, 8.6, 3.4, 13), color, "", 0.35)
        for y in (11, 14.8, 18.6):
            drawing.button(part, 0, y, "#f2efe6")


def draw_collar(drawing: Drawing, style: str, attributes: Mapping[str, str]) -> None:
    """Adds a collar seen from the front, all of part `collar`.

    A hood or a pussy-bow shows more than the collar's leaves, but a text
    speaks of it with one phrase, so it is one part.
    """
    part, color = "collar", drawing.trim
    n = 8.8
    inner = mix(drawing.main, "#000000", 0.12)
    if style == "hood":
        drawing.piece(
            part, "M -15 4 C -20 -10 -13 -20 0 -20 C 13 -20 20 -10 15 4 "
            "Q 0 16 -15 4 Z", None, "round",
        )  # fmt: skip
        drawing.piece(part, "M -8.5 3.5 C -12 -8 -7 -14.5 0 -14.5 C 7 -14.5 12 -8 8.5 "
                      "3.5 Q 0 13 -8.5 3.5 Z", inner, "inside", 0.5)  # fmt: skip
        for side in (1, -1):
            drawing.band(part, f"M {side * 5.5} 7 Q {side * 6.4} 13 {side * 5.6} 19",
                         "#efece4", 0.8)  # fmt: skip
        return
    drawing.piece(
        part, f"M {-n} -2.5 Q 0 -6.5 {n} -2.5 L {n} 1 Q 0 9 {-n} 1 Z",
        mix(color, "#000000", 0.15), "inside", 0.4,
    )  # fmt: skip
    if style in ("band", "stand", "rib"):
        tall = {"band": 2.6, "stand": 6.0, "rib": 4.0}[style]
        half = (
            f"M 0.2 8.2 Q {n * 0.72} 6 {n + 0.6} {0.6} L {n + 0.3} {-tall} "
            f"Q {n * 0.6} {7.4 - tall - 1} 0.2 {8.2 - tall} Z"
        )
        for turn in (str, flip):
            drawing.piece(part, turn(half), color, "round", 0.4)
        if style == "rib":
            for k in range(-7, 8):
                x = n * k / 8
                y = 7.6 - 7 * (x / n) ** 2
                drawing.line(f"M {x} {y} L {x} {y - 3.4}", 0.3, 0.4)
        return
    if style == "lapel":
        leaf = (
            f"M 0.3 30 L {n + 0.6} -2.6 Q {n + 3.4} -1 {n + 3.6} 3.2 L 12.6 9 "
            "L 10.4 10.4 L 13.4 12.4 Q 9 24 0.3 32 Z"
        )
        seam = f"M {n - 0.4} 3 L 10.4 10.4"
    elif style == "shearling":
        leaf = (
            f"M 0.4 15 C 3 8 6 3 {n - 0.6} -4 C {n + 8} -2 15 9 11 16 "
            "C 8 20 3 20 0.4 15 Z"
        )
        seam = ""
    elif style == "camp":
        leaf = (
            f"M 0.2 16 L {n - 0.4} -2.6 Q {n + 3.6} -1.6 {n + 3.4} 3 L 11.5 8.6 "
            "L 8.6 8.4 L 9.4 11.6 Q 5 15 0.2 17 Z"
        )
        seam = f"M {n - 1.2} 4 L 8.6 8.4"
    else:
        leaf = (
            f"M 0.3 7.4 Q 5.4 4 {n - 0.6} -3.6 Q {n + 3.8} -2 {n + 3.8} 2.4 "
            "L 8 13.6 Z"
        )
        seam = ""
    fill = mix("#f3ead8", color, 0.25) if style == "shearling" else color
    for turn in (str, flip):
        drawing.piece(part, turn(leaf), fill, "round", 0.45)
        if seam:
            drawing.line(turn(seam), 0.5, 0.7)
    if style == "shearling":
        for x, y in ((7, 4), (10, 8), (6, 11), (9.5, 13), (3.5, 13.5), (12, 4)):
            for side in (1, -1):
                drawing.line(ellipse(side * x, y, 1.3, 1.0), 0.3, 0.35)
    if style == "bow":
        loop = "M 0 9 C 4 2 13 3 12.5 8.5 C 12.5 14 4 14 0 9 Z"
        tail = polygon([(0.5, 10), (3.5, 10.5), (8, 27), (3.2, 28.5)])
        for turn in (str, flip):
            drawing.piece(part, turn(tail), color, "drop", 0.45)
            drawing.piece(part, turn(loop), color, "drop", 0.45)
            drawing.line(turn("M 2 9 Q 6 8 9 8.6"), 0.5, 0.5)
        drawing.piece(part, ellipse(0, 9.3, 2.1, 2.6), color, "round", 0.4)
