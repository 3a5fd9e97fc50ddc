"""Sneakers in profile; the toe points left, the ground is y = 0."""

from __future__ import annotations

from typing import Mapping

from kaleido.catalogs.rendered.shapes import (
    Drawing,
    Shape,
    ellipse,
    mix,
    polygon,
    star,
)
from kaleido.catalogs.rendered.vocabulary import color_hex

Attributes = Mapping[str, str]


def draw_sneaker(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a sneaker."""
    del back
    thick = {"flat": 6.0, "chunky": 12.0, "platform": 16.0}[attributes["sole"]]
    rise = {"low": 27.0, "mid": 37.0, "high": 50.0}[attributes["top_height"]]
    y = -thick
    top = y - rise
    sole, trim = color_hex(attributes["sole_color"]), drawing.trim
    # Tongue and the dark inside, behind the upper.
    drawing.piece("body", f"M 54 {top + 4} C 50 {top - 3} 55 {top - 7} 61 {top - 4} "
                  f"L 72 {top + 5} L 62 {top + 14} Z", None, "drop")  # fmt: skip
    drawing.piece(
        "body",
        f"M 60 {top + 1} Q 76 {top - 3} 94 {top} L 88 {top + 9} " f"L 66 {top + 9} Z",
        mix(drawing.main, "#000000", 0.3),
        "inside",
    )
    heel = 98 if rise < 40 else 96
    drawing.piece(
        "body", f"M 3 {y + 1} C 0 {y - 9} 5 {y - 15} 17 {y - 17} "
        f"C 32 {y - 18} 42 {y - 23} 50 {top + 8} C 53 {top + 3} 56 {top} 60 {top} "
        f"C 66 {top + 9} 82 {top + 9} 93 {top - 1} "
        f"C 97 {top - 1} {heel} {top + 8} {heel - 1} {y - 14} "
        f"C 98 {y - 8} 99 {y - 4} 98 {y + 1} Z", None, "leather", 0.5,
    )  # fmt: skip
    # Collar lining.
    drawing.band("trim", f"M 60 {top + 0.6} C 66 {top + 9.4} 82 {top + 9.4} 93 "
                 f"{top - 0.2}", trim, 2.2)  # fmt: skip
    toe = attributes["toe"]
    if toe == "cap":
        drawing.piece("toe", f"M 3 {y + 1} C 0 {y - 9} 5 {y - 15} 17 {y - 17} "
                      f"C 23 {y - 12} 24 {y - 5} 23 {y + 1} Z",
                      mix(sole, "#ffffff", 0.15), "leather", 0.6)  # fmt: skip
    else:
        drawing.piece(
            "toe",
            f"M 3 {y + 1} C 0 {y - 9} 5 {y - 15} 17 {y - 17} "
            f"C 25 {y - 17.4} 31 {y - 11} 31 {y + 1} Z",
            None,
            "leather",
            0.6,
        )
        if toe == "perforated":
            for px, py in ((10, 6), (14, 9), (18, 6), (18, 12), (22, 9), (14, 12.5),
                           (22, 13.5), (25.5, 6), (10, 10.5), (26, 11)):  # fmt: skip
                drawing.shapes.append(
                    Shape(None, ellipse(px, y - py, 0.95, 0.95), "#000000", opacity=0.6)
                )
        else:
            drawing.stitch(f"M 29.6 {y} C 29.6 {y - 10} 24 {y - 15.6} 17 {y - 15.6}")
    tab = color_hex(attributes["heel_tab"])
    drawing.piece(
        "heel_tab", f"M 98 {y + 1} C 99 {y - 5} 98 {y - 10} {heel - 0.6} {y - 14} "
        f"L {heel - 1.4} {max(top + 9, y - 24)} L {heel - 10} {max(top + 11, y - 22)} "
        f"C 86 {y - 12} 86 {y - 6} 84 {y + 1} Z", tab, "leather", 0.5,
    )  # fmt: skip
    _sneaker_logo(drawing, attributes, y, min(rise, 30))
    _sneaker_closure(drawing, attributes["closure"], y, top, trim)
    low = 2.0 if thick < 8 else 3.5
    drawing.piece(
        "sole", f"M 1.5 {y + 1.5} C 0 {y - 1.5} 2 {y - 2.5} 5 {y - 2} "
        f"C 30 {y} 70 {y - 1} 97 {y - 3} C 100 {y - 3} 101 {y} 100.5 {y + 2} "
        f"L 99 -2 Q 98.4 0 95 0 L 8 0 Q 3 0 2 {-thick * 0.55} Z", sole, "drop", 0.5,
    )  # fmt: skip
    drawing.line(f"M 3 {y + low} C 30 {y + low + 1.4} 70 {y + low + 1} 99.6 {y + low}",
                 0.6, 0.55, "", mix(sole, "#000000", 0.55))  # fmt: skip
    if attributes["sole"] == "chunky":
        for k in range(9):
            x = 8 + 10 * k
            drawing.line(f"M {x} -0.6 L {x + 3.5} -5.5 L {x + 7} -0.6", 0.9, 0.6, "",
                         mix(sole, "#000000", 0.5))  # fmt: skip
    elif attributes["sole"] == "platform":
        for dy in (5.0, 8.0):
            drawing.line(f"M 2.5 {-dy} L 99 {-dy}", 0.5, 0.5, "",
                         mix(sole, "#000000", 0.5))  # fmt: skip


def _sneaker_closure(
    drawing: Drawing, style: str, y: float, top: float, trim: str
) -> None:
    """Adds laces, straps or gussets from the instep (y) up to the collar (top)."""
    x0, y0, x1, y1 = 35.0, y - 20.5, 55.0, top + 3.5
    count = 4 if y0 - y1 < 18 else 6
    if style == "laces":
        cord = "#f4f1ea" if trim == mix(drawing.main, "#000000", 0.12) else trim
        drawing.piece("body", f"M {x0 - 3} {y0 + 1} L {x1 - 2} {y1} L {x1 + 7} "
                      f"{y1 + 6} L {x0 + 8} {y0 + 9} Z", None, "", 0.5)  # fmt: skip
        for k in range(count):
            t = k / (count - 1)
            x, v = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
            drawing.band("closure", f"M {x - 2} {v - 0.5} L {x + 8.5} {v + 6.5}", cord,
                         1.7)  # fmt: skip
        drawing.band("closure", f"M {x1} {y1 + 1} C {x1 - 8} {y1 - 5} {x1 - 11} "
                     f"{y1 + 5} {x1} {y1 + 3} Q {x1 - 5} {y1 + 9} {x1 - 6} {y1 + 14}",
                     cord, 1.1)  # fmt: skip
    elif style == "velcro":
        for k in range(2 if count == 4 else 3):
            t = (k + 0.1) / (2 if count == 4 else 3)
            x, v = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
            drawing.piece(
                "closure",
                polygon(
                    [(x, v - 3), (x + 7, v - 5), (x + 21, v + 7), (x + 16, v + 12)]
                ),
                trim,
                "leather",
                0.6,
            )
    else:
        dark = mix(drawing.main, "#000000", 0.45)
        drawing.piece(
            "closure",
            polygon(
                [
                    (x1 + 5, y1 + 1),
                    (x1 + 17, y1 + 4),
                    (x1 + 10, y1 + 17),
                    (x1 + 6, y1 + 15),
                ]
            ),
            dark,
            "",
            0.5,
        )
        for k in range(4):
            drawing.line(
                f"M {x1 + 6.5 + 2.4 * k} {y1 + 2.4 + 0.6 * k} "
                f"L {x1 + 6.5 + 1.1 * k} {y1 + 13.6}",
                0.5,
                0.8,
                "",
                "#bbbbbb",
            )


def _sneaker_logo(
    drawing: Drawing, attributes: Attributes, y: float, rise: float
) -> None:
    """Adds the mark on the side, of part `side_logo`."""
    style = attributes["stripe"]
    if style == "none":
        return
    part, color = "side_logo", color_hex(attributes["stripe_color"])
    high = y - rise + 11
    if style in ("single", "triple"):
        for k in range(3 if style == "triple" else 1):
            x = (47 if style == "triple" else 53) + 8 * k
            w = 4.0 if style == "triple" else 7.5
            drawing.piece(
                part,
                polygon([(x, y - 2), (x + w, y - 2), (x + w + 9, high), (x + 9, high)]),
                color,
                "",
                0.4,
            )
    elif style == "wave":
        drawing.piece(
            part,
            f"M 42 {y - 9} C 50 {y - 2} 66 {y - 6} 88 {high - 1} "
            f"C 70 {y - 3} 54 {y + 5} 42 {y - 9} Z",
            color,
            "",
            0.4,
        )
    else:
        drawing.piece(part, star(65, y - rise * 0.38, 8.0), color, "", 0.45)
