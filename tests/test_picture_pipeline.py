"""Every picture is locked by its method; odd ones fall back and are counted."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from kaleido.catalogs.product import Product
from kaleido.picture_pipeline import PicturePipeline, _why_lost


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def shirt(width, height):
    """Something like a shirt, in the middle."""
    image = Image.new("RGB", (width, height), (250, 250, 250))
    x, y = width / 4, height / 4
    ImageDraw.Draw(image).polygon(
        [(x, y), (3 * x, y), (3.4 * x, 2 * y), (3 * x, 2 * y), (3 * x, 3.5 * y),
         (x, 3.5 * y), (x, 2 * y), (0.6 * x, 2 * y)],
        fill=(180, 40, 50),
    )
    return np.asarray(image)


def whole_mask(height, width, box):
    mask = np.zeros((height, width), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    return png(mask)


PICTURES = {
    "shirt": png(shirt(200, 240)),
    "wide shirt": png(shirt(260, 200)),
    "one colour": png(np.full((90, 70, 3), 200, np.uint8)),
    "long": png(np.full((30, 5000, 3), 255, np.uint8)),
    "broken": png(shirt(64, 64))[:100],
    "banner": png(np.pad(shirt(600, 30), ((0, 0), (0, 4400), (0, 0)), "edge")),
}


def run(method, masks=None, units=((0, 1, 2, 3, 4),), weights=None):
    names = list(PICTURES)

    def read(rows):
        for row in rows:
            name = names[row]
            mask = (masks or {}).get(name)
            yield Product(str(row), name, PICTURES[name], text=name, mask=mask)

    pipeline = PicturePipeline(method, weights, batch_size=2)

    def crop(image, box):
        return {"size": tf.shape(image)}

    found, rejected, batches = {}, [], []
    for unit, (batch, products, lost) in pipeline.batches(
        read, [np.array(u) for u in units], crop,
        lambda batch: {k: batch[k] for k in ("box", "is_whole", "text")},
    ):
        batches.append((unit, [p.image_id for p in products]))
        rejected += [(r.item, r.reason) for r in lost]
        for i, product in enumerate(products):
            assert batch["text"][i].decode() == product.image_id
            box, is_whole = batch["box"][i], batch["is_whole"][i]
            found[product.image_id] = box.tolist(), bool(is_whole)
    return found, rejected, batches


def test_the_network_finds_shirts_and_takes_the_rest_whole():
    found, rejected, batches = run("unet")
    box, whole = found["shirt"]
    assert not whole and np.abs(np.subtract(box, [30, 60, 170, 210])).max() <= 8
    assert not found["wide shirt"][1]
    assert found["one colour"] == ([0, 0, 70, 90], True)
    assert found["long"] == ([0, 0, 5000, 30], True)
    assert rejected == [("broken", "undecodable_picture")]
    assert batches[0] == (0, ["shirt", "wide shirt"])


@pytest.mark.parametrize("method", ["unet", "border"])
def test_an_object_in_a_picture_of_5000_by_30_is_locked_within_it(method):
    found, rejected, _ = run(method, units=((5,),))
    (x1, y1, x2, y2), _ = found["banner"]
    assert 0 <= x1 < x2 <= 5000 and 0 <= y1 < y2 <= 30 and not rejected


def test_masks_are_taken_where_there_are_any():
    mask = whole_mask(240, 200, (11, 22, 133, 144))
    found, _, _ = run("mask", {"shirt": mask})
    assert found["shirt"] == ([11, 22, 133, 144], False)
    assert found["wide shirt"] == run("unet")[0]["wide shirt"]
    assert found["one colour"][1]


@pytest.mark.parametrize(
    "mask", [b"\x89PNG\r\n\x1a\nnonsense", whole_mask(200, 240, (11, 22, 133, 144))],
    ids=["damaged", "of another size"],
)
def test_a_bad_mask_is_a_rejection_of_its_own_picture(mask):
    found, rejected, _ = run("mask", {"shirt": mask})
    assert sorted(rejected) == [
        ("broken", "undecodable_picture"), ("shirt", "undecodable_mask"),
    ]
    assert len(found) == 3 and "shirt" not in found
    # Who does not read masks does not mind.
    assert "shirt" in run("border", {"shirt": mask})[0]


def test_units_do_not_mix():
    _, _, batches = run("border", units=((0,), (1, 2, 3), (4,)))
    assert [b for b in batches if b[1]] == [
        (0, ["shirt"]), (1, ["wide shirt", "one colour"]), (1, ["long"]),
    ]


def test_a_damaged_weights_file_is_named(tmp_path):
    path = tmp_path / "saliency.npz"
    path.write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(ValueError, match="saliency.npz.*damaged"):
        PicturePipeline("unet", str(path), 2)
    with pytest.raises(FileNotFoundError):
        PicturePipeline("unet", str(tmp_path / "none.npz"), 2)
    # The method that asks no network reads no weights.
    assert PicturePipeline("border", str(path), 2).saliency_fingerprint == ""


def test_pixels_travel_untouched():
    """A handle is the picture itself, whatever its size."""
    pipeline = PicturePipeline("none", None, batch_size=3)
    names = ["shirt", "wide shirt"]

    def read(rows):
        return (Product(str(r), names[r], PICTURES[names[r]], "t") for r in rows)

    def crop(image, element):
        return {"sum": tf.reduce_sum(tf.cast(image, tf.int64))}

    ((_, (batch, _, _)), _) = pipeline.batches(
        read, [np.arange(2)], crop, lambda batch: {"sum": batch["sum"]}
    )
    expected = [int(shirt(200, 240).sum()), int(shirt(260, 200).sum())]
    assert batch["sum"].tolist() == expected


def test_what_is_wrong_with_a_picture_is_said_without_names_of_graph_nodes():
    product = Product("1", "one", b"\xff\xd8\xff nonsense", "t")
    reason, detail = _why_lost(product)
    assert reason == "undecodable_picture" and detail
    assert "{{" not in detail and "[Op:" not in detail
