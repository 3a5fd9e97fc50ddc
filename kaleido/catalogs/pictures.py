"""Encoded pictures: what TensorFlow decodes passes untouched, the rest becomes PNG.

Only headers are looked at here. The full decode comes once, later, in the graph.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Start of frame; C4, C8 and CC in their midst are other segments.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])


def decodable(data: bytes) -> bytes:
    """Returns the picture in an encoding that `tf.io.decode_image` understands.

    JPEG with one or three components, PNG, GIF and 24-bit BMP are returned as
    they are. Other formats, and CMYK JPEGs, are transcoded to PNG.

    Args:
        data: an encoded picture of any format that Pillow knows.

    Raises:
        ValueError: if the data is empty or its header is not that of a picture.
    """
    if not data:
        raise ValueError("The picture is empty. Received: 0 bytes")
    if data.startswith(b"\xff\xd8"):
        passes = _jpeg_components(data) in (1, 3)
    elif data.startswith(PNG_SIGNATURE):
        chunk, width, height = _header(data, ">4x4sII", 8)
        passes = chunk == b"IHDR" and width > 0 and height > 0
    elif data[:6] in (b"GIF87a", b"GIF89a"):
        passes = len(data) > 13
    elif data.startswith(b"BM"):
        # TensorFlow reads no palettes, no compression and no short headers.
        size, _, _, _, bits, compression = _header(data, "<IiiHHI", 14)
        passes = size >= 40 and bits == 24 and compression == 0
    else:
        passes = False
    return data if passes else to_png(data)


def to_png(data: bytes) -> bytes:
    """Transcodes a picture to PNG, RGB; what is transparent becomes white.

    Raises:
        ValueError: if Pillow cannot decode it.
    """
    stream = io.BytesIO()
    open_rgb(data).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def open_rgb(data: bytes) -> Image.Image:
    """Decodes a picture of any format to RGB; what is transparent becomes white.

    Raises:
        ValueError: if Pillow cannot decode it.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if "A" in picture.mode or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                paper = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(paper, picture)
            return picture.convert("RGB")
    # Broken files make Pillow's decoders raise almost anything.
    except Exception as error:
        raise ValueError(
            f"The picture cannot be decoded ({type(error).__name__}). Received: "
            f"{len(data)} bytes starting with {data[:12]!r}"
        ) from error


def mask_png(data: bytes) -> bytes:
    """Returns a mask as PNG, untouched if it is one.

    Raises:
        ValueError: if it is no picture, or a damaged one.
    """
    open_rgb(data)
    return data if data.startswith(PNG_SIGNATURE) else to_png(data)


def to_bmp(pixels: np.ndarray) -> bytes:
    """Encodes pixels, uint8 [height, width, 3] RGB, as uncompressed BMP."""
    stream = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(stream, "BMP")
    return stream.getvalue()


def _header(data: bytes, layout: str, offset: int) -> tuple:
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error:
        raise ValueError(
            f"The picture ends within its header. Received: {len(data)} bytes"
        ) from None


def _jpeg_components(data: bytes) -> int:
    """Walks over the segments before the first frame; no pixel is decoded."""
    position = 2
    while position + 1 < len(data):
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            position += 2
        elif marker in _JPEG_FRAMES:
            return _header(data, ">HBHHB", position + 2)[4]
        else:
            position += 2 + max(2, _header(data, ">H", position + 2)[0])
    raise ValueError(f"The JPEG has no frame. Received: {len(data)} bytes")
