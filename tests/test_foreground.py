"""Methods find what was drawn; a mask's box is its own; regions are told apart."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from kaleido import foreground


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
    found = foreground.lock_object(image, method, tf.constant(mask))
    return found.box.numpy().tolist(), bool(found.is_whole)


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
        foreground.lock_object(tf.zeros([20, 20, 3], tf.uint8), "unet9")


# Masks


def test_a_catalogues_mask_is_taken_at_its_word():
    # The picture shows something else, elsewhere.
    image = draw((100, 80), (0, 0, 40, 40), (255, 255, 255))
    mask = np.zeros((100, 80), np.uint8)
    mask[33:90, 21:64] = 255
    assert locked(image, "mask", encode_png(mask)) == ([21, 33, 64, 90], False)


def probability_of(*regions, side=192):
    """What a network may say: (x1, y1, x2, y2, probability), in cells."""
    found = np.full((side, side), 0.02, np.float32)
    for x1, y1, x2, y2, value in regions:
        found[y1:y2, x1:x2] = value
    return tf.constant(found)


def test_without_a_mask_the_network_steps_in():
    image = draw((200, 160), (40, 30, 120, 170), (255, 255, 255))
    found = probability_of((48, 24, 96, 180, 0.9))
    for method in ("mask", "unet"):
        locked = foreground.lock_object(image, method, tf.constant(b""), found)
        # 192 cells on 160 x 200 pixels.
        assert locked.box.numpy().tolist() == [40, 25, 80, 187]
        assert not locked.is_whole
        np.testing.assert_array_equal(locked.mask, found)
    mask = np.zeros((200, 160), np.uint8)
    mask[33:90, 21:64] = 255
    given_mask = tf.constant(encode_png(mask))
    locked = foreground.lock_object(image, "mask", given_mask, found)
    assert locked.box.numpy().tolist() == [21, 33, 64, 90]
    # What is shown is what the box was drawn around, not what the network saw.
    share = (mask > 0).mean()
    assert np.mean(locked.mask) == pytest.approx(share, rel=0.02)


def test_masks_of_class_numbers_are_no_empty_masks():
    image = draw((100, 80), (0, 0, 40, 40), (255, 255, 255))
    numbers = np.zeros((100, 80), np.uint8)
    numbers[33:90, 21:64] = 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be 255"):
        locked(image, "mask", encode_png(numbers))
    # A product that is not in its picture is none.
    assert locked(image, "mask", encode_png(0 * numbers)) == ([0, 0, 80, 100], True)


@given(
    x1=st.integers(0, 40), y1=st.integers(0, 40), w=st.integers(10, 24),
    h=st.integers(10, 24), scale=st.integers(1, 7),
)
def test_a_coarse_mask_is_scaled_to_the_picture(x1, y1, w, h, scale):
    mask = np.zeros((64, 64), np.float32)
    mask[y1 : y1 + h, x1 : x1 + w] = 1.0
    box, failed = foreground.mask_to_box(tf.constant(mask), 64 * scale, 64 * scale)
    assert not failed
    expected = [scale * v for v in (x1, y1, x1 + w, y1 + h)]
    assert box.numpy().tolist() == expected


def test_a_scaled_box_goes_to_the_nearest_pixel():
    mask = np.zeros((10, 10), np.float32)
    mask[1:, 3:4] = 1.0
    # 33 / 10 pixels a cell: columns 9.9 to 13.2, rows 3.3 to 33.
    box, _ = foreground.mask_to_box(tf.constant(mask), 33, 33)
    assert box.numpy().tolist() == [10, 3, 13, 33]


def test_an_edge_lies_where_the_probability_crosses_a_half():
    mask = np.zeros((10, 10), np.float32)
    mask[2:8, 2:8] = 1.0
    # Cell centres at 1.5 and 2.5: from .25 to 1 a half is crossed a third of the
    # way, at 1.833 cells; from .6 to 0 a sixth of the way, at 8.667.
    mask[2:8, 1] = 0.25
    mask[2:8, 8] = 0.6
    box, _ = foreground.mask_to_box(tf.constant(mask), 1000, 1000)
    assert box.numpy().tolist() == [183, 200, 867, 800]


def test_rows_with_a_hundredth_of_the_fullest_do_not_count():
    mask = np.zeros((300, 300), np.float32)
    mask[100:200, 50:250] = 1.0
    # Two pixels are a hundredth of 200 (not more): left out. Three count.
    mask[20, 100:102] = 1.0
    assert foreground.mask_to_box(tf.constant(mask), 300, 300)[0].numpy().tolist() == [
        50, 100, 250, 200,
    ]
    mask[20, 102] = 1.0
    assert foreground.mask_to_box(tf.constant(mask), 300, 300)[0].numpy().tolist() == [
        50, 20, 250, 200,
    ]


@pytest.mark.parametrize("side, fails", [(14, True), (15, False)])
def test_a_mask_of_less_than_a_fiftieth_is_a_failure(side, fails):
    mask = np.zeros((100, 100), np.float32)
    mask[:side, :side] = 1.0  # 196 or 225 of 10,000 pixels
    box, failed = foreground.mask_to_box(tf.constant(mask), 100, 100)
    assert bool(failed) == fails
    assert box.numpy().tolist() == [0, 0, *([100, 100] if fails else [15, 15])]


# Regions


def kept(*regions):
    found = foreground.main_regions(probability_of(*regions)[None])[0].numpy()
    return [bool((found[y1:y2, x1:x2] == np.float32(v)).all())
            for x1, y1, x2, y2, v in regions]


def test_two_shoes_are_one_object():
    left, right = (20, 60, 80, 140, 0.95), (110, 60, 170, 130, 0.9)
    assert kept(left, right) == [True, True]
    found = foreground.main_regions(probability_of(left, right)[None])
    box, failed = foreground.mask_to_box(found[0], 192, 192)
    assert box.numpy().tolist() == [20, 60, 170, 140] and not failed


def test_a_passer_by_does_not_belong_to_the_object():
    # 400 cells are less than a tenth of 4,800; 600 are more.
    person = (40, 20, 80, 140, 0.95)
    assert kept(person, (150, 100, 170, 120, 0.95)) == [True, False]
    assert kept(person, (150, 100, 170, 130, 0.95)) == [True, True]


@pytest.mark.parametrize("edge", [99, 100, 101, 102])
def test_a_soft_edge_keeps_its_place_wherever_the_grid_cuts_it(edge):
    # From 0.9 to 0.3: a half is crossed two thirds of a cell after the last centre.
    found = np.zeros((192, 192), np.float32)
    found[60:140, 40:edge], found[60:140, edge] = 0.9, 0.3
    regions = foreground.main_regions(tf.constant(found)[None])
    box, _ = foreground.mask_to_box(regions[0], 1920, 1920)
    assert box.numpy()[2] == round(10 * (edge - 0.5 + 2 / 3))


def test_what_is_certain_nowhere_is_no_object():
    assert kept((20, 20, 120, 150, 0.75)) == [False]
    # Hysteresis: a certain spot makes the whole likely region count.
    found = probability_of((20, 20, 120, 150, 0.6), (60, 60, 70, 70, 0.9))
    np.testing.assert_array_equal(
        foreground.main_regions(found[None])[0].numpy()[20:150, 20:120],
        found.numpy()[20:150, 20:120],
    )
    nothing = foreground.main_regions(probability_of()[None])
    box, failed = foreground.mask_to_box(nothing[0], 50, 70)
    assert bool(failed) and box.numpy().tolist() == [0, 0, 70, 50]


def test_an_object_that_the_frame_cuts_reaches_the_frame():
    found = foreground.main_regions(probability_of((0, 60, 192, 192, 0.9))[None])
    box, _ = foreground.mask_to_box(found[0], 300, 200)
    assert box.numpy().tolist() == [0, 94, 200, 300]


def test_a_winding_region_is_one_region():
    # A serpent as long as the grid allows: labels must travel all of it.
    found = np.zeros((192, 192), np.float32)
    for row in range(0, 192, 16):
        found[row : row + 4] = 0.9
        side = 188 if (row // 16) % 2 else 0
        found[row : row + 16, side : side + 4] = 0.9
    np.testing.assert_array_equal(
        foreground.main_regions(tf.constant(found)[None])[0].numpy(), found
    )


def test_pictures_of_a_batch_do_not_mix():
    big, small = (10, 10, 150, 150, 0.95), (100, 100, 110, 110, 0.95)
    batch = tf.stack([probability_of(big), probability_of(small), probability_of()])
    found = foreground.main_regions(batch).numpy()
    # The small one is the largest of its own picture.
    assert [(f > 0.5).sum() for f in found] == [140 * 140, 100, 0]


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
        truth, _ = foreground.mask_to_box(tf.constant(mask), *size)
        found.append(iou(locked(pixels)[0], truth.numpy()))
    assert len(found) >= 10 and np.mean(found) > 0.9
