"""Pockets, fastenings, belts and prints that lie upon a garment."""

from __future__ import annotations

from kaleido.catalogs.rendered.shapes import (
    Drawing,
    Shape,
    ellipse,
    flip,
    mix,
    polygon,
    rect,
    star,
)


def patch_pocket(drawing: Drawing, x: float, y: float, w: float, h: float) -> None:
    """Adds a pocket sewn on, (x, y) its top left corner."""
    drawing.piece(
        "pocket", f"M {x} {y} L {x + w} {y} L {x + w} {y + h * 0.8} L {x + w / 2} "
        f"{y + h} L {x} {y + h * 0.8} Z", None, "drop", 0.65,
    )  # fmt: skip
    drawing.piece("pocket", rect(x, y, w, h * 0.16), drawing.trim, "", 0.45)
    drawing.stitch(
        f"M {x + 0.8} {y + 2} L {x + 0.8} {y + h * 0.76} L {x + w / 2} {y + h - 1} "
        f"L {x + w - 0.8} {y + h * 0.76} L {x + w - 0.8} {y + 2}"
    )


def flap_pocket(drawing: Drawing, x: float, y: float, w: float, h: float) -> None:
    """Adds a pocket with a pointed flap and a button."""
    drawing.piece("pocket", rect(x + 0.5, y + 1, w - 1, h), None, "drop", 0.55)
    flap = polygon([(x, y), (x + w, y), (x + w, y + h * 0.36),
                    (x + w / 2, y + h * 0.52), (x, y + h * 0.36)])  # fmt: skip
    drawing.piece("pocket", flap, None, "leather", 0.65)
    drawing.button("pocket", x + w / 2, y + h * 0.34, drawing.trim, 0.8)


def zip_pocket(drawing: Drawing, side: int, x: float, y: float, metal: str) -> None:
    """Adds a slanted zip pocket on one side."""
    x0, x1 = side * x, side * (x + 4.5)
    path = f"M {x0} {y} L {x1} {y + 12}"
    drawing.band("pocket", path, mix(drawing.main, "#000000", 0.35), 2.0)
    drawing.line(path, 0.9, 1.0, "0.7 0.5", metal)
    drawing.piece("pocket", rect(x0 - 0.7, y - 2.6, 1.4, 3), metal, "", 0.3)


def slant_pocket(drawing: Drawing, side: int, x: float, y: float, h: float) -> None:
    """Adds a slanted opening at the side seam, from (x, y) outwards."""
    drawing.band(
        "pocket", f"M {side * x} {y} Q {side * (x + 2)} {y + h * 0.7} "
        f"{side * (x + 5.2)} {y + h}", drawing.trim, 1.3,
    )  # fmt: skip
    drawing.stitch(f"M {side * (x - 1.5)} {y + 0.5} Q {side * (x + 0.6)} "
                   f"{y + h * 0.75} {side * (x + 4)} {y + h + 1}")  # fmt: skip


def draw_upper_pocket(
    drawing: Drawing, style: str, chest: float, low: float, metal: str
) -> None:
    """Adds the pockets of an upper.

    Args:
        drawing: gets the shapes, all of part `pocket`.
        style: a value of `pocket`.
        chest: half width of the body.
        low: height of the pockets at the waist.
        metal: hex value of zips.
    """
    if style == "chest":
        patch_pocket(drawing, chest * 0.26, 20.5, 9.6, 10.5)
    elif style == "two-chest":
        for side in (1, -1):
            flap_pocket(drawing, side * chest * 0.52 - 4.6, 21, 9.2, 10)
    elif style == "kangaroo":
        w = chest * 0.68
        path = (
            f"M {-w * 0.62} {low - 5} L {w * 0.62} {low - 5} C {w * 0.75} {low} {w} "
            f"{low + 3} {w} {low + 6} L {w} {low + 10.5} L {-w} {low + 10.5} "
            f"L {-w} {low + 6} C {-w} {low + 3} {-w * 0.75} {low} {-w * 0.62} "
            f"{low - 5} Z"
        )
        drawing.piece("pocket", path, None, "drop", 0.6)
        for turn in (str, flip):
            drawing.band(
                "pocket",
                turn(
                    f"M {w * 0.62} {low - 5} C {w * 0.75} {low} "
                    f"{w} {low + 3} {w} {low + 6}"
                ),
                drawing.trim,
                1.1,
            )
    elif style == "two-patch":
        for side in (1, -1):
            patch_pocket(drawing, side * chest * 0.54 - 5.2, low - 3, 10.4, 12)
    elif style == "two-flap":
        for side in (1, -1):
            flap_pocket(drawing, side * chest * 0.54 - 5.4, low - 2, 10.8, 9.5)
    elif style == "two-zip":
        for side in (1, -1):
            zip_pocket(drawing, side, chest * 0.4, low - 5, metal)
    elif style == "slant":
        for side in (1, -1):
            slant_pocket(drawing, side, chest * 0.52, low - 2, 11)


def button_row(
    drawing: Drawing, top: float, bottom: float, step: float, color: str,
    radius: float = 1.0, xs=(0.0,),
) -> None:  # fmt: skip
    """Adds buttons of part `closure` from top to bottom."""
    y = top
    while y <= bottom:
        for x in xs:
            drawing.button("closure", x, y, color, radius)
        y += step


def front_zip(drawing: Drawing, top: float, bottom: float, metal: str) -> None:
    """Adds an open-tape zip down the middle, of part `closure`."""
    path = f"M 0 {top} L 0 {bottom}"
    drawing.band("closure", path, mix(drawing.main, "#000000", 0.4), 2.5)
    drawing.line(path, 1.3, 1.0, "0.8 0.55", metal)
    drawing.piece("closure", rect(-0.9, top + 1, 1.8, 4.6), metal, "leather", 0.3)


def draw_belt(drawing: Drawing, style: str, y: float, half: float, color: str) -> None:
    """Adds a belt or a bow sash of part `belt` around a waist at height y."""
    strip = (
        f"M {-half} {y - 2} Q 0 {y} {half} {y - 2} L {half} {y + 2} "
        f"Q 0 {y + 4} {-half} {y + 2} Z"
    )
    drawing.piece("belt", strip, color, "round", 0.5)
    if style == "belt":
        gold = "#d8ac3e"
        drawing.band("belt", rect(-3, y - 2.2, 6, 6.2), gold, 0.9)
        drawing.line(f"M -2.6 {y + 1} L 2 {y + 1}", 0.7, 1.0, "", gold)
        for x in (5.5, 8, 10.5):
            drawing.line(ellipse(x, y + 1, 0.25, 0.25), 0.4, 0.8)
        return
    for turn in (str, flip):
        drawing.piece("belt", turn(polygon([(0.2, y + 1), (3, y + 1), (6.2, y + 17),
                      (2.4, y + 18)])), color, "drop", 0.45)  # fmt: skip
        drawing.piece(
            "belt",
            turn(
                f"M 0 {y + 1} C 2 {y - 6} 11 {y - 5.5} 10.6 {y} "
                f"C 10.6 {y + 5} 3 {y + 6} 0 {y + 1} Z"
            ),
            color,
            "drop",
            0.45,
        )
    drawing.piece("belt", ellipse(0, y + 1, 1.9, 2.3), color, "round", 0.4)


def draw_graphic(drawing: Drawing, style: str, y: float, half: float, color: str):
    """Adds a print of part `graphic`, its middle at (0, y).

    Args:
        drawing: gets the shapes.
        style: a value of `graphic`.
        y: height of the middle.
        half: half width of the body; a band runs over all of it.
        color: hex value.
    """
    part = "graphic"
    rim = mix(color, "#000000", 0.3)

    def add(path: str, fill: str) -> None:
        drawing.shapes.append(Shape(part, path, fill, rim, 0.3))

    if style == "band":
        for top, height in ((y - 4, 5.0), (y + 2.4, 1.8)):
            add(rect(-half, top, 2 * half, height), color)
    elif style == "star":
        add(star(0, y + 0.5, 8.6), color)
    elif style == "heart":
        half_heart = "C 3 {a} 10.5 {a} 9 {b} C 8.4 {c} 3 {d} 0 {e}".format(
            a=y - 11, b=y - 2.5, c=y + 1.5, d=y + 5, e=y + 8
        )
        left = "C -3 {d} -8.4 {c} -9 {b} C -10.5 {a} -3 {a} 0 {t}".format(
            a=y - 11, b=y - 2.5, c=y + 1.5, d=y + 5, t=y - 4
        )
        add(f"M 0 {y - 4} {half_heart} {left} Z", color)
    elif style == "circle":
        add(ellipse(0, y, 7.8, 7.8), color)
        drawing.line(ellipse(0, y, 5.6, 5.6), 0.9, 1.0, "", drawing.main)
        add(rect(-7.2, y - 1.2, 14.4, 2.4), mix(color, "#000000", 0.35))
    elif style == "triangle":
        add(polygon([(0, y - 8), (9, y + 7), (-9, y + 7)]), color)
        drawing.line(polygon([(0, y - 3), (4.8, y + 4.6), (-4.8, y + 4.6)]), 1.0, 1.0,
                     "", drawing.main)  # fmt: skip
    elif style == "flower":
        for dx, dy in ((0, -1), (0.87, -0.5), (0.87, 0.5), (0, 1), (-0.87, 0.5),
                       (-0.87, -0.5)):  # fmt: skip
            add(ellipse(4.6 * dx, y + 4.6 * dy, 2.9, 2.9), color)
        add(ellipse(0, y, 2.7, 2.7), "#f3c63f" if color != "#f1c632" else "#7a431d")
    elif style == "bolt":
        add(polygon([(2.5, y - 10), (-6, y + 1.5), (-0.6, y + 1.5), (-3, y + 10),
                     (6, y - 2.6), (0.8, y - 2.6)]), color)  # fmt: skip
