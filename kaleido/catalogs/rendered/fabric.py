"""Patterns of cloth: one repeat drawn as SVG, laid over the cloth as pixels."""

from __future__ import annotations

from typing import Tuple

import numpy as np
from PIL import Image

from kaleido.catalogs.rendered.raster import rasterize
from kaleido.catalogs.rendered.shapes import luminance, mix, rgb


def _flower(x: float, y: float, petals: str, heart: str, r: float) -> str:
    at = ((0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31))
    return (
        "".join(
            f'<circle cx="{x + dx * r:.2f}" cy="{y + dy * r:.2f}" r="{0.78 * r:.2f}" '
            f'fill="{petals}"/>'
            for dx, dy in at
        )
        + f'<circle cx="{x}" cy="{y}" r="{0.55 * r:.2f}" fill="{heart}"/>'
    )


def _tile(pattern: str, base: str, second: str) -> Tuple[float, float, str]:
    """Returns width, height and SVG drawing of one repeat of a pattern."""
    if pattern == "stripes":
        drawing = f'<rect width="20" height="2.5" fill="{second}"/>'
        return 20, 6.0, drawing
    if pattern == "pinstripes":
        drawing = f'<rect width="0.9" height="20" fill="{second}"/>'
        return 4.2, 20, drawing
    if pattern == "checks":
        t = 6.4
        drawing = (
            f'<rect width="{t / 2}" height="{t}" fill="{second}" fill-opacity=".55"/>'
            f'<rect width="{t}" height="{t / 2}" fill="{second}" fill-opacity=".55"/>'
        )
        return t, t, drawing
    if pattern == "tartan":
        t = 15.0
        dark = mix(base, "#000000", 0.45)
        drawing = "".join(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" '
            f'fill-opacity="{opacity}"/>'
            for x, y, w, h, fill, opacity in (
                (0, 0, 5, t, dark, 0.5), (0, 0, t, 5, dark, 0.5),
                (9, 0, 1.3, t, second, 0.9),
                (0, 9, t, 1.3, second, 0.9),
                (2.2, 0, 0.6, t, second, 0.7),
                (0, 2.2, t, 0.6, second, 0.7),
            )
        )  # fmt: skip
        return t, t, drawing
    if pattern == "dots":
        t = 6.6
        drawing = "".join(
            f'<circle cx="{t * x}" cy="{t * y}" r="1.25" fill="{second}"/>'
            for x, y in ((0.25, 0.25), (0.75, 0.75))
        )
        return t, t, drawing
    if pattern == "floral":
        leaf = mix("#3d7a3f", base, 0.25)
        heart = "#f3cf4f" if second != "#f1c632" else "#8a4a20"
        drawing = (
            _flower(3.4, 3.6, second, heart, 1.55)
            + _flower(9.8, 9.4, second, heart, 1.25)
            + f'<path d="M {6} {6} q {2} {-2.6 } 3.6 {-2.4 } '
            f"q {-0.6 } 2.6 {-3.6 } 2.4 z M {3} {11} "
            f"q {-0.2 } {-2.4 } {2} {-3 } q {1} 2.2 "
            f'{-2 } {3} z" fill="{leaf}"/>'
        )
        return 12.6, 12.6, drawing
    if pattern == "chevron":
        w, h = 9.0, 6.6
        drawing = "".join(
            f'<path d="M {-w / 2} {y + h * 0.75} L 0 {y} L {w / 2} {y + h * 0.75} '
            f'L {w} {y} L {w * 1.5} {y + h * 0.75}" fill="none" stroke="{second}" '
            f'stroke-width="2.0"/>'
            for y in (-h, 0, h)
        )
        return w, h, drawing
    if pattern == "argyle":
        w, h = 11.0, 15.0
        drawing = (
            f'<path d="M {w / 2} 0 L {w} {h / 2} L {w / 2} {h} L 0 {h / 2} Z" '
            f'fill="{second}"/><path d="M 0 0 L {w} {h} M {w} 0 L 0 {h}" '
            f'stroke="{mix(base, "#ffffff", 0.7)}" stroke-width="0.5"/>'
        )
        return w, h, drawing
    if pattern == "leopard":
        t = 9.0
        dark = mix(second, "#000000", 0.1)
        drawing = "".join(
            f'<ellipse cx="{x}" cy="{y}" rx="{r}" ry="{0.75 * r }" '
            f'fill="{mix(base, second, 0.35)}" stroke="{dark}" '
            f'stroke-width="0.85" stroke-dasharray="2.6 0.9"/>'
            for x, y, r in ((2.3, 2.0, 1.2), (6.6, 3.4, 1.0), (3.4, 6.4, 1.1),
                            (7.3, 7.6, 0.9))
        )  # fmt: skip
        return t, t, drawing
    if pattern == "camo":
        t = 20.0
        dark = mix(base, "#000000", 0.42)
        light = mix(base, second, 0.85)
        drawing = "".join(
            f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" '
            f'fill="{fill}"/>'
            for x, y, rx, ry, fill in (
                (5, 4, 4.2, 2.2, light), (8, 6, 3.2, 1.8, light),
                (15, 13, 4.0, 2.2, light), (12, 15, 3.0, 2.2, light),
                (14, 4, 3.4, 2.0, dark), (16.5, 6, 2.4, 2.4, dark),
                (4, 13, 3.2, 2.0, dark), (6.5, 15.5, 2.8, 1.8, dark),
            )
        )  # fmt: skip
        return t, t, drawing
    if pattern == "quilted":
        t = 6.5
        ink = mix(base, "#ffffff" if luminance(base) < 0.2 else "#000000", 0.3)
        drawing = (
            f'<path d="M 0 0 L {t} {t} M {t} 0 L 0 {t}" stroke="{ink}" '
            f'stroke-width="0.55"/><path d="M {t / 2} {t * 0.12} '
            f'L {t * 0.88} {t / 2} L {t / 2} {t * 0.6} L {t * 0.12} {t / 2} Z" '
            f'fill="#fff" fill-opacity=".13"/>'
        )
        return t, t, drawing
    raise ValueError(f"`pattern` must be a known pattern. Received: pattern={pattern}")


# Finer than the picture, so that taking the nearest texel leaves no steps.
_FINER = 3
# Height below the neck, or the top edge of a bag, where two colours meet.
_BLOCK_AT = 31.0


def lay_pattern(
    pattern: str, base: str, second: str, pixels: float, places: np.ndarray
) -> np.ndarray:
    """Returns the colours of a patterned cloth at some places.

    Args:
        pattern: a value of the attribute `pattern`.
        base: hex value of the ground.
        second: hex value of the motif.
        pixels: size of a garment unit in the picture, in pixels.
        places: float [n, 2], in garment units.

    Returns:
        float32 [n, 3] in 0 .. 255.
    """
    if pattern == "colorblock":
        upper = places[:, 1] < _BLOCK_AT
        return np.where(upper[:, None], rgb(base), rgb(second))
    width, height, drawing = _tile(pattern, base, second)
    columns = max(round(width * pixels), 2)
    rows = max(round(height * pixels), 2)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns}" height="{rows}" '
        f'viewBox="0 0 {width} {height}" preserveAspectRatio="none">'
        f'<rect width="{width}" height="{height}" fill="{base}"/>{drawing}</svg>'
    )
    tile = Image.fromarray(rasterize(svg)[..., :3]).resize(
        (columns * _FINER, rows * _FINER), Image.Resampling.BICUBIC
    )
    texels = np.asarray(tile, np.float32)
    x = (places[:, 0] * (columns * _FINER / width)).astype(np.int64) % texels.shape[1]
    y = (places[:, 1] * (rows * _FINER / height)).astype(np.int64) % texels.shape[0]
    return texels[y, x]
