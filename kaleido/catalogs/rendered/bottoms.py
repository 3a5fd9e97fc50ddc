"""Skirts, dresses and trousers."""

from __future__ import annotations

from typing import Mapping

from kaleido.catalogs.rendered.details import (
    button_row,
    draw_belt,
    draw_upper_pocket,
    front_zip,
    slant_pocket,
)
from kaleido.catalogs.rendered.necklines import (
    draw_inner_back,
    draw_neckline,
    neck_edge,
)
from kaleido.catalogs.rendered.shapes import Drawing, ellipse, flip, mix, rect
from kaleido.catalogs.rendered.tops import draw_back_belt
from kaleido.catalogs.rendered.uppers import (
    body_path,
    draw_armholes,
    draw_body_folds,
    draw_sleeves,
    upper_cut,
)
from kaleido.catalogs.rendered.vocabulary import color_hex

Attributes = Mapping[str, str]
_SKIRT_LENGTH = {"mini": 32.0, "knee": 46.0, "midi": 62.0, "maxi": 82.0}
_FLARE = {"straight": 1.22, "a-line": 1.75, "flared": 2.35, "pleated": 2.0,
          "tiered": 2.15}  # fmt: skip


def _wave(x0: float, x1: float, y: float, waves: int, deep: float) -> str:
    """Returns path commands of a wavy edge from x0 to x1 at height y."""
    step = (x1 - x0) / waves
    return " ".join(
        f"Q {x0 + step * (k + 0.5)} {y + deep * (1 if k % 2 == 0 else -0.3)} "
        f"{x0 + step * (k + 1)} {y}"
        for k in range(waves)
    )


def _draw_skirt(drawing: Drawing, attributes: Attributes, top: float, half: float):
    """Adds the skirt from its waist down; returns half width and height of the hem.

    Args:
        drawing: gets the shapes, of parts `body` and `hem`.
        attributes: `silhouette`, `length`, `hem`.
        top: height of the waist.
        half: half width of the waist.
    """
    style = attributes["silhouette"]
    length = _SKIRT_LENGTH[attributes["length"]]
    # A long flared skirt would be wider than tall if the flare grew with length.
    flare = 1 + (_FLARE[style] - 1) * (0.62 + length / 110)
    low, h = top + length, half * flare
    hip = half * (1.24 if style == "straight" else 1 + (flare - 1) * 0.32)
    waves = {"straight": 1, "a-line": 1, "flared": 6, "pleated": 12, "tiered": 8}[style]
    deep = {"straight": 1.5, "a-line": 3.5, "flared": 4.5, "pleated": 2.2,
            "tiered": 3.0}[style]  # fmt: skip
    drawing.piece(
        "body", f"M {-half} {top} Q 0 {top + 1} {half} {top} C {hip} {top + 7} "
        f"{hip} {top + 13} {hip + (h - hip) * 0.25} {top + length * 0.42} L {h} {low} "
        f"{_wave(h, -h, low, waves, deep)} "
        f"L {-hip - (h - hip) * 0.25} {top + length * 0.42} "
        f"C {-hip} {top + 13} {-hip} {top + 7} {-half} {top} Z",
    )  # fmt: skip
    if style == "pleated":
        for k in range(-5, 6):
            x = k / 6
            drawing.line(f"M {half * x} {top + 2} L {h * x} {low - 0.5}", 0.5, 0.6)
            drawing.fold(half * x, top + 3, h * x + 1.2, low - 1, 0.6)
    elif style == "flared":
        for k in (-0.66, -0.33, 0.0, 0.33, 0.66):
            drawing.fold(half * k * 0.8, top + 5, h * k, low - 0.5, k * 4)
            drawing.fold(h * (k + 0.1), low, h * (k + 0.1) * 0.7, low - length * 0.5, 1)
    elif style == "tiered":
        for share in (0.36, 0.68):
            y = top + length * share
            x = half + (h - half) * share
            drawing.piece(
                "body", f"M {-x} {y - 1.6} Q 0 {y} {x} {y - 1.6} L {x + 1.5} {y + 2} "
                f"{_wave(x + 1.5, -x - 1.5, y + 2, 8, 2.6)} Z", None, "drop", 0.45,
            )  # fmt: skip
            for k in (-0.8, -0.55, -0.3, -0.05, 0.2, 0.45, 0.7):
                drawing.fold(x * k, y + 4, x * k * 1.1, y + 3 + length * 0.2, 0.5)
    else:
        drawing.fold(-half * 0.5, top + 6, -h * 0.55, low - 2, -1.5)
        drawing.fold(half * 0.45, top + 9, h * 0.5, low - 2, 1.5)
        drawing.fold(0, low - length * 0.45, h * 0.08, low - 1, 1)
    _draw_hem(drawing, attributes["hem"], h, low, waves, deep)
    return h, low


def _draw_hem(
    drawing: Drawing, style: str, h: float, low: float, waves: int, deep: float
) -> None:
    """Adds the lower edge of a skirt, of part `hem`."""
    part, color = "hem", drawing.trim
    wave = _wave(h, -h, low, waves, deep)
    if style == "ruffle":
        h += 1.5
        drawing.piece(
            part, f"M {-h + 1.5} {low - 2} Q 0 {low + deep * 0.4} {h - 1.5} {low - 2} "
            f"L {h + 1.5} {low + 6} {_wave(h + 1.5, -h - 1.5, low + 6, 9, 3.6)} Z",
            color, "drop", 0.5,
        )  # fmt: skip
        for k in range(-6, 7):
            drawing.fold(h * k / 7, low - 1, h * k / 6.6, low + 6, 0.4)
    elif style == "fringe":
        strands = int(h * 1.5)
        for k in range(-strands, strands + 1):
            x = h * k / strands
            drawing.band(part, f"M {x} {low} L {x * 1.02} {low + 8}", color, 0.5)
    else:
        width = 5.0 if style == "band" else 1.5
        # The lower edge of the strip is the wavy edge of the skirt itself.
        drawing.piece(
            part, f"M {h} {low} {wave} L {-h * 0.985} {low - width} "
            f"{_wave(-h * 0.985, h * 0.985, low - width, waves, deep)} Z",
            color, "round", 0.3,
        )  # fmt: skip


def _tint(drawing: Drawing, attributes: Attributes) -> str:
    """Returns the hex value of the belt."""
    color = attributes.get("belt_color", "tonal")
    return mix(drawing.main, "#000000", 0.3) if color == "tonal" else color_hex(color)


def draw_dress(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a dress: a slim upper and a skirt."""
    cut = upper_cut({**attributes, "fit": "slim"}, 43.0)
    style = "back" if back else attributes["neckline"]
    straps = attributes["sleeve"] == "straps"
    if straps:
        style = "square" if attributes["neckline"] != "v-neck" and not back else style
    edge = neck_edge(style, cut.neck)
    if not back:
        draw_inner_back(drawing, edge, cut.neck, "neckline")
    draw_sleeves(drawing, attributes, cut, bands=False)
    w = cut.waist
    _, low = _draw_skirt(drawing, attributes, 42.0, w)
    drawing.piece("body", body_path(cut, edge))
    draw_armholes(drawing, attributes, cut)
    draw_body_folds(drawing, cut)
    drawing.line(f"M {-w} 42.4 Q 0 44.6 {w} 42.4", 0.6, 0.7)
    if straps:
        for side in (1, -1):
            drawing.band("sleeve", f"M {side * 12} 2 Q {side * 10.5} -3 "
                         f"{side * 7} -6", drawing.trim, 1.2)  # fmt: skip
    belt = attributes["belt"]
    if back:
        drawing.line("M 0 4 L 0 52", 0.5, 0.6)
        if belt != "none":
            draw_back_belt(drawing, 42.0, w + 0.6, _tint(drawing, attributes))
        drawing.band("body", f"M {-cut.neck} 0 {edge}", drawing.trim, 1.3)
        return
    deep = {"v-neck": 20.0, "scoop": 18.0, "square": 15.0}.get(style, 9.0)
    if attributes["closure"] == "zip":
        front_zip(drawing, deep, 60.0, "#c3c8d0")
    elif attributes["closure"] == "buttons":
        button_row(drawing, deep + 3, low - 8, 6.5, drawing.trim, 1.15)
    draw_upper_pocket(drawing, attributes["pocket"], cut.chest * 1.05, 55, drawing.trim)
    if belt != "none":
        draw_belt(drawing, belt, 42.0, w + 0.6, _tint(drawing, attributes))
    draw_neckline(drawing, style, cut.neck, fine=True)


def draw_skirt(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a skirt."""
    half = 16.0
    h, low = _draw_skirt(drawing, attributes, 0.0, half)
    if attributes["slit"] == "slit" and not back:
        x = half * 0.55
        drawing.piece(
            "slit",
            f"M {x} {low * 0.6} L {x + 3.4} {low + 1} L {x - 2.2} " f"{low + 1.4} Z",
            mix(drawing.main, "#000000", 0.55),
            "drop",
        )
    _draw_waist(drawing, attributes, half, back)
    if back:
        return
    closure = attributes["closure"]
    if closure == "buttons":
        button_row(drawing, 7.5, low - 5, 6.5, drawing.trim, 1.25)
    elif closure == "zip":
        front_zip(drawing, 5.0, min(low * 0.6, 30.0), "#c3c8d0")
    elif closure == "drawstring":
        _draw_drawstring(drawing, 2.0)
    draw_upper_pocket(drawing, attributes["pocket"], half * 1.12, 13.0, drawing.trim)
    if attributes["belt"] != "none":
        draw_belt(drawing, attributes["belt"], 2.0, half + 0.4,
                  _tint(drawing, attributes))  # fmt: skip


def _draw_drawstring(drawing: Drawing, y: float) -> None:
    """Adds a tied cord of part `closure`."""
    for turn in (str, flip):
        drawing.band("closure", turn(f"M 0.3 {y} C 5 {y - 3} 6 {y + 4} 0.5 {y + 1} "
                     f"Q 2.2 {y + 7} 3 {y + 14}"), "#f1ede2", 0.9)  # fmt: skip


def _draw_waist(drawing: Drawing, attributes: Attributes, half: float, back: bool):
    """Adds a waistband, 4.5 high, of part `waistband`; and a belt from behind."""
    part, style = "waistband", attributes["waist"]
    band = (
        f"M {-half} -0.4 Q 0 0.8 {half} -0.4 L {half + 0.6} 4.4 "
        f"Q 0 5.6 {-half - 0.6} 4.4 Z"
    )
    drawing.piece(part, band, drawing.trim, "round", 0.5)
    if style == "elastic":
        for k in range(-9, 10):
            x = half * k / 9.6
            drawing.line(f"M {x} 0.4 Q {x + 0.4} 2.4 {x} 4.8", 0.5, 0.55)
            drawing.fold(x, 5.2, x * 1.06, 11, 0.3)
    elif style == "loops":
        for k in (-0.8, -0.42, 0.42, 0.8):
            drawing.piece(part, rect(half * k - 0.7, -1.0, 1.4, 7.0),
                          mix(drawing.trim, "#000000", 0.12), "", 0.45)  # fmt: skip
    if back and attributes["belt"] != "none":
        draw_back_belt(drawing, 2.0, half + 0.4, _tint(drawing, attributes))


_LEG = {"skinny": (5.0, 4.2), "straight": (7.4, 7.0), "tapered": (7.6, 4.7),
        "wide": (9.6, 12.0), "flared": (5.6, 10.0)}  # fmt: skip
_SHORT_LEG = {"skinny": 7.4, "straight": 8.4, "tapered": 7.8, "wide": 9.8,
              "flared": 9.2}  # fmt: skip


def draw_trousers(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws trousers or shorts."""
    half = 15.0
    low = {"shorts": 44.0, "ankle": 84.0, "full": 98.0}[attributes["length"]]
    knee, foot = _LEG[attributes["leg"]]
    hip, mid = half + 3.2, 56.0
    gap = 1.2 if attributes["leg"] == "skinny" else 1.6
    kx = max(knee + gap, 9.4)
    fx = max(foot + gap, 10.0)
    if low < 60:
        mid, foot = 34.0, _SHORT_LEG[attributes["leg"]]
        knee, kx, fx = foot, foot + 0.9, foot + 1.0
    leg = (
        f"M -0.2 1 L {half} 0 C {hip - 1} 6 {hip} 12 {hip} 20 "
        f"C {hip} 32 {kx + knee} {mid - 12} {kx + knee} {mid} "
        f"L {fx + foot} {low} Q {fx} {low + 1.2} {fx - foot} {low} "
        f"L {kx - knee} {mid} C {kx - knee} {mid - 12} 0.6 34 -0.2 27 Z"
    )
    tone = mix(drawing.main, "#000000", 0.25)
    for turn in (flip, str):
        drawing.piece("body", turn(leg), None, "round", 0.45)
        side = 1 if turn is str else -1
        if attributes["side_stripe"] != "none":
            drawing.band(
                "side_stripe", turn(f"M {half - 0.6} 6 C {hip - 1.4} 10 {hip - 1.4} 14 "
                f"{hip - 1.5} 20 C {hip - 1.5} 32 {kx + knee - 1.6} {mid - 12} "
                f"{kx + knee - 1.6} {mid} L {fx + foot - 1.6} {low - 0.4}"),
                color_hex(attributes["side_stripe"]), 1.7,
            )  # fmt: skip
        drawing.fold(side * 3, 27, side * 12, 31, 1.2 * side)
        drawing.fold(side * 4, 30, side * 13, 38, 1.0 * side)
        if low > 60:
            drawing.fold(side * (kx - knee + 1), mid + 2, side * (kx + knee - 3),
                         mid - 2, 1)  # fmt: skip
            drawing.fold(side * fx, low - 4, side * kx, mid + 8, 0.6)
        hem = attributes["hem"]
        deep = {"straight": 1.4, "band": 4.0, "turn-up": 6.0}[hem]
        slope = (fx + foot - kx - knee) / (low - mid) if low > mid else 0.0
        inner = (fx - foot - kx + knee) / (low - mid)
        out = 0.7 if hem == "turn-up" else 0.0
        color = (
            mix(drawing.main, "#ffffff", 0.22)
            if (hem == "turn-up" and attributes["trim_color"] == "tonal")
            else drawing.trim
        )
        drawing.piece(
            "hem", turn(
                f"M {fx + foot + out} {low} Q {fx} {low + 1.2} {fx - foot - out} {low} "
                f"L {fx - foot - inner * deep - out} {low - deep} Q {fx} "
                f"{low - deep + 1.2} {fx + foot - slope * deep + out} {low - deep} Z"
            ), color, "round", 0.5,
        )  # fmt: skip
        _draw_knee(drawing, attributes["knee"] if low > 60 and not back else "none",
                   side * kx, mid, knee, tone)  # fmt: skip
        if attributes["pocket"] == "cargo":
            x = kx + knee * 0.2
            y = 46.0 if low > 60 else 25.0
            drawing.piece("pocket", turn(rect(x - 3.6, y - 4, 8.4, 11)), None, "drop",
                          0.6)  # fmt: skip
            drawing.piece("pocket", turn(rect(x - 4.0, y - 5, 9.2, 4)), None, "leather",
                          0.6)  # fmt: skip
    _draw_waist(drawing, attributes, half, back)
    drawing.line("M 0 5 L 0 27", 0.5, 0.7)
    if back:
        for side in (1, -1):
            drawing.line(rect(side * 8 - 3.6, 11, 7.2, 8.5), 0.5, 0.65)
        return
    if attributes["closure"] == "fly":
        drawing.piece("closure", "M -0.6 5 L 3.4 5 L 3.4 16 Q 3 20 -0.6 21.5 Z", None,
                      "", 0.6)  # fmt: skip
        drawing.button("closure", 0, 2.6, "#caa24a", 1.3)
    elif attributes["closure"] == "buttons":
        button_row(drawing, 2.5, 20, 4.3, "#caa24a", 1.25)
    else:
        _draw_drawstring(drawing, 2.4)
    if attributes["pocket"] == "slant":
        for side in (1, -1):
            slant_pocket(drawing, side, half * 0.66, 5.4, 12)
    elif attributes["pocket"] == "two-patch":
        draw_upper_pocket(drawing, "two-patch", half * 1.05, 12.0, drawing.trim)
    if attributes["belt"] != "none":
        draw_belt(drawing, attributes["belt"], 2.0, half + 0.4,
                  _tint(drawing, attributes))  # fmt: skip


def _draw_knee(
    drawing: Drawing, style: str, x: float, y: float, half: float, tone: str
) -> None:
    """Adds a ripped or a patched knee around (x, y), of part `knee`."""
    if style == "patch":
        drawing.piece("knee", ellipse(x, y, half * 0.7, 5.2), tone, "drop", 0.6)
        drawing.stitch(ellipse(x, y, half * 0.56, 4.4), "#efe8d8")
    elif style == "ripped":
        for dy, share in ((-2.6, 0.6), (0.0, 0.78), (2.6, 0.55)):
            drawing.piece("knee", ellipse(x, y + dy, half * share, 0.95), "#e8cdb8",
                          "", 0.5)  # fmt: skip
            drawing.line(f"M {x - half * share * 0.8} {y + dy} "
                         f"L {x + half * share * 0.8} {y + dy}", 0.4, 0.9, "0.5 0.7",
                         "#ffffff")  # fmt: skip
