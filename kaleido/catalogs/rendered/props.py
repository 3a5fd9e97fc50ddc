"""Hangers and dress forms: things of the background that hold a garment."""

from __future__ import annotations

from typing import List

from kaleido.catalogs.rendered.shapes import Shape, ellipse, rect

# A shape of this part is a thing of the background that can hide the product.
BACKGROUND = ""


def hanger(bottoms: bool) -> List[Shape]:
    """Returns a hanger; for skirts and trousers it has two clips."""
    wood, metal, dark = "#b98a58", "#8d939b", "#5d4228"
    y = -8.0 if bottoms else -1.0
    hook = (
        f"M 0 {y} L 0 {y - 6} C 0 {y - 9} 6 {y - 10} 5.6 {y - 14} "
        f"C 5.2 {y - 18} -2 {y - 18} -3 {y - 13}"
    )
    shapes = [Shape(BACKGROUND, hook, "none", metal, 1.1)]
    if bottoms:
        shapes.append(Shape(BACKGROUND, rect(-13, y - 0.6, 26, 1.6), metal, dark, 0.3))
        for x in (-10.5, 10.5):
            clip = rect(x - 1.5, y + 0.6, 3.0, 9.6)
            shapes.append(Shape(BACKGROUND, clip, "#3d3f45", "#1b1b1f", 0.3))
        return shapes
    arms = (
        "M 0 -3 C 8 -2 15 2 20 6.5 L 18.5 9.5 C 13 5 7 1.6 0 1 "
        "C -7 1.6 -13 5 -18.5 9.5 L -20 6.5 C -15 2 -8 -2 0 -3 Z"
    )
    shapes.append(Shape(BACKGROUND, arms, wood, dark, 0.4))
    return shapes


def dress_form() -> List[Shape]:
    """Returns a tailor's bust on its stand."""
    cloth, seam, wood, dark = "#e8dcc8", "#b09a7c", "#6d4b2e", "#3f2a18"
    bust = (
        "M -7.2 -13 C -6.6 -6 -7 -2 -13 2 C -20 6 -16 26 -14 40 "
        "C -17 52 -17 60 -13 66 L 13 66 C 17 60 17 52 14 40 C 16 26 20 6 13 2 "
        "C 7 -2 6.6 -6 7.2 -13 Z"
    )
    return [
        Shape(BACKGROUND, rect(-1.4, 40, 2.8, 160), wood, dark, 0.3),
        Shape(BACKGROUND, bust, cloth, seam, 0.4, 1.0, "round"),
        Shape(BACKGROUND, ellipse(0, -13, 7.2, 2.2), wood, dark, 0.3, 1.0, "round"),
        Shape(BACKGROUND, ellipse(0, -16, 1.8, 2.0), wood, dark, 0.3, 1.0, "round"),
    ]
