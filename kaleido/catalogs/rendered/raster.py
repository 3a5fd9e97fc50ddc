"""SVG to pixels."""

from __future__ import annotations

import io

import numpy as np
import resvg_py
from PIL import Image


def rasterize(svg: str) -> np.ndarray:
    """Returns uint8 [height, width, 4], red, green, blue and alpha."""
    # Without the fonts of the system: we write no text, and the same drawing
    # gives the same pixels everywhere.
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))
