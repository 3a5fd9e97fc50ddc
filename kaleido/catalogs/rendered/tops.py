"""T-shirts, shirts, sweaters and jackets."""

from __future__ import annotations

from typing import Mapping

from kaleido.catalogs.rendered.details import (
    button_row,
    draw_belt,
    draw_graphic,
    draw_upper_pocket,
    front_zip,
)
from kaleido.catalogs.rendered.necklines import (
    draw_collar,
    draw_inner_back,
    draw_neckline,
    neck_edge,
)
from kaleido.catalogs.rendered.shapes import Drawing, ellipse, mix
from kaleido.catalogs.rendered.uppers import (
    Cut,
    body_path,
    draw_armholes,
    draw_body_folds,
    draw_sleeves,
    upper_cut,
)
from kaleido.catalogs.rendered.vocabulary import color_hex

Attributes = Mapping[str, str]


def _hem_strip(cut: Cut, deep: float, curved: bool) -> str:
    """Returns the strip along the lower edge of a body."""
    h, b = cut.hem, cut.length
    if curved:
        side, low = b - 7, b + 2
        return (
            f"M {h} {side} C {h * 0.75} {b - 3} {h * 0.6} {low} 0 {low} "
            f"C {-h * 0.6} {low} {-h * 0.75} {b - 3} {-h} {side} L {-h} {side - deep} "
            f"C {-h * 0.75} {b - 3 - deep} {-h * 0.6} {low - deep} 0 {low - deep} "
            f"C {h * 0.6} {low - deep} {h * 0.75} {b - 3 - deep} {h} {side - deep} Z"
        )
    return (
        f"M {h} {b} Q 0 {b + 2.2} {-h} {b} L {-h - 0.1} {b - deep} "
        f"Q 0 {b + 2.2 - deep} {h + 0.1} {b - deep} Z"
    )


def _knit_lines(drawing: Drawing, cut: Cut, knit: str) -> None:
    """Adds the ribs or cables of a knitted body."""
    c, b = min(cut.chest, cut.waist) - 2.5, cut.length - 6
    if knit == "ribbed":
        count = int(c / 1.7)
        for k in range(-count, count + 1):
            top = 22 if abs(k) * 1.7 < cut.neck + 2 else 14
            drawing.line(f"M {k * 1.7} {top} L {k * 1.7} {b}", 0.55, 0.3)
    elif knit == "cable":
        for x in (-c * 0.62, 0.0, c * 0.62):
            y = 22.0
            for dx in (-3.4, 3.4):
                drawing.line(f"M {x + dx} {y} L {x + dx} {b}", 0.5, 0.4)
            while y + 6 <= b:
                for side in (1, -1):
                    drawing.line(
                        f"M {x - 2.3 * side} {y} C {x - 2.3 * side} {y + 3} "
                        f"{x + 2.3 * side} {y + 3} {x + 2.3 * side} {y + 6}", 1.0, 0.38
                    )  # fmt: skip
                y += 6


_LENGTH = {"cropped": 46.0, "regular": 62.0, "longline": 80.0}


def _back_neck(drawing: Drawing, cut: Cut, tall: float) -> None:
    """Adds the neck of a back view; what the front looks like stays unseen."""
    n = cut.neck
    if tall:
        drawing.piece(
            "body", f"M {-n - 1} 1.4 L {-n + 0.5} {-tall} Q 0 {-tall - 1.6} {n - 0.5} "
            f"{-tall} L {n + 1} 1.4 Q 0 5 {-n - 1} 1.4 Z", drawing.trim, "round",
        )  # fmt: skip
    else:
        drawing.band("body", f"M {-n} 0 {neck_edge('back', n)}", drawing.trim, 2.0)


def draw_tee(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a T-shirt or, with a `knit`, a sweater."""
    cut = upper_cut(attributes, _LENGTH[attributes["length"]])
    style, knit = attributes["neckline"], attributes.get("knit")
    curved = attributes.get("hem") == "curved"
    edge = neck_edge("back" if back else style, cut.neck)
    if not back and style not in ("mock", "turtleneck"):
        draw_inner_back(drawing, edge, cut.neck, "neckline")
    draw_sleeves(drawing, attributes, cut, bands=knit is not None)
    drawing.piece("body", body_path(cut, edge, attributes.get("hem", "straight")))
    if knit:
        _knit_lines(drawing, cut, knit)
    draw_armholes(drawing, attributes, cut)
    draw_body_folds(drawing, cut)
    deep = 4.6 if knit else 2.0
    drawing.piece("hem", _hem_strip(cut, deep, curved), drawing.trim, "round", 0.35)
    if knit:
        for k in range(-9, 10):
            x = cut.hem * k / 10
            drawing.line(f"M {x} {cut.length + 0.4} L {x} {cut.length - 3.6}", 0.35,
                         0.3)  # fmt: skip
    if back:
        _back_neck(drawing, cut, {"mock": 4.5, "turtleneck": 9.5}.get(style, 0.0))
        return
    if attributes["graphic"] != "none":
        color = color_hex(attributes["graphic_color"])
        middle = 31 if style in ("v-neck", "scoop", "henley") else 27
        draw_graphic(drawing, attributes["graphic"], middle,
                     0.93 * cut.chest, color)  # fmt: skip
    low = min(cut.length - 17, 47)
    draw_upper_pocket(drawing, attributes["pocket"], cut.chest, low, drawing.trim)
    draw_neckline(drawing, style, cut.neck, fine=False)


def draw_shirt(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a shirt with a button placket."""
    cut = upper_cut(attributes, _LENGTH[attributes["length"]] + 4)
    curved = attributes["hem"] == "curved"
    draw_sleeves(drawing, attributes, cut, bands=False)
    edge = neck_edge("back" if back else "shirt", cut.neck)
    drawing.piece("body", body_path(cut, edge, attributes["hem"]))
    draw_armholes(drawing, attributes, cut)
    draw_body_folds(drawing, cut)
    drawing.piece("hem", _hem_strip(cut, 1.7, curved), drawing.trim, "round", 0.3)
    if back:
        drawing.line(f"M {-cut.shoulder + 1} 11 Q 0 13 {cut.shoulder - 1} 11", 0.5, 0.6)
        for x in (-1.4, 1.4):
            drawing.line(f"M {x} 12.4 L {x * 1.4} {cut.length - 6}", 0.4, 0.35)
        _back_neck(drawing, cut, 0.5 if attributes["collar"] == "band" else 3.4)
        return
    end = cut.length + (1.6 if curved else 0.9)
    start = 15.0 if attributes["collar"] == "camp" else 7.0
    drawing.line(f"M -1.9 {start} L -1.9 {end}", 0.45, 0.7)
    drawing.line(f"M 1.9 {start} L 1.9 {end}", 0.45, 0.7)
    button_row(drawing, start + 4, end - 5, 7.2, color_hex(attributes["button_color"]),
               1.15)  # fmt: skip
    draw_upper_pocket(drawing, attributes["pocket"], cut.chest, 45, drawing.trim)
    draw_collar(drawing, attributes["collar"], attributes)


def draw_jacket(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a jacket or coat."""
    length = {"cropped": 50.0, "regular": 66.0, "longline": 90.0}
    cut = upper_cut({**attributes, "neckline": "crew"}, length[attributes["length"]])
    metal = color_hex(attributes["hardware"])
    collar = attributes["collar"]
    draw_sleeves(drawing, attributes, cut, bands=collar == "rib")
    edge = neck_edge("back" if back else "shirt", cut.neck)
    drawing.piece("body", body_path(cut, edge))
    draw_body_folds(drawing, cut)
    ribbed = collar == "rib"
    drawing.piece("hem", _hem_strip(cut, 4.6 if ribbed else 1.8, False), drawing.trim,
                  "round", 0.35)  # fmt: skip
    belt = attributes["belt"]
    waist = min(cut.waist_at, cut.length - 9)
    color = (
        drawing.trim
        if attributes.get("belt_color", "tonal") == "tonal"
        else (color_hex(attributes["belt_color"]))
    )
    if back:
        drawing.line(f"M 0 4 L 0 {cut.length}", 0.4, 0.5)
        if belt != "none":
            draw_back_belt(drawing, waist, cut.waist + 0.3, color)
        if collar == "hood":
            drawing.piece(
                "collar", "M -12 6 C -19 -6 -12 -19 0 -19 C 12 -19 19 -6 12 6 "
                "C 8 13 -8 13 -12 6 Z",
            )  # fmt: skip
            drawing.line("M 0 -19 Q 1 -4 0 11", 0.5, 0.5)
        else:
            _back_neck(drawing, cut, 4.5)
        return
    draw_upper_pocket(drawing, attributes["pocket"], cut.chest,
                      min(cut.length - 15, 50), metal)  # fmt: skip
    if belt != "none":
        draw_belt(drawing, belt, waist, cut.waist + 0.3, color)
    start = 29.0 if collar == "lapel" else (14.0 if collar == "shearling" else 7.5)
    if collar == "hood":
        start = 10.0
    closure = attributes["closure"]
    end = cut.length + 0.8
    if closure == "zip":
        front_zip(drawing, start, end, metal)
    else:
        drawing.line(
            f"M {2.6 if closure != 'double' else 6.5} {start} "
            f"L {2.6 if closure != 'double' else 6.5} {end}",
            0.6,
            0.8,
        )
        if closure == "buttons":
            button_row(drawing, start + 3, end - 8, 9, metal, 1.6)
        elif closure == "double":
            button_row(drawing, start + 4, end - 9, 11, metal, 1.7, (-4.6, 4.6))
        else:
            drawing.line(f"M -2.6 {start} L -2.6 {end}", 0.6, 0.8)
            y = start + 3
            while y < end - 4:
                drawing.piece("closure", ellipse(0, y, 1.1, 1.1), metal, "leather", 0.3)
                drawing.line(ellipse(0, y, 0.5, 0.5), 0.25, 0.8)
                y += 6.4
    draw_collar(drawing, collar, attributes)


def draw_back_belt(drawing: Drawing, y: float, half: float, color: str) -> None:
    """Adds what is seen of a belt from behind; neither buckle nor bow."""
    drawing.piece(
        "belt", f"M {-half} {y - 2} Q 0 {y} {half} {y - 2} L {half} {y + 2} "
        f"Q 0 {y + 4} {-half} {y + 2} Z", mix(color, "#000000", 0.05), "round", 0.5,
    )  # fmt: skip
