"""Patches tile the object, positions name them, crops hold their own pixels only."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kaleido import patches

KALEIDO = patches.LAYOUTS["kaleido"]
GRID = patches.LAYOUTS["grid8"]


def encode(array, format_="PNG", **options):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format_, **options)
    return stream.getvalue()


# Layouts


def test_kaleido_has_55_patches_and_74_vectors():
    assert KALEIDO.num_patches == 1 + 4 + 9 + 16 + 25
    # Level 1 four times, level 4 once more in grey.
    assert KALEIDO.num_vectors == 4 + 4 + 9 + 16 + 16 + 25
    assert (GRID.num_patches, GRID.num_vectors) == (64, 64)


@pytest.mark.parametrize("layout", [KALEIDO, GRID], ids=lambda layout: layout.name)
def test_patches_and_vectors_follow_one_another_without_gaps(layout):
    assert [i for n in layout.levels for i in layout.patches(n)] == list(
        range(layout.num_patches)
    )
    assert [i for rows in layout.vectors.values() for i in rows] == list(
        range(layout.num_vectors)
    )


def test_clean_rows_are_the_upright_picture_and_the_levels_in_colour():
    rows = KALEIDO.clean_rows
    assert rows.tolist() == [0, *range(4, 33), *range(49, 74)]
    assert KALEIDO.vectors["level_4_grey"] == range(33, 49)
    for n in (2, 3, 4, 5):
        assert rows[list(KALEIDO.patches(n))].tolist() == list(
            KALEIDO.vectors[f"level_{n}"]
        )
    assert GRID.clean_rows.tolist() == list(range(64))


def test_a_level_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="level=8"):
        KALEIDO.patches(8)


# Boxes


@given(low=st.integers(-50, 5000), extent=st.integers(1, 5000), parts=st.integers(1, 9))
def test_a_partition_has_no_gap_and_nearly_equal_parts(low, extent, parts):
    edges = patches.partition(tf.constant(low), tf.constant(low + extent), parts)
    sizes = np.diff(edges.numpy())
    assert edges[0] == low and edges[-1] == low + extent and len(sizes) == parts
    assert sizes.max() - sizes.min() <= 1


@given(
    corner=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    size=st.tuples(st.integers(5, 60), st.integers(5, 60)),
)
def test_each_level_covers_every_pixel_of_the_box_once(corner, size):
    x1, y1 = corner
    x2, y2 = x1 + size[0], y1 + size[1]
    boxes = patches.patch_boxes(tf.constant([x1, y1, x2, y2]), KALEIDO).numpy()
    for n in KALEIDO.levels:
        painted = np.zeros((110, 110), int)
        for left, top, right, bottom in boxes[list(KALEIDO.patches(n))]:
            assert right > left and bottom > top
            painted[top:bottom, left:right] += 1
        expected = np.zeros_like(painted)
        expected[y1:y2, x1:x2] = 1
        np.testing.assert_array_equal(painted, expected)


def test_patch_boxes_by_hand():
    boxes = patches.patch_boxes(tf.constant([10, 20, 17, 26]), KALEIDO).numpy()
    assert boxes[0].tolist() == [10, 20, 17, 26]
    # Level 2, row-major: 7 pixels wide are 3 + 4, 6 high are 3 + 3.
    assert boxes[1:5].tolist() == [
        [10, 20, 13, 23], [13, 20, 17, 23], [10, 23, 13, 26], [13, 23, 17, 26],
    ]


def test_boxes_of_a_batch_are_those_of_its_pictures():
    boxes = tf.constant([[0, 0, 50, 40], [3, 7, 91, 33]])
    together = patches.patch_boxes(boxes, KALEIDO).numpy()
    for box, expected in zip(boxes, together):
        np.testing.assert_array_equal(patches.patch_boxes(box, KALEIDO), expected)


edge = st.integers(-100, 400)


@given(
    box=st.tuples(edge, edge, edge, edge),
    height=st.integers(patches.MIN_BOX_SIDE, 300),
    width=st.integers(patches.MIN_BOX_SIDE, 300),
)
def test_a_locked_box_lies_in_the_picture_and_can_be_split(box, height, width):
    x1, y1, x2, y2 = patches.lock_box(tf.constant(box), height, width).numpy()
    assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
    assert min(x2 - x1, y2 - y1) >= patches.MIN_BOX_SIDE


@given(
    x1=st.integers(0, 90), y1=st.integers(0, 90), w=st.integers(1, 100),
    h=st.integers(1, 100),
)
def test_a_locked_box_keeps_the_object_and_grows_no_more_than_needed(x1, y1, w, h):
    x2, y2 = min(x1 + w, 100), min(y1 + h, 100)
    locked = patches.lock_box(tf.constant([x1, y1, x2, y2]), 100, 100).numpy()
    assert locked[0] <= x1 and locked[1] <= y1 and locked[2] >= x2 and locked[3] >= y2
    assert locked[2] - locked[0] == max(x2 - x1, patches.MIN_BOX_SIDE)
    assert locked[3] - locked[1] == max(y2 - y1, patches.MIN_BOX_SIDE)


def test_a_small_box_grows_on_both_sides_where_there_is_room():
    def locked(*box):
        return patches.lock_box(tf.constant(box), 100, 100).numpy().tolist()

    assert locked(50, 60, 52, 61) == [47, 57, 55, 65]
    assert locked(0, 98, 2, 100) == [0, 92, 8, 100]


# Positions


def test_positions_by_hand():
    boxes = tf.constant([[10, 20, 30, 80]])
    np.testing.assert_allclose(
        patches.patch_positions(boxes, 200, 100, "normalized"),
        # x1 / 100, x2 / 100, y1 / 200, y2 / 200, and the area of those.
        [[0.1, 0.3, 0.1, 0.4, 0.2 * 0.3]], rtol=1e-6,
    )
    np.testing.assert_array_equal(
        patches.patch_positions(boxes, 200, 100, "pixels"),
        [[10.0, 30.0, 20.0, 80.0, 20.0 * 60.0]],
    )


def test_positions_of_a_batch_use_each_pictures_size():
    boxes = tf.constant([[[0, 0, 10, 10]], [[0, 0, 10, 10]]])
    positions = patches.patch_positions(
        boxes, tf.constant([[10], [20]]), tf.constant([[40], [10]])
    )
    np.testing.assert_allclose(
        positions[:, 0], [[0, 0.25, 0, 1, 0.25], [0, 1, 0, 0.5, 0.5]]
    )


def test_unknown_units_are_named():
    with pytest.raises(ValueError, match="inches"):
        patches.patch_positions(tf.zeros([1, 4], tf.int32), 1, 1, "inches")


# Crops


def cut(image, layout=KALEIDO, box=None, crop=16, whole=32):
    height, width = image.shape[:2]
    box = tf.constant(box or (0, 0, width, height))
    crops = patches.extract_crops(tf.constant(image), box, layout, crop, whole)
    return {name: value.numpy() for name, value in crops.items()}


def parts_of(crops, n):
    """Crops of a level among `parts`, which begin behind the rotations."""
    start = KALEIDO.vectors["level_1_rotated"].stop
    rows = KALEIDO.vectors[f"level_{n}"]
    return crops["parts"][rows.start - start : rows.stop - start]


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_no_pixel_of_a_neighbour_enters_a_crop(n):
    # 61 x 83 divides by none of 2..5, and each cell has a colour of its own. A
    # filter that reached over the edge would blend two of them.
    box = (7, 5, 90, 66)
    rng = np.random.default_rng(n)
    colours = rng.integers(0, 256, (n * n, 3), dtype=np.uint8)
    image = np.full((80, 100, 3), 255, np.uint8)
    for colour, (x1, y1, x2, y2) in zip(
        colours,
        patches.patch_boxes(tf.constant(box), patches.PatchLayout("one", (n,))).numpy(),
    ):
        image[y1:y2, x1:x2] = colour
    crops = parts_of(cut(image, box=box), n)
    np.testing.assert_array_equal(
        crops, np.broadcast_to(colours[:, None, None], crops.shape)
    )


def test_crops_are_those_of_an_independent_resize():
    """Against Pillow, whose bilinear filter is antialiased as well."""
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 256, (12, 9, 3), dtype=np.uint8)
    image = np.array(Image.fromarray(rough).resize((141, 187), Image.BICUBIC))
    box = (11, 14, 130, 170)
    crops = cut(image, box=box)
    boxes = patches.patch_boxes(tf.constant(box), KALEIDO).numpy()
    assert len(crops["parts"]) == 70

    def resized(index, side):
        patch = Image.fromarray(image).crop(tuple(boxes[index]))
        return np.asarray(patch.resize((side, side), Image.BILINEAR), int)

    for n in (2, 3, 4, 5):
        for index, crop in zip(KALEIDO.patches(n), parts_of(crops, n)):
            assert np.abs(resized(index, 16) - crop).max() <= 2
    assert np.abs(resized(0, 32) - crops["whole"][0]).max() <= 2


def test_level_1_comes_under_its_four_rotations():
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    whole = cut(image)["whole"]
    assert whole.shape[0] == 4
    for k in range(4):
        # NumPy turns counter-clockwise, as `PatchLayout.vectors` says.
        np.testing.assert_array_equal(whole[k], np.rot90(whole[0], k))


def test_level_4_comes_in_grey_by_luma():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :10], image[:, 10:20] = (255, 0, 0), (0, 255, 0)
    image[:, 20:30], image[:, 30:] = (0, 0, 255), (10, 10, 10)
    crops = cut(image)
    grey = crops["parts"][29:45]
    for crop, luma in zip(grey, [76, 149, 29, 10] * 4):
        # ITU-R 601: .299, .587, .114 of 255; one step for truncation.
        assert np.abs(crop.astype(int) - luma).max() <= 1
        assert (crop[..., 0] == crop[..., 2]).all()
    assert (parts_of(crops, 4)[0] == (255, 0, 0)).all()


def test_clean_crops_are_those_of_the_uncorrupted_vectors():
    image = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    everything = cut(image)
    clean = patches.extract_crops(
        tf.constant(image), tf.constant([0, 0, 50, 40]), KALEIDO, 16, 32,
        clean_only=True,
    )
    np.testing.assert_array_equal(clean["whole"], everything["whole"][:1])
    np.testing.assert_array_equal(
        clean["parts"], everything["parts"][KALEIDO.clean_rows[1:] - 4]
    )


def test_a_grid_without_level_1_has_no_whole():
    crops = cut(np.zeros((40, 40, 3), np.uint8), GRID)
    assert set(crops) == {"parts"} and len(crops["parts"]) == 64


def test_a_box_of_the_least_size_can_be_cut():
    crops = cut(np.full((8, 8, 3), 9, np.uint8))
    assert (crops["parts"] == 9).all() and (crops["whole"] == 9).all()


def test_to_uint8_rounds_and_clips():
    values = patches.to_uint8(tf.constant([-3.0, 0.4, 0.6, 254.7, 300.0]))
    assert values.numpy().tolist() == [0, 0, 1, 255, 255]


# Pictures


def picture(height=12, width=17):
    y, x, c = np.indices((height, width, 3))
    return ((9 * y + 5 * x + 70 * c) % 256).astype(np.uint8)


def decode(encoded):
    return patches.decode_picture(tf.constant(encoded)).numpy()


@pytest.mark.parametrize("format_", ["PNG", "BMP"])
def test_lossless_formats_come_as_they_are(format_):
    np.testing.assert_array_equal(decode(encode(picture(), format_)), picture())


def test_jpeg_comes_as_pillow_reads_it():
    y, x, c = np.indices((40, 48, 3))
    encoded = encode((3 * y + 2 * x + 10 * c).astype(np.uint8), "JPEG", quality=95)
    theirs = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"), int)
    # Decoders differ in how they enlarge the chroma.
    assert np.abs(decode(encoded) - theirs).max() <= 8


def test_the_first_frame_of_an_animation_is_taken():
    red = Image.new("RGB", (16, 12), (255, 0, 0))
    blue = Image.new("RGB", (16, 12), (0, 0, 255))
    stream = io.BytesIO()
    red.save(stream, "GIF", save_all=True, append_images=[blue])
    decoded = decode(stream.getvalue())
    assert decoded.shape == (12, 16, 3) and (decoded == (255, 0, 0)).all()


def test_transparency_becomes_white_in_proportion():
    rgba = np.zeros((8, 9, 4), np.uint8)
    rgba[:, :3] = (200, 100, 0, 0)
    rgba[:, 3:6] = (200, 100, 0, 255)
    rgba[:, 6:] = (200, 100, 0, 51)  # a fifth opaque
    decoded = decode(encode(rgba))
    assert (decoded[:, :3] == 255).all()
    assert (decoded[:, 3:6] == (200, 100, 0)).all()
    assert (decoded[:, 6:] == (244, 224, 204)).all()


def test_grey_pictures_get_three_equal_channels():
    grey = np.arange(96, dtype=np.uint8).reshape(8, 12)
    decoded = decode(encode(grey))
    np.testing.assert_array_equal(decoded, np.repeat(grey[..., None], 3, -1))
    with_alpha = Image.fromarray(grey).convert("LA")
    with_alpha.putalpha(0)
    stream = io.BytesIO()
    with_alpha.save(stream, "PNG")
    assert (decode(stream.getvalue()) == 255).all()


@pytest.mark.parametrize(
    "encoded",
    [
        b"", b"<html>404</html>", encode(picture(60, 60))[:200],
        encode(picture(60, 60), "JPEG")[:300],
    ],
    ids=["empty", "html", "truncated PNG", "truncated JPEG"],
)
def test_what_is_no_picture_is_refused(encoded):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(encoded)


@pytest.mark.parametrize("size", [(7, 40), (40, 7)])
def test_a_picture_too_small_to_split_is_refused(size):
    with pytest.raises(tf.errors.InvalidArgumentError, match="8 pixels"):
        decode(encode(picture(*size)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="8 pixels"):
        tf.function(patches.decode_picture)(tf.constant(encode(picture(*size))))


def test_overlaps_of_levels_by_hand():
    along = [[1, 0], [0.5, 0.5], [0, 1]]
    expected = [
        [a * b for a in row for b in column] for row in along for column in along
    ]
    np.testing.assert_allclose(patches.level_overlaps(3, 2), expected, atol=1e-6)
    np.testing.assert_allclose(patches.level_overlaps(5, 4).sum(1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(patches.level_overlaps(4, 4), np.eye(16))
