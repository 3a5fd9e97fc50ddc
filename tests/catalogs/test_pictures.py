"""Whatever a shop's folder holds reaches the graph in a format it decodes."""

import io

import numpy as np
import pytest
from PIL import Image

from kaleido.catalogs.pictures import PNG_SIGNATURE, decodable, mask_png, to_bmp


def _encoded(mode: str, suffix: str, **options) -> bytes:
    stream = io.BytesIO()
    color = options.pop("color", 0)
    if mode == "P":
        picture = Image.new("RGB", (6, 4), color).convert("P")
    else:
        picture = Image.new(mode, (6, 4), color)
    picture.save(stream, suffix, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("P", "GIF"),
        ("RGB", "BMP"),
    ],
)
def test_what_tensorflow_decodes_passes_untouched(mode, suffix):
    data = _encoded(mode, suffix)
    assert decodable(data) is data


def test_jpegs_with_fill_bytes_and_other_segments_pass():
    data = _encoded("RGB", "JPEG", exif=b"Exif\0\0" + b"\xff\xc0" * 40, quality=30)
    data = data[:2] + b"\xff\xff" + data[2:]
    assert decodable(data) is data


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "WEBP"), ("RGB", "TIFF"), ("CMYK", "JPEG"), ("P", "BMP"), ("1", "BMP")],
)
def test_other_formats_become_rgb_pngs(mode, suffix):
    png = decodable(_encoded(mode, suffix))
    with Image.open(io.BytesIO(png)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (6, 4))


def test_transcoding_keeps_the_colours_and_puts_glass_on_white():
    data = _encoded("RGBA", "WEBP", color=(10, 200, 30, 0), lossless=True)
    with Image.open(io.BytesIO(decodable(data))) as picture:
        assert picture.getpixel((0, 0)) == (255, 255, 255)
    data = _encoded("RGB", "TIFF", color=(10, 200, 30))
    with Image.open(io.BytesIO(decodable(data))) as picture:
        assert picture.getpixel((5, 3)) == (10, 200, 30)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>404 not found</html>",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\xff\xd8 this is no jpeg",
        PNG_SIGNATURE,
        PNG_SIGNATURE + b"\0\0\0\rIHDR" + bytes(20),
        b"GIF89a",
        b"BM\0\0",
        b"RIFF\x10\0\0\0WEBPVP8 ",
    ],
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(ValueError, match="Received: "):
        decodable(data)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on cut TIFFs.
def test_every_cut_of_a_header_is_refused_or_passed_without_a_crash():
    for suffix in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"):
        data = _encoded("RGB", suffix)
        for end in range(min(len(data), 200)):
            try:
                decodable(data[:end])
            except ValueError:
                pass


def test_bmp_keeps_every_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    data = to_bmp(pixels)
    assert decodable(data) is data
    with Image.open(io.BytesIO(data)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_masks_of_other_formats_become_png():
    png = _encoded("L", "PNG")
    assert mask_png(png) is png
    assert mask_png(_encoded("L", "BMP")).startswith(PNG_SIGNATURE)
