"""Handbags; the body hangs down from y = 0 and handles rise above it."""

from __future__ import annotations

import dataclasses
from typing import Mapping

from kaleido.catalogs.rendered.shapes import (
    Drawing,
    Shape,
    ellipse,
    mix,
    polygon,
    rect,
)
from kaleido.catalogs.rendered.vocabulary import color_hex

Attributes = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Form:
    """Outline of a bag; `top` and `low` are half widths, `height` its depth."""

    path: str
    top: float
    low: float
    height: float


_FORMS = {
    "tote": _Form("M -36 0 L 36 0 L 29 54 Q 28.6 58 25 58 L -25 58 Q -28.6 58 -29 54 "
                  "Z", 36, 29, 58),
    "satchel": _Form("M -34 0 Q 0 -3 34 0 Q 38 0 38.4 4 L 40 42 Q 40 47 35 47 L -35 "
                     "47 Q -40 47 -40 42 L -38.4 4 Q -38 0 -34 0 Z", 35, 38, 47),
    "bucket": _Form("M -27 0 Q 0 5 27 0 C 31 20 29 40 24 55 Q 0 61 -24 55 C -29 40 "
                    "-31 20 -27 0 Z", 27, 24, 57),
    "hobo": _Form("M -35 -9 C -30 0 -16 7 0 7 C 16 7 30 0 35 -9 C 44 10 44 34 30 43 C "
                  "16 50 -16 50 -30 43 C -44 34 -44 10 -35 -9 Z", 33, 30, 47),
    "round": _Form("M -12 -1 Q 0 -3 12 -1 C 30 3 36 14 36 28 C 36 46 22 58 0 58 C -22 "
                   "58 -36 46 -36 28 C -36 14 -30 3 -12 -1 Z", 22, 14, 58),
}  # fmt: skip

_RIMS = {
    "tote": "M -35.6 0.8 L 35.6 0.8",
    "satchel": "M -34 0.8 Q 0 -2.2 34 0.8",
    "bucket": "M -26.8 0.8 Q 0 5.8 26.8 0.8",
    "hobo": "M -35 -8 C -30 1 -16 8 0 8 C 16 8 30 1 35 -8",
    "round": "M -27 5.5 C -14 -2 14 -2 27 5.5",
}


def draw_bag(drawing: Drawing, attributes: Attributes, back: bool) -> None:
    """Draws a handbag."""
    form = _FORMS[attributes["shape"]]
    metal = color_hex(attributes["hardware"])
    trim = drawing.trim
    _draw_handle(drawing, attributes["handle"], form, attributes["shape"], metal)
    if attributes["shape"] in ("tote", "bucket"):
        drawing.piece("body", f"M {-form.top} 0.6 Q 0 -5.5 {form.top} 0.6 "
                      f"Q 0 6 {-form.top} 0.6 Z", mix(drawing.main, "#000000", 0.25),
                      "inside")  # fmt: skip
    drawing.piece("body", form.path, None, "round", 0.6)
    drawing.band("trim", _RIMS[attributes["shape"]], trim, 1.5)
    if attributes["base"] == "panel":
        deep = form.height * 0.76
        if attributes["shape"] in ("hobo", "round"):
            deep = form.height * 0.8
            half = 32.5 if attributes["shape"] == "hobo" else 27.0
        else:
            half = form.low + (form.top - form.low) * 0.2
        drawing.piece("base", _panel(attributes["shape"], form, deep, half), trim,
                      "drop", 0.6)  # fmt: skip
        drawing.stitch(f"M {-half + 2} {deep + 1.6} L {half - 2} {deep + 1.6}")
    elif attributes["base"] == "studs":
        low = form.height - 6
        half = 12 if attributes["shape"] == "round" else form.low - 6
        for k in range(-4, 5):
            drawing.piece("base", ellipse(half * k / 4, low, 1.6, 1.6), metal,
                          "leather", 0.35)  # fmt: skip
    drawing.line(form.path, 0.9, 0.35)
    if back:
        drawing.line(f"M {-form.low + 6} {form.height * 0.25} L {form.low - 6} "
                     f"{form.height * 0.25}", 0.6, 0.6)  # fmt: skip
        return
    _draw_pocket(drawing, attributes["pocket"], form, metal)
    _draw_closure(drawing, attributes["closure"], form, attributes["shape"], metal)
    _draw_logo(drawing, attributes["logo"], form, metal, attributes["pocket"])
    _draw_tassel(drawing, attributes["tassel"], form, metal)


def _panel(shape: str, form: _Form, deep: float, half: float) -> str:
    """Returns the lower part of the outline, from `deep` downwards."""
    low = form.height
    if shape == "tote":
        return (f"M {-half} {deep} L {half} {deep} L 29 54 Q 28.6 58 25 58 L -25 58 "
                f"Q -28.6 58 -29 54 Z")  # fmt: skip
    if shape == "satchel":
        return (f"M -39.6 {deep} L 39.6 {deep} L 40 42 Q 40 47 35 47 L -35 47 Q -40 47 "
                "-40 42 Z")  # fmt: skip
    if shape == "bucket":
        return (
            f"M -27 {deep} L 27 {deep} Q 25.6 50 24 55 Q 0 61 -24 55 "
            f"Q -25.6 50 -27 {deep} Z"
        )
    return (
        f"M {-half} {deep} L {half} {deep} Q {half * 0.62} {low} 0 {low} "
        f"Q {-half * 0.62} {low} {-half} {deep} Z"
    )


def _draw_handle(
    drawing: Drawing, style: str, form: _Form, shape: str, metal: str
) -> None:
    """Adds handles of part `handle` and the rings that hold them."""
    part, color = "handle", drawing.trim
    root = -7.0 if shape == "hobo" else 1.0
    if style == "single":
        x = min(form.top * 0.5, 16.0) if shape != "hobo" else 33.0
        rise = 22.0
        root = root if shape != "hobo" else -8.0
        drawing.band(part, f"M {-x} {root} C {-x} {root - rise * 1.25} {x} "
                     f"{root - rise * 1.25} {x} {root}", color, 3.6)  # fmt: skip
        xs = (x,)
    elif style == "double":
        x = form.top * 0.48
        for tone, dx, rise in ((0.25, 2.5, 27.0), (0.0, 0.0, 24.0)):
            drawing.band(
                part,
                f"M {-x + dx} 2 C {-x + dx} {-rise * 1.3} {x + dx} "
                f"{-rise * 1.3} {x + dx} 2",
                mix(color, "#000000", tone),
                2.7,
            )
        xs = (x,)
    else:
        x = form.top - 2.5
        root = -7.0 if shape == "hobo" else 2.0
        path = (
            f"M {-x} {root} C {-x * 0.8} {root - 55} {x * 0.8} {root - 55} {x} {root}"
        )
        if style == "chain":
            drawing.shapes.append(_chain(part, path, mix(metal, "#000000", 0.5), 3.0))
            drawing.shapes.append(_chain(part, path, metal, 1.9))
        else:
            drawing.band(part, path, color, 2.4)
        xs = (x,)
    for x in xs:
        for side in (1, -1):
            drawing.band("hardware", ellipse(side * x, root + 1, 2.0, 2.2), metal, 0.9)


def _chain(part: str, path: str, color: str, width: float):
    """Returns a dashed stroke that reads as the links of a chain."""
    return Shape(part, path, "none", color, width, 1.0, "", "2.6 0.9")


def _draw_pocket(drawing: Drawing, style: str, form: _Form, metal: str) -> None:
    """Adds a pocket on the face, of part `pocket`."""
    h, half = form.height, min(form.low, 30.0) * 0.68
    if form.low < 20:
        half = 17.0
    top = h * 0.48
    path = (
        f"M {-half} {top} L {half} {top} L {half} {h * 0.8} Q {half} {h * 0.86} "
        f"{half - 3} {h * 0.86} L {-half + 3} {h * 0.86} Q {-half} {h * 0.86} {-half} "
        f"{h * 0.8} Z"
    )
    if style == "front-patch":
        drawing.piece("pocket", path, None, "drop", 0.8)
        drawing.band("pocket", f"M {-half} {top} L {half} {top}", drawing.trim, 1.8)
        drawing.stitch(
            f"M {-half + 1.4} {top + 3} L {-half + 1.4} {h * 0.83} "
            f"L {half - 1.4} {h * 0.83} L {half - 1.4} {top + 3}"
        )
    elif style == "front-zip":
        drawing.piece("pocket", path, None, "drop", 0.5)
        zipper = f"M {-half + 2} {top + 3} L {half - 2} {top + 3}"
        drawing.band("pocket", zipper, mix(drawing.main, "#000000", 0.45), 2.6)
        drawing.line(zipper, 1.4, 1.0, "0.8 0.6", metal)
        drawing.piece("pocket", rect(half - 8, top + 2.2, 5.5, 1.9), metal, "", 0.3)


def _draw_closure(
    drawing: Drawing, style: str, form: _Form, shape: str, metal: str
) -> None:
    """Adds what closes the bag, of part `closure`."""
    part = "closure"
    t = form.top - 1.0
    y = {"hobo": 4.0, "round": 4.0, "bucket": 3.0}.get(shape, 0.0)
    if shape in ("hobo", "round"):
        t = 24.0
        y = 7.0
    if style == "flap":
        low = form.height * 0.42
        drawing.piece(part, f"M {-t} {y} Q 0 {y - 2} {t} {y} L {t * 0.98} {low * 0.6} "
                      f"Q {t * 0.9} {low} {t * 0.5} {low} L {-t * 0.5} {low} "
                      f"Q {-t * 0.9} {low} {-t * 0.98} {low * 0.6} Z", None,
                      "leather", 0.8)  # fmt: skip
        # The lower edge of the flap is bound like the rim that it hides.
        drawing.band(
            "trim",
            f"M {t * 0.98} {low * 0.6} Q {t * 0.9} {low} {t * 0.5} {low} "
            f"L {-t * 0.5} {low} Q {-t * 0.9} {low} {-t * 0.98} {low * 0.6}",
            drawing.trim,
            1.2,
        )
        drawing.piece(part, rect(-3.2, low - 4, 6.4, 6.4), metal, "leather", 0.5)
        drawing.piece(part, ellipse(0, low - 0.8, 1.2, 1.2), mix(metal, "#000000", 0.4),
                      "", 0.2)  # fmt: skip
    elif style == "top-zip":
        path = f"M {-t + 3} {y + 3.4} Q 0 {y + 5} {t - 3} {y + 3.4}"
        drawing.band(part, path, mix(drawing.main, "#000000", 0.45), 3.2)
        drawing.line(path, 1.8, 1.0, "0.9 0.65", metal)
        drawing.piece(part, rect(t - 10, y + 3, 2.2, 8), metal, "leather", 0.35)
    elif style == "clasp":
        drawing.band(part, f"M {-t + 2} {y + 2} Q 0 {y + 5.4} {t - 2} {y + 2}", metal,
                     2.4)  # fmt: skip
        for x in (-2.4, 2.4):
            drawing.piece(part, ellipse(x, y + 0.2, 3.0, 3.0), metal, "leather", 0.5)
    else:
        for side in (1, -1):
            x = side * t * 0.52
            drawing.piece(
                part,
                polygon(
                    [
                        (x - 2.6, y),
                        (x + 2.6, y),
                        (x + 2.6, form.height * 0.5),
                        (x, form.height * 0.55),
                        (x - 2.6, form.height * 0.5),
                    ]
                ),
                drawing.trim,
                "drop",
                0.6,
            )
            drawing.band(part, rect(x - 3.8, form.height * 0.33, 7.6, 6), metal, 1.3)


def _draw_logo(
    drawing: Drawing, style: str, form: _Form, metal: str, pocket: str
) -> None:
    """Adds an emblem, of part `logo`; it sits on the pocket if there is one."""
    y = form.height * (0.7 if pocket != "none" else 0.62)
    if style == "plate":
        drawing.piece("logo", rect(-6, y - 2.4, 12, 4.8), metal, "leather", 0.5)
        drawing.line(f"M -4 {y} L 4 {y}", 0.8, 0.7, "1.4 0.6", "#333333")
    elif style == "stamp":
        rim = mix(drawing.main, "#ffffff" if drawing.fold_opacity > 0.1 else "#000000",
                  0.5)  # fmt: skip
        drawing.piece("logo", ellipse(0, y, 5.0, 5.0), rim, "", 0.5)
        drawing.line(ellipse(0, y, 3.6, 3.6), 0.6, 0.9, "", drawing.main)
        drawing.line(f"M -2 {y + 1.6} L 0 {y - 2} L 2 {y + 1.6}", 0.8, 0.9, "",
                     drawing.main)  # fmt: skip


def _draw_tassel(drawing: Drawing, style: str, form: _Form, metal: str) -> None:
    """Adds a charm on one side, of part `tassel`."""
    if style == "none":
        return
    part, color = "tassel", drawing.trim
    x, y = min(form.top, 34.0) * 0.78, 2.0
    drawing.band(part, f"M {x - 3} {y - 3} Q {x + 1} {y + 2} {x} {y + 8}", metal, 0.9)
    if style == "ball":
        soft = mix(color, "#ffffff", 0.2)
        for dx, dy in ((0, 0), (3.2, 1), (-3.2, 1), (0, 4), (2.6, 4.4), (-2.6, 4.4)):
            drawing.piece(part, ellipse(x + dx, y + 12 + dy, 4.2, 4.2), soft, "round",
                          0.15)  # fmt: skip
    elif style == "tag":
        drawing.piece(
            part,
            polygon(
                [
                    (x, y + 7),
                    (x + 4.5, y + 11),
                    (x + 4.5, y + 23),
                    (x - 4.5, y + 23),
                    (x - 4.5, y + 11),
                ]
            ),
            color,
            "leather",
            0.6,
        )
        drawing.piece(part, ellipse(x, y + 11, 1.2, 1.2), metal, "", 0.3)
    else:
        drawing.piece(part, rect(x - 2, y + 7, 4, 4), metal, "leather", 0.4)
        drawing.piece(part, polygon([(x - 2, y + 11), (x + 2, y + 11), (x + 4, y + 27),
                      (x - 4, y + 27)]), color, "drop", 0.5)  # fmt: skip
        for k in (-2, -1, 0, 1, 2):
            drawing.line(
                f"M {x + k * 0.7} {y + 12} L {x + k * 1.5} {y + 27}", 0.35, 0.6
            )
