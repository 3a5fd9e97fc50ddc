"""The packaged network finds objects; scores are right; training can be resumed."""

import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kaleido import masked_pictures, saliency, saliency_training
from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.masked_pictures import (
    MaskedPicture,
    decode_masked_picture,
    read_masked_picture,
)
from kaleido.metrics.saliency import box_iou, mask_figures, tight_box
from kaleido.saliency_evaluation import WorstPictures, score_pictures, summarize
from kaleido.weights_file import read_card


@pytest.fixture(scope="module")
def network():
    return saliency.load_saliency()


def held_out(data_folder, name):
    images, masks = {
        "street": ("ccp_masks/images", "ccp_masks/masks"),
        "product": ("myntra/images", "myntra/masks"),
    }[name]
    pairs = masked_pictures.find_pairs(
        str(data_folder / images), str(data_folder / masks)
    )
    return [pair for pair in pairs if masked_pictures.part_of(pair) == "test"]


def test_the_packaged_weights_say_what_made_them():
    card = read_card(saliency.PACKAGED)
    first = card["parent_card"]
    # An ImageNet encoder, then a milder training from there.
    assert first["settings"]["begin"] == "imagenet"
    assert card["settings"]["augmentation"] < first["settings"].get("augmentation", 1.0)
    for one in (first, card):
        assert one["settings"]["steps"] > 0 and set(one["sources"]) == {
            "street", "product",
        }


# 20 s of processor time.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["street", "product"])
def test_the_packaged_weights_score_what_their_card_says(data_folder, network, name):
    pairs = held_out(data_folder, name)
    pictures = (read_masked_picture(*pair) for pair in pairs)
    figures = summarize(score_pictures(network, pictures))
    card = read_card(saliency.PACKAGED)["held_out"][name]
    for key in ("mask_iou", "mask_iou_p10", "box_iou", "box_iou_p10", "mae"):
        assert figures[key] == pytest.approx(card[key], abs=2e-3)
    assert figures["mask_iou"] > 0.9


def test_rendered_products_are_found(network):
    catalog = RenderedCatalog(products=16, seed=11, views=1)
    pictures = [
        decode_masked_picture(product.image, product.mask, product.image_id)
        for product in catalog.read(range(16))
    ]
    scored = list(score_pictures(network, pictures))
    assert [one.picture.name for one in scored] == [one.name for one in pictures]
    figures = summarize(scored)
    assert figures["mask_iou"] > 0.9
    each = [one.figures["mask_iou"] for one in scored]
    assert figures["mask_iou"] == pytest.approx(np.mean(each), abs=1e-4)
    assert figures["mask_iou_p10"] == pytest.approx(np.percentile(each, 10), abs=1e-4)
    worst = WorstPictures(3)
    assert list(worst.watch(scored)) == scored
    kept = [one.figures["mask_iou"] for one in worst.pictures()]
    assert kept == sorted(each)[:3]


@pytest.mark.parametrize(
    "picture",
    [
        np.full((100, 80, 3), 255, np.uint8),
        np.full((64, 64, 3), 7, np.uint8),
        np.full((30, 5000, 3), 90, np.uint8),
    ],
)
def test_a_picture_of_one_colour_is_taken_whole_and_counted(network, picture):
    empty = MaskedPicture(picture, np.zeros(picture.shape[:2], np.uint8), "plain")
    figures = summarize(score_pictures(network, [empty]))
    assert figures["whole_pictures"] == 1 and figures["box_iou"] == 1.0


def test_figures_by_hand():
    found = np.array([[0.9, 0.8, 0.1, 0.2]])
    truth = np.array([[255, 0, 0, 255]], np.uint8)
    figures = mask_figures(found, truth)
    assert figures["mask_iou"] == pytest.approx(1 / 3)
    assert figures["mae"] == pytest.approx((0.1 + 0.8 + 0.1 + 0.8) / 4)
    # Precision and recall are 1/2, and so is their weighted mean.
    assert figures["f_measure"] == pytest.approx(0.5)
    assert mask_figures(truth / 255, truth)["f_measure"] == pytest.approx(1.0)


def test_nothing_found_where_nothing_is_is_right_and_a_false_alarm_is_wrong():
    nothing = np.zeros((1, 4), np.uint8)
    silent, alarm = mask_figures(nothing * 1.0, nothing), mask_figures(
        np.ones((1, 4)), nothing
    )
    assert silent["mask_iou"] == silent["f_measure"] == 1.0
    assert alarm["mask_iou"] == alarm["f_measure"] == 0.0


def test_boxes_by_hand():
    mask = np.zeros((6, 9), np.uint8)
    mask[2:4, 3:8] = 255
    assert tight_box(mask).tolist() == [3, 2, 8, 4]
    assert tight_box(np.zeros((6, 9), np.uint8)).tolist() == [0, 0, 9, 6]
    first, second = np.array([0, 0, 4, 4]), np.array([2, 0, 6, 4])
    assert box_iou(first, second) == pytest.approx(1 / 3)
    assert box_iou(np.array([0, 0, 1, 1]), np.array([2, 2, 3, 3])) == 0.0


def test_pictures_and_masks_pair_by_stem(tmp_path):
    for folder, names in (("a", ("x.jpg", "y.jpg")), ("b", ("y.png", "z.png"))):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.new("RGB", (8, 8)).save(tmp_path / folder / name)
    pairs = masked_pictures.find_pairs(str(tmp_path / "a"), str(tmp_path / "b"))
    assert pairs == [(str(tmp_path / "a/y.jpg"), str(tmp_path / "b/y.png"))]
    with pytest.raises(ValueError, match="equal stem"):
        masked_pictures.find_pairs(str(tmp_path / "a"), str(tmp_path))


def test_a_mask_of_another_size_is_named(tmp_path):
    Image.new("RGB", (20, 10)).save(tmp_path / "p.png")
    Image.new("L", (10, 10)).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match=r"m.png must have the size.*\(10, 20\)"):
        read_masked_picture(str(tmp_path / "p.png"), str(tmp_path / "m.png"))


def test_masks_of_class_numbers_are_refused(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "p.png")
    Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(ValueError, match="m.png must be 255.*up to 1"):
        read_masked_picture(str(tmp_path / "p.png"), str(tmp_path / "m.png"))
    Image.fromarray(np.eye(20) > 0).save(tmp_path / "bits.png")
    mask = read_masked_picture(str(tmp_path / "p.png"), str(tmp_path / "bits.png")).mask
    assert mask.sum() == 20 * 255


def test_whatever_a_damaged_mask_makes_its_reader_raise_names_the_file(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "p.png")
    Image.new("L", (20, 20)).save(tmp_path / "m.png")
    content = bytearray((tmp_path / "m.png").read_bytes())
    for place in range(len(content)):
        damaged = content.copy()
        damaged[place] ^= 0x55
        (tmp_path / "m.png").write_bytes(damaged)
        try:
            read_masked_picture(str(tmp_path / "p.png"), str(tmp_path / "m.png"))
        except ValueError as error:
            assert "m.png" in str(error)


def test_few_bad_pairs_are_listed_and_many_are_refused(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "p.png")
    Image.new("L", (20, 20)).save(tmp_path / "m.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    good, bad = (
        (str(tmp_path / name), str(tmp_path / "m.png")) for name in ("p.png", "bad.png")
    )
    reader = masked_pictures.PairReader(max_bad_share=0.3)
    found = [pair for pair, _ in reader.read_pairs([good, bad, good, good])]
    assert found == [good] * 3
    assert len(list(reader.read([good, good]))) == 2
    assert len(reader.bad) == 1 and "m.png" in reader.bad[0]
    with pytest.raises(ValueError, match="1 of 2 masked pictures are bad"):
        list(masked_pictures.PairReader(0.3).read([good, bad]))


@pytest.mark.parametrize(
    "scored, uses",
    [
        ("test", {"test": "scored", "validation": "train", "train": "train"}),
        ("validation", {"test": "left out", "validation": "scored", "train": "train"}),
    ],
)
def test_what_is_compared_with_others_is_trained_on_neither_tenth(
    tmp_path, scored, uses
):
    picture = Image.fromarray(np.full((20, 20), 255, np.uint8))
    pairs = []
    for index in range(30):
        path = str(tmp_path / f"{index}.png")
        picture.convert("RGB").save(path)
        pairs.append((path, path))
    seen = []
    progress = types.SimpleNamespace(advance=seen.append)
    found = masked_pictures.PairReader().read_parts(pairs, scored, progress)
    found = {pair: use for pair, _, use in found}
    expected = {pair: uses[masked_pictures.part_of(pair)] for pair in pairs}
    assert found == expected and set(found.values()) == set(uses.values())
    assert sum(seen) == 30


def test_a_tenth_is_for_figures_and_a_tenth_to_choose_by_name_alone():
    parts = [masked_pictures.part_of((f"/one/{k}.jpg", "m")) for k in range(5000)]
    for part, share in (("test", 0.1), ("validation", 0.1), ("train", 0.8)):
        assert abs(parts.count(part) / 5000 - share) < 0.02
    assert parts == [
        masked_pictures.part_of((f"other/{k}.png", "n")) for k in range(5000)
    ]


# Training


def scenes(count, seed=0):
    """Coloured rectangles on another colour, with their masks."""
    rng = np.random.default_rng(seed)
    side = saliency_training.STORED_SIDE
    images = np.zeros((count, side, side, 3), np.uint8)
    masks = np.zeros((count, side, side), np.uint8)
    for image, mask in zip(images, masks):
        image[:] = rng.integers(0, 256, 3)
        x, y = rng.integers(20, 100, 2)
        image[y : y + 90, x : x + 80] = rng.integers(0, 256, 3)
        mask[y : y + 90, x : x + 80] = 255
    return {"images": images, "masks": masks}


def test_a_step_sees_the_same_pictures_whenever_it_comes():
    pairs = scenes(20)
    whole = list(saliency_training.make_dataset(pairs, 4, 0, 8, seed=3))
    later = list(saliency_training.make_dataset(pairs, 4, 5, 8, seed=3))
    for (images, masks), (again, masks_again) in zip(whole[5:], later):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(masks, masks_again)
    other = next(iter(saliency_training.make_dataset(pairs, 4, 0, 1, seed=4)))
    assert (other[0].numpy() != whole[0][0].numpy()).any()


def test_training_goes_on_where_it_was(tmp_path, monkeypatch):
    """Weights, their mean, and the optimizer: stopped or not, all the same."""
    monkeypatch.setattr(saliency_training, "EPOCH_STEPS", 3)

    def network():
        tf.keras.utils.set_random_seed(0)
        pixels = tf.keras.Input((saliency.SIDE, saliency.SIDE, 3))
        x = tf.keras.layers.Conv2D(1, 3, padding="same")(pixels / 255.0)
        return tf.keras.Model(pixels, x[..., 0])

    def train(folder, stop=None):
        model = network()
        if stop is not None:

            def save_and_stop(manager, checkpoint_number):
                manager_save(manager, checkpoint_number=checkpoint_number)
                if checkpoint_number == stop:
                    raise KeyboardInterrupt

            manager_save = tf.train.CheckpointManager.save
            with monkeypatch.context() as patched:
                patched.setattr(tf.train.CheckpointManager, "save", save_and_stop)
                with pytest.raises(KeyboardInterrupt):
                    saliency_training.train_saliency(
                        model, scenes(8), str(tmp_path / folder), 3, 4
                    )
            return train(folder)
        saliency_training.train_saliency(
            model, scenes(8), str(tmp_path / folder), 3, 4
        )
        return model.get_weights()

    for whole, resumed in zip(train("a"), train("b", stop=2)):
        np.testing.assert_allclose(whole, resumed, atol=1e-6)
        assert np.abs(whole).max() > 0


def test_masks_move_with_their_pictures(monkeypatch):
    """A picture of its own mask stays one under scale, shift, turn and flip."""
    for name in ("_PASTE_SHARE", "_JPEG_SHARE"):
        monkeypatch.setattr(saliency_training, name, 0.0)
    masks = scenes(8)["masks"]
    images = np.repeat(masks[..., None], 3, axis=-1)
    pixels, moved = saliency_training.augment(
        tf.constant(images), tf.constant(masks), tf.constant([1, 2], tf.int64)
    )
    for picture, mask in zip(pixels.numpy().mean(-1), moved.numpy()):
        # Colours changed; light and dark did not change places.
        middle = (picture.max() + picture.min()) / 2
        assert ((picture > middle) == (mask > 0.5)).mean() > 0.99
    assert len({mask.tobytes() for mask in moved.numpy()}) == 8


def test_augmentations_of_no_strength_only_mirror():
    pairs = scenes(8)
    pixels, masks = saliency_training.augment(
        tf.constant(pairs["images"]), tf.constant(pairs["masks"]),
        tf.constant([1, 2], tf.int64), strength=0.0,
    )
    side = masks.shape[1:]
    plain = tf.image.resize(tf.cast(pairs["images"], tf.float32), side)
    mirrored = tf.reverse(plain, axis=[2])
    off = [
        tf.reduce_mean(tf.abs(pixels - other), (1, 2, 3)) for other in (plain, mirrored)
    ]
    assert np.minimum(*off).max() < 0.01
    # Some are mirrored and others not; a scene may be its own mirror image.
    assert {0, 1} <= set(np.argmin(off, axis=0)[np.maximum(*off) > 1.0])


def test_the_loss_is_least_for_the_truth():
    truth = tf.constant(scenes(1)["masks"][:, ::4, ::4] / 255.0, tf.float32)
    right = float(saliency_training.saliency_loss(truth, 20 * (2 * truth - 1))[0])
    moved = tf.roll(truth, 2, axis=1)
    wrong = float(saliency_training.saliency_loss(truth, 20 * (2 * moved - 1))[0])
    unsure = float(saliency_training.saliency_loss(truth, 0 * truth)[0])
    assert right < 1e-3 < wrong and right < 1e-3 < unsure
