"""From a scene to a photo: pattern, background, shadow, light and JPEG."""

from __future__ import annotations

import io
from typing import Mapping

import numpy as np
from PIL import Image, ImageFilter

from kaleido.catalogs.rendered.backdrops import backdrop, enlarge
from kaleido.catalogs.rendered.fabric import lay_pattern
from kaleido.catalogs.rendered.raster import rasterize
from kaleido.catalogs.rendered.scene import Scene, View
from kaleido.catalogs.rendered.shading import shade
from kaleido.catalogs.rendered.shapes import PATTERNED, rgb
from kaleido.catalogs.rendered.subcategories import NONE
from kaleido.catalogs.rendered.vocabulary import color_hex

# The shadow is soft, so it is made at a quarter of the resolution.
_COARSE = 4
JPEG_QUALITY = 92


def _lay_fabric(
    product: np.ndarray, cloth: np.ndarray, attributes: Mapping[str, str], scene: Scene
) -> np.ndarray:
    """Returns the product's pixels with the pattern on its grey cloth.

    Args:
        product: float32 [size, size, 3]; cloth is `PATTERNED` with shading.
        cloth: bool [size, size].
        attributes: the product's attributes.
        scene: where the product is.
    """
    rows, columns = np.nonzero(cloth)
    if not len(rows):
        return product
    colors = lay_pattern(
        attributes["pattern"],
        color_hex(attributes["color"]),
        color_hex(attributes.get("pattern_color", attributes["color"])),
        scene.scale,
        scene.garment_places(columns, rows),
    )
    gray = float(rgb(PATTERNED)[0])
    seen = product[rows, columns].mean(axis=1, keepdims=True)
    dark = np.minimum(seen / gray, 1.0)
    light = np.maximum((seen - gray) / (255.0 - gray), 0.0)
    product[rows, columns] = colors * dark + (255.0 - colors) * light
    return product


def _shadow(alpha: Image.Image, view: View, scene: Scene, size: int) -> np.ndarray:
    """Returns by how much the background is darkened, float32 [size, size]."""
    n = size // _COARSE
    if view.pose == "standing":
        left, _, right, ground = (value / _COARSE for value in scene.box)
        y, x = np.mgrid[0:n, 0:n].astype(np.float32) + 0.5
        half = max((right - left) / 2, 1.0)
        u = (x - (left + right) / 2) / (1.05 * half)
        v = (y - ground + 0.02 * half) / (0.13 * half)
        return 0.5 * enlarge(np.exp(-((u * u) ** 2) - v * v), size)
    soft = alpha.resize((n, n), Image.Resampling.BOX).filter(
        ImageFilter.GaussianBlur(size / 150.0)
    )
    dx, dy = round((1 + view.light) * size / 200.0), round(size / 85.0)
    coarse = np.asarray(soft, np.float32) / 255.0
    return 0.34 * np.roll(enlarge(coarse, size), (dy, dx), axis=(0, 1))


def take_photo(
    scene: Scene,
    view: View,
    attributes: Mapping[str, str],
    flat: np.ndarray,
    size: int,
    rng: np.random.Generator,
) -> bytes:
    """Returns the picture as JPEG.

    Args:
        scene: the drawn product.
        view: how it is photographed.
        attributes: the product's attributes.
        flat: uint8 [size, size, 4], `scene.parts` rasterised.
        size: width and height in pixels.
        rng: draws the background.
    """
    raster = rasterize(scene.product)
    product = raster[..., :3].astype(np.float32)
    if attributes.get("pattern", NONE) != NONE:
        product = _lay_fabric(product, flat[..., 1] > 0, attributes, scene)
    product = shade(product, flat[..., 0], scene.pieces)
    floor = 2.0 * size
    if view.pose == "standing":
        floor = scene.box[3] - rng.uniform(0.06, 0.2) * size
    picture = backdrop(view.backdrop, size, floor, rng)
    shadow = _shadow(Image.fromarray(raster[..., 3]), view, scene, size)
    picture *= 1.0 - np.clip(shadow, 0.0, 1.0)[..., None]
    alpha = raster[..., 3:].astype(np.float32) / 255.0
    picture += alpha * (product - picture)
    # Light from one side over everything, a little warmer where it comes from.
    across = np.linspace(-view.light, view.light, size, dtype=np.float32)
    down = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    ramp = 1.0 - 0.05 * (across[None, :] + down[:, None])
    picture *= ramp[..., None]
    done = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    done.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
