"""Boots and pumps in profile; the toe points left, the ground is y = 0."""

from __future__ import annotations

from typing import Mapping

from kaleido.catalogs.rendered.shapes import (
    Drawing,
    Shape,
    ellipse,
    mix,
    moved,
    polygon,
    rect,
)
from kaleido.catalogs.rendered.vocabulary import color_hex

Attributes = Mapping[str, str]


def add_pair(drawing: Drawing) -> None:
    """Turns one shoe into a pair: a smaller copy stands behind it."""
    front = list(drawing.shapes)
    drawing.shapes = moved(front, 0.94, 20.0, -15.0) + front


_HEEL_HEIGHT = {"flat": 5.0, "block": 17.0, "stiletto": 25.0, "wedge": 19.0,
                "kitten": 13.0}  # fmt: skip


def _draw_heel(drawing: Drawing, style: str, height: float, x: float, color: str):
    """Adds a heel of part `heel` that carries the seat, ending at x at the back."""
    if style == "stiletto":
        path = (
            f"M {x - 19} {-height + 0.5} Q {x - 10} {-height + 5} {x - 7.4} "
            f"{-height * 0.5} L {x - 5.2} 0 L {x - 2.6} 0 Q {x - 1.6} "
            f"{-height * 0.6} {x + 0.4} {-height - 2} Z"
        )
    elif style == "kitten":
        path = (
            f"M {x - 16} {-height + 0.5} Q {x - 9} {-height + 4} {x - 8.4} 0 "
            f"L {x - 4.4} 0 Q {x - 2} {-height * 0.7} {x + 0.4} {-height - 2} Z"
        )
    elif style == "wedge":
        path = (
            f"M 34 -2.5 C 52 {-height * 0.3} 62 {-height * 0.95} {x - 14} {-height} "
            f"L {x + 0.4} {-height - 2} L {x - 1} 0 L 30 0 Z"
        )
    else:
        path = (
            f"M {x - 22} {-height + 0.5} L {x - 19} 0 L {x - 1} 0 L {x + 0.4} "
            f"{-height - 2} Z"
        )
    drawing.piece("heel", path, color, "round", 0.5)


_TOE = {
    # Upper outline from the sole's tip back to the instep, at lift p.
    "round": "M 2 {s} C -2 {a} 4 {b} 16 {c}",
    "pointed": "M -9 {s} C -5 {a} 4 {b} 18 {c}",
    "square": "M -1 {s} L -1.5 {a} C 0 {b} 6 {b} 16 {c}",
    "peep": "M 3 {s} L 5 {a} C 7 {b} 10 {b} 16 {c}",
}


def draw_boot(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a boot."""
    del back
    sole = 2.6 if attributes["sole"] == "flat" else 8.0
    heel = attributes["heel"]
    h = _HEEL_HEIGHT[heel] + sole * 0.6
    top = -h - {"ankle": 34.0, "calf": 58.0, "knee": 82.0}[attributes["shaft"]]
    wide = {"ankle": 0.0, "calf": 2.0, "knee": 5.0}[attributes["shaft"]]
    start = _TOE[attributes["toe"]].format(
        s=-sole, a=-sole - 8, b=-sole - 14, c=-sole - 16.5
    )
    tip = {"round": 2.0, "pointed": -9.0, "square": -1.0}[attributes["toe"]]
    metal = color_hex(attributes.get("hardware", "gold"))
    _draw_heel(drawing, heel, h, 92.0, color_hex(attributes["heel_color"]))
    drawing.piece("body", f"M {56 - wide} {top} Q 75 {top - 4} {93 + wide} {top} "
                  f"L 90 {top + 6} L 60 {top + 6} Z",
                  mix(drawing.main, "#000000", 0.3), "inside")  # fmt: skip
    outline = (
        f"{start} C 34 {-sole - 19} 48 {-sole - 26} 54 {-h - 22} "
        f"C 57 {-h - 32} {57 - wide} {top + 16} {56 - wide} {top} "
        f"Q 75 {top + 4} {93 + wide} {top} "
        f"C {94 + wide * 0.6} {top + 20} 89 {-h - 24} 92 {-h - 8} "
        f"C 93.4 {-h - 4} 93 {-h} 92.4 {-h} "
    )
    under = f"L 70 {-h} C 58 {-h} 46 {-sole} 34 {-sole} Z"
    drawing.piece("body", outline + under, None, "round", 0.5)
    drawing.fold(52, -h - 22, 68, -h - 14, 2)
    drawing.fold(55, -h - 30, 72, -h - 24, 2)
    drawing.fold(88, -h - 26, 70, -h - 18, -2)
    drawing.shapes.append(
        Shape(None, f"M 62 {top + 6} C 63 {top + 20} 62 {-h - 30} 63 {-h - 20} "
              f"C 66 {-h - 32} 66 {top + 20} 65 {top + 6} Z", "#ffffff", opacity=0.16)
    )  # fmt: skip
    drawing.piece(
        "toe", f"{start} C 24 {-sole - 18} 30 {-sole - 9} 28 {-sole} Z", None,
        "leather", 0.5,
    )  # fmt: skip
    drawing.stitch(f"M 29.4 {-sole} C 31 {-sole - 10} 26 {-sole - 17} 18 {-sole - 18}")
    _boot_closure(drawing, attributes["closure"], h, top, metal, sole)
    if attributes["cuff"] == "fur":
        fluffy = mix(drawing.trim, "#ffffff", 0.35)
        for row in range(2):
            for k in range(9):
                x = 55 - wide + (39 + 2 * wide) * k / 8
                drawing.piece("cuff", ellipse(x, top + 1 + row * 5, 3.6, 4.0), fluffy,
                              "drop", 0.3)  # fmt: skip
    elif attributes["cuff"] == "fold":
        drawing.piece("cuff", f"M {55 - wide} {top - 1} Q 75 {top + 3} {94 + wide} "
                      f"{top - 1} L {94.4 + wide * 0.8} {top + 10} Q 75 {top + 14} "
                      f"{54.6 - wide * 0.6} {top + 10} Z",
                      mix(drawing.trim, "#000000", 0.1), "round", 0.6)  # fmt: skip
    else:
        drawing.band("trim", f"M {56 - wide} {top + 0.6} Q 75 {top + 4.6} {93 + wide} "
                     f"{top + 0.6}", drawing.trim, 1.6)  # fmt: skip
    color = "#2b2622" if sole < 5 else "#39332e"
    arch = f"C 46 {-sole + 1.5} 58 {-h + 2} 70 {-h + 1} L 92.6 {-h + 0.5}"
    back_edge = (
        f"L 92.6 {-h - 1.6} L 70 {-h - 1} C 58 {-h - 1} 46 {-sole - 1} "
        f"34 {-sole - 1.2}"
    )
    if heel == "flat":
        arch = "L 69 0"
        back_edge = f"L 69 {-h} C 58 {-h} 46 {-sole} 34 {-sole}"
    drawing.piece("sole", f"M {tip - 0.8} {-sole - 0.6} L {tip + 1.6} 0 L 34 0 {arch} "
                  f"{back_edge} Z", color, "drop", 0.4)  # fmt: skip
    if sole > 5:
        for k in range(5):
            x = tip + 5 + 6.4 * k
            drawing.piece("sole", rect(x, -1.8, 3.2, 2.6), "#171412", "", 0.2)


def _boot_closure(
    drawing: Drawing, style: str, h: float, top: float, metal: str, sole: float
) -> None:
    """Adds what closes a boot, from the instep up the shaft."""
    part = "closure"
    y0, y1 = -sole - 21, max(top + 9, -h - 62)
    if style == "laces":
        rows = max(4, int((y0 - y1) / 6))
        for k in range(rows):
            y = y0 + (y1 - y0) * k / (rows - 1)
            x = 47 if y > -h - 20 else 56.5
            if -h - 26 < y <= -h - 12:
                x = 51.5
            drawing.band(part, f"M {x - 1} {y - 1} L {x + 8} {y + 2.6}", "#e9e2d2", 1.5)
            drawing.piece(part, ellipse(x + 8.6, y + 2.8, 1.1, 1.1), metal, "", 0.3)
    elif style == "side-zip":
        path = f"M 76 {top + 3} C 76.6 {top + 24} 76 {-h - 20} 76 {-h - 6}"
        drawing.band(part, path, mix(drawing.main, "#000000", 0.45), 2.8)
        drawing.line(path, 1.5, 1.0, "0.8 0.6", metal)
        drawing.piece(part, rect(74.9, top + 5, 2.2, 6), metal, "leather", 0.3)
    elif style == "elastic":
        drawing.piece(part, f"M 67 {top + 3} L 83 {top + 3} L 79 {top + 28} "
                      f"Q 75 {top + 32} 71 {top + 28} Z",
                      mix(drawing.main, "#000000", 0.5), "", 0.6)  # fmt: skip
        for k in range(6):
            drawing.line(f"M {68.8 + 2.5 * k} {top + 4} L {72 + 1.2 * k} {top + 28}",
                         0.5, 0.75, "", "#a9a9a9")  # fmt: skip
    elif style == "buckles":
        for y in (-h - 16, -h - 27):
            x = 53 if y > -h - 20 else 56
            drawing.band(part, f"M {x} {y} Q 72 {y + 4} 89.6 {y - 1}",
                         mix(drawing.main, "#000000", 0.4), 3.6)  # fmt: skip
            drawing.band(part, rect(71, y - 2, 5.6, 6), metal, 0.9)


def draw_pump(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a pump."""
    del back
    p = 6.0 if attributes["platform"] == "platform" else 1.4
    heel = attributes["heel"]
    h = _HEEL_HEIGHT[heel] * 1.25 + p * 0.8
    toe = attributes["toe"]
    tip = {"round": 2.0, "pointed": -9.0, "square": -1.0, "peep": 1.0}[toe]
    under = color_hex(attributes["sole_color"])
    metal = color_hex(attributes.get("hardware", "gold"))
    color = attributes["heel_color"]
    _draw_heel(drawing, heel, h, 95.0, mix(drawing.main, "#000000", 0.15)
               if color == "tonal" else color_hex(color))  # fmt: skip
    # Far side of the opening, and the insole seen through it.
    drawing.piece("body", f"M 28 {-p - 14} C 42 {-p - 17} 70 {-h - 12} 95 {-h - 17} "
                  f"L 90 {-h - 4} L 40 {-p - 8} Z",
                  mix("#e2cdb0", drawing.main, 0.25), "inside", 0.3)  # fmt: skip
    start = _TOE[toe].format(s=-p, a=-p - 5.5, b=-p - 10.5, c=-p - 13.5)
    drawing.piece(
        "body", f"{start} C 22 {-p - 15} 27 {-p - 15.6} 31 {-p - 15} "
        f"C 36 {-p - 7} 50 {-p - 9} 62 {-h - 5} C 74 {-h - 10} 86 {-h - 14} 95 "
        f"{-h - 18} C 97.6 {-h - 14} 98 {-h - 6} 95.4 {-h} "
        f"L 76 {-h} C 60 {-h} 48 {-p} 33 {-p} Z", None, "leather", 0.5,
    )  # fmt: skip
    drawing.piece(
        "toe", f"{start} C 20 {-p - 14.4} 24 {-p - 8} 22 {-p} Z", None, "leather", 0.45
    )
    if toe == "peep":
        drawing.piece(
            "toe",
            f"M 1.6 {-p} C 1 {-p - 4} 3 {-p - 7} 7 {-p - 7.6} "
            f"C 9 {-p - 5} 9 {-p - 2} 8 {-p} Z",
            "#2a1d18",
            "",
            0.6,
        )
        drawing.band("toe", f"M 7 {-p - 7.6} C 9 {-p - 5} 9 {-p - 2} 8 {-p}",
                     drawing.trim, 0.9)  # fmt: skip
    drawing.band(
        "trim",
        f"M 31 {-p - 15} C 36 {-p - 7} 50 {-p - 9} 62 {-h - 5} "
        f"C 74 {-h - 10} 86 {-h - 14} 95 {-h - 18}",
        drawing.trim,
        1.3,
    )
    _pump_strap(drawing, attributes["strap"], h, p, metal)
    _pump_ornament(drawing, attributes["ornament"], p, metal)
    if p > 3:
        drawing.piece("platform", f"M {tip - 0.6} {-p - 0.4} L {tip + 1.4} -1.2 L 34 "
                      f"-1.2 L 38 {-p - 0.6} Q 20 {-p + 0.8} {tip - 0.6} {-p - 0.4} Z",
                      None, "drop", 0.5)  # fmt: skip
    low = -1.2 if p > 3 else -p
    drawing.piece(
        "sole", f"M {tip + 0.4} {low - 0.3} L {tip + 2.4} 0 L 33 0 C 48 {-p + 2.6} 60 "
        f"{-h + 3.4} 76 {-h + 2.4} L 78 {-h} C 60 {-h} 48 {-p} 33 {low} Z", under,
        "", 0.35,
    )  # fmt: skip


def _pump_strap(drawing: Drawing, style: str, h: float, p: float, metal: str) -> None:
    """Adds straps of part `strap`."""
    part, color = "strap", drawing.trim
    if style == "none":
        return
    if style in ("ankle", "t-bar"):
        y = -h - 32
        drawing.band(part, f"M 92.5 {-h - 16} Q 93.5 {-h - 24} 93 {y}", color, 2.0)
        drawing.band(part, f"M 68 {y} C 70 {y - 5} 91 {y - 5} 93 {y} "
                     f"C 91 {y + 6} 70 {y + 6} 68 {y} Z", color, 2.4)  # fmt: skip
        drawing.band("hardware", rect(79, y + 2.4, 4, 4.4), metal, 0.8)
        if style == "t-bar":
            drawing.band(part, f"M 30 {-p - 14.6} C 46 {-p - 24} 58 {y + 14} 68.5 "
                         f"{y + 1}", color, 2.4)  # fmt: skip
    else:
        drawing.band(part, f"M 44 {-p - 9} C 44 {-p - 23} 58 {-h - 16} 61 {-h - 5}",
                     color, 2.8)  # fmt: skip
        drawing.piece("hardware", ellipse(59.6, -h - 8.5, 1.9, 1.9), metal, "", 0.3)


def _pump_ornament(drawing: Drawing, style: str, p: float, metal: str) -> None:
    """Adds what sits on the vamp, of part `ornament`."""
    part, x, y = "ornament", 24.0, -p - 15.0
    color = drawing.trim
    if style == "bow":
        for side in (1, -1):
            drawing.piece(
                part,
                f"M {x} {y} C {x + side * 3} {y - 7} {x + side * 11} "
                f"{y - 7} {x + side * 10} {y} C {x + side * 10} {y + 5} "
                f"{x + side * 3} {y + 5} {x} {y} Z",
                color,
                "leather",
                0.5,
            )
        drawing.piece(part, ellipse(x, y, 2.0, 2.6), color, "round", 0.45)
    elif style == "flower":
        for dx, dy in ((0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81),
                       (-0.95, -0.31)):  # fmt: skip
            drawing.piece(part, ellipse(x + 3.8 * dx, y + 3.8 * dy, 3.1, 3.1), color,
                          "round", 0.4)  # fmt: skip
        drawing.piece(part, ellipse(x, y, 2.0, 2.0), metal, "", 0.4)
    elif style == "buckle":
        tab = [(x - 5.5, y + 1), (x - 3.5, y - 6), (x + 6.5, y - 5), (x + 5, y + 3)]
        ring = [(x - 4, y), (x - 2.4, y - 4.8), (x + 5, y - 4), (x + 3.6, y + 1.6)]
        drawing.piece(part, polygon(tab), color, "", 0.4)
        drawing.band(part, polygon(ring), metal, 1.3)
