"""The border method finds what was drawn; a mask's box is the mask's own."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from kaleido import saliency


def encode_png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def iou(box, other):
    x1, y1 = max(box[0], other[0]), max(box[1], other[1])
    x2, y2 = min(box[2], other[2]), min(box[3], other[3])
    shared = max(x2 - x1, 0) * max(y2 - y1, 0)

    def area(b):
        return (b[2] - b[0]) * (b[3] - b[1])

    return shared / (area(box) + area(other) - shared)


def draw(size, box, background, shape="rectangle", colour=(40, 60, 160), noise=0.0):
    """A picture (height, width = size) with one shape, and Gaussian noise."""
    height, width = size
    image = Image.new("RGB", (width, height), background)
    if box:
        x1, y1, x2, y2 = box
        getattr(ImageDraw.Draw(image), shape)((x1, y1, x2 - 1, y2 - 1), fill=colour)
    rough = np.random.default_rng(0).normal(0, noise, (height, width, 3))
    return np.clip(np.asarray(image) + rough, 0, 255).astype(np.uint8)


def locked(image, method="border", mask=b""):
    box, failed = saliency.foreground_box(tf.constant(image), method, tf.constant(mask))
    return box.numpy().tolist(), bool(failed)


BACKGROUNDS = {
    "white": ((255, 255, 255), 0.0),
    "grey": ((128, 128, 128), 0.0),
    "off-white with JPEG-like noise": ((245, 243, 240), 4.0),
    "coloured, noisy": ((90, 160, 110), 15.0),
}


@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_drawn_shapes_are_found(background, shape):
    colour, noise = BACKGROUNDS[background]
    for size, box in [
        ((320, 240), (60, 40, 190, 290)),
        ((200, 400), (150, 30, 330, 180)),
        ((96, 96), (20, 25, 70, 80)),
    ]:
        image = draw(size, box, colour, shape, noise=noise)
        found, failed = locked(image)
        assert not failed and iou(found, box) > 0.9


@settings(max_examples=25)
@given(
    left=st.integers(10, 100), top=st.integers(10, 100),
    width=st.integers(60, 130), height=st.integers(60, 130),
    colour=st.tuples(*[st.integers(0, 200)] * 3),
)
def test_a_rectangle_on_white_is_found_wherever_it_is(left, top, width, height, colour):
    box = (left, top, left + width, top + height)
    found, failed = locked(draw((256, 256), box, (255, 255, 255), colour=colour))
    # A cell of the thumbnail is 2.7 pixels: one and a half of them an edge.
    assert not failed and np.abs(np.subtract(found, box)).max() <= 4


@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_an_empty_picture_falls_back_to_the_whole(noise):
    image = draw((80, 120), None, (200, 200, 200), noise=noise)
    assert locked(image) == ([0, 0, 120, 80], True)


def test_specks_do_not_widen_the_box():
    box = (60, 40, 190, 290)
    image = draw((320, 240), box, (255, 255, 255))
    image[5:8, 5:8] = 0
    image[310:313, 230:233] = 0
    image[160, 10:14] = 0
    assert iou(locked(image)[0], box) > 0.9


def test_none_takes_the_whole_picture():
    image = draw((50, 70), (10, 10, 30, 30), (255, 255, 255))
    assert locked(image, "none") == ([0, 0, 70, 50], False)


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match="unet9"):
        saliency.foreground_box(tf.zeros([20, 20, 3], tf.uint8), "unet9")


# Masks


def test_a_catalogues_mask_is_taken_at_its_word():
    # The picture shows something else, elsewhere.
    image = draw((100, 80), (0, 0, 40, 40), (255, 255, 255))
    mask = np.zeros((100, 80), np.uint8)
    mask[33:90, 21:64] = 255
    assert locked(image, "mask", encode_png(mask)) == ([21, 33, 64, 90], False)


def test_without_a_mask_the_border_method_steps_in():
    image = draw((200, 160), (40, 30, 120, 170), (255, 255, 255))
    assert locked(image, "mask") == locked(image, "border")


@given(
    x1=st.integers(0, 40), y1=st.integers(0, 40), w=st.integers(10, 24),
    h=st.integers(10, 24), scale=st.integers(1, 7),
)
def test_a_coarse_mask_is_scaled_to_the_picture(x1, y1, w, h, scale):
    mask = np.zeros((64, 64), np.float32)
    mask[y1 : y1 + h, x1 : x1 + w] = 1.0
    box, failed = saliency.mask_to_box(tf.constant(mask), 64 * scale, 64 * scale)
    assert not failed
    expected = [scale * v for v in (x1, y1, x1 + w, y1 + h)]
    assert box.numpy().tolist() == expected


def test_a_scaled_box_rounds_outwards_and_stays_inside():
    mask = np.zeros((10, 10), np.float32)
    mask[1:, 3:4] = 1.0
    # 33 / 10 pixels a cell: columns 9.9 to 13.2, rows 3.3 to 33.
    box, _ = saliency.mask_to_box(tf.constant(mask), 33, 33)
    assert box.numpy().tolist() == [9, 3, 14, 33]


def test_rows_with_a_hundredth_of_the_fullest_do_not_count():
    mask = np.zeros((300, 300), np.float32)
    mask[100:200, 50:250] = 1.0
    # Two pixels are a hundredth of 200 (not more): left out. Three count.
    mask[20, 100:102] = 1.0
    assert saliency.mask_to_box(tf.constant(mask), 300, 300)[0].numpy().tolist() == [
        50, 100, 250, 200,
    ]
    mask[20, 102] = 1.0
    assert saliency.mask_to_box(tf.constant(mask), 300, 300)[0].numpy().tolist() == [
        50, 20, 250, 200,
    ]


@pytest.mark.parametrize("side, fails", [(14, True), (15, False)])
def test_a_mask_of_less_than_a_fiftieth_is_a_failure(side, fails):
    mask = np.zeros((100, 100), np.float32)
    mask[:side, :side] = 1.0  # 196 or 225 of 10,000 pixels
    box, failed = saliency.mask_to_box(tf.constant(mask), 100, 100)
    assert bool(failed) == fails
    assert box.numpy().tolist() == [0, 0, *([100, 100] if fails else [15, 15])]


def test_the_threshold_says_what_is_foreground():
    mask = np.full((40, 40), 0.3, np.float32)
    mask[10:30, 10:30] = 0.6
    assert saliency.mask_to_box(tf.constant(mask), 40, 40)[0].numpy().tolist() == [
        10, 10, 30, 30,
    ]
    box, _ = saliency.mask_to_box(tf.constant(mask), 40, 40, threshold=0.2)
    assert box.numpy().tolist() == [0, 0, 40, 40]


def test_real_masks_and_border_agree_on_product_photographs(data_folder):
    """Myntra's hand-made masks: the border method reaches a mean IoU of .9."""
    masks = sorted((data_folder / "myntra" / "masks").glob("*.png"))[:60:3]
    found = []
    for path in masks:
        image = data_folder / "myntra" / "images" / f"{path.stem}.jpg"
        if not image.exists():
            continue
        pixels = np.asarray(Image.open(image).convert("RGB"))
        mask = np.asarray(Image.open(path).convert("L"), np.float32) / 255
        size = pixels.shape[:2]
        truth, _ = saliency.mask_to_box(tf.constant(mask), *size)
        found.append(iou(locked(pixels)[0], truth.numpy()))
    assert len(found) >= 10 and np.mean(found) > 0.9
