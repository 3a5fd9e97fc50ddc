"""The rendered catalogue: pictures, texts and ground truth agree."""

from __future__ import annotations

import dataclasses
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.catalogs.rendered.catalog import find_parts
from kaleido.catalogs.rendered.export import (
    render_rows,
    whole_directory,
    write_table,
)
from kaleido.catalogs.rendered.photo import take_photo
from kaleido.catalogs.rendered.raster import rasterize
from kaleido.catalogs.rendered.scene import compose
from kaleido.catalogs.rendered.subcategories import SUBCATEGORIES
from kaleido.catalogs.rendered.vocabulary import FORMS, PARTS

COUNT = len(SUBCATEGORIES)


def pixels(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), np.int16)


@pytest.fixture(scope="module")
def products():
    """Four products of each sub-category, two pictures each."""
    return list(RenderedCatalog(4 * COUNT, seed=7, size=128).read(range(8 * COUNT)))


def test_product_depends_on_seed_and_index_only():
    few, many = RenderedCatalog(12, seed=3), RenderedCatalog(5000, seed=3)
    backwards = list(few.read([9, 4, 0]))
    forwards = list(many.read([0, 4, 9]))
    assert backwards[::-1] == forwards
    other = next(RenderedCatalog(12, seed=4).read([4]))
    assert other.image != forwards[1].image
    assert other.text != forwards[1].text
    assert few.fingerprint != many.fingerprint
    assert few.fingerprint == RenderedCatalog(12, seed=3).fingerprint


def test_ground_truth_does_not_change_the_picture(products):
    plain = RenderedCatalog(4 * COUNT, seed=7, size=128, ground_truth=False)
    for row in range(0, 2 * COUNT, 3):
        product = next(plain.read([row]))
        assert product.mask is None and product.parts == ()
        assert product.image == products[row].image


def test_parts_lie_on_the_mask_and_bound_it(products):
    for product in products:
        mask = np.asarray(Image.open(io.BytesIO(product.mask)))
        assert mask.shape == (128, 128)
        assert set(np.unique(mask)) <= {0, 255}
        rows, columns = np.nonzero(mask)
        boxes = np.array([part.box for part in product.parts])
        # Parts too small to count may leave a pixel or two at the rim.
        assert np.all(boxes[:, :2] >= (columns.min(), rows.min()))
        assert np.all(boxes[:, 2:] <= (columns.max() + 1, rows.max() + 1))
        assert abs(boxes[:, 0].min() - columns.min()) <= 2
        assert abs(boxes[:, 3].max() - rows.max() - 1) <= 2
        names = [part.name for part in product.parts]
        assert "body" in names and len(set(names)) == len(names)


def test_find_parts_bounds_the_pixels_exactly():
    numbers = np.zeros((20, 30), np.uint8)
    numbers[3:9, 5:12] = 1
    numbers[6:8, 6:8] = 2
    numbers[15, 29] = 3
    parts = find_parts(numbers, ("body", "pocket", "logo"), ())
    assert [(part.name, part.box) for part in parts] == [
        ("body", (5, 3, 12, 9)),
        ("pocket", (6, 6, 8, 8)),
    ]


def test_foreground_is_neither_tiny_nor_everything(products):
    for product in products:
        share = (np.asarray(Image.open(io.BytesIO(product.mask))) > 0).mean()
        low, high = (
            (0.10, 0.80) if product.labels["view"] != "closeup" else (0.15, 0.97)
        )
        assert low <= share <= high, (product.image_id, product.labels["view"], share)


def test_words_of_parts_are_surface_forms_of_their_attributes(products):
    named = 0
    for product in products:
        for part in product.parts:
            for start, end in part.words:
                forms = {
                    form
                    for attribute, parts in PARTS.items()
                    if part.name in parts and attribute in product.labels
                    for form in FORMS[attribute].get(product.labels[attribute], ())
                }
                assert product.text[start:end].lower() in forms
                named += 1
    assert named > 5 * len(products)


@pytest.mark.parametrize(
    "fields", [("title",), ("description",), ("title", "description")]
)
def test_spans_follow_the_text_fields(fields):
    for product in RenderedCatalog(COUNT, 2, 1, 64, text_fields=fields).read(
        range(COUNT)
    ):
        body = next(part for part in product.parts if part.name == "body")
        words = [product.text[a:b].lower() for a, b in body.words]
        if "title" in fields:
            assert set(words) & set(FORMS["color"][product.labels["color"]])
        assert product.text in (
            product.title, product.description,
            f"{product.title}. {product.description}",
        )  # fmt: skip


def test_text_names_a_v_neck_only_if_there_is_one():
    catalog = RenderedCatalog(600 * COUNT, seed=1)
    forms = FORMS["neckline"]["v-neck"]
    named = worn = 0
    for index in range(0, 600 * COUNT, COUNT):
        subcategory, attributes, wording = catalog.describe(index)
        assert subcategory.name == "T-SHIRTS"
        text, spans = wording.join(("title", "description"))
        says = any(form in text.lower() for form in forms)
        assert says == (
            attributes["neckline"] == "v-neck"
            and any(span.attribute == "neckline" for span in spans)
        )
        named += says
        worn += attributes["neckline"] == "v-neck"
    assert 0.75 * worn < named <= worn and worn > 50


@pytest.mark.parametrize("offset", range(COUNT))
def test_products_of_a_subcategory_differ(offset):
    catalog = RenderedCatalog(300 * COUNT, seed=5)
    described = [catalog.describe(offset + COUNT * k) for k in range(300)]
    texts = {wording.join(("title", "description"))[0] for _, _, wording in described}
    looks = {tuple(sorted(attributes.items())) for _, attributes, _ in described}
    assert len(texts) >= 285
    assert len(looks) >= 285
    assert len(described[0][0].attributes) >= 8
    lengths = [len(wording.description.split()) for _, _, wording in described]
    assert np.mean([12 <= length <= 65 for length in lengths]) > 0.95


def test_pictures_of_a_subcategory_differ(products):
    assert len({product.image for product in products}) == len(products)


# The sub-category, an attribute, a value to compare with none, and its part.
CASES = [
    ("T-SHIRTS", "pocket", "chest", "pocket"),
    ("T-SHIRTS", "graphic", "star", "graphic"),
    ("JACKETS", "pocket", "two-flap", "pocket"),
    ("DRESSES", "belt", "sash", "belt"),
    ("SKIRTS", "slit", "slit", "slit"),
    ("TROUSERS", "knee", "patch", "knee"),
    ("SNEAKERS", "stripe", "wave", "side_logo"),
    ("BOOTS", "closure", "buckles", "closure"),
    ("PUMPS", "ornament", "bow", "ornament"),
    ("HANDBAGS", "logo", "plate", "logo"),
]


@pytest.mark.parametrize("name,attribute,value,part", CASES)
def test_an_attribute_changes_the_pixels_of_its_part(name, attribute, value, part):
    catalog = RenderedCatalog(10 * COUNT, seed=11)
    index = [sub.name for sub in SUBCATEGORIES].index(name)
    subcategory, attributes, _ = catalog.describe(index)
    attributes = {**attributes, "pattern": "none", "graphic": "none", "pocket": "none",
                  "belt": "none", "graphic_color": "red",
                  "stripe_color": "red"}  # fmt: skip
    if attributes["color"] == "red":
        attributes["color"] = "navy"
    view = dataclasses.replace(
        catalog.view(subcategory, index, 0), name="front", turn=0.0, fill=0.8
    )
    images = []
    for chosen in ("none", value):
        worn = {**attributes, attribute: chosen}
        # What sticks out would move the product, so one scene's place serves both.
        scene = compose(subcategory, worn, view, 256, np.zeros(4))
        images.append((scene, pixels(take_photo(
            scene, view, worn, rasterize(scene.parts), 256, np.random.default_rng(0)
        ))))  # fmt: skip
    (_, without), (scene, with_it) = images
    flat = rasterize(scene.parts)
    (box,) = [
        p.box for p in find_parts(flat[..., 2], scene.names, ()) if p.name == part
    ]
    changed = np.abs(with_it - without).max(axis=-1) > 24
    left, top, right, bottom = box
    # JPEG rings into the next block, shadows fall beside.
    inside = changed[max(top - 8, 0) : bottom + 8, max(left - 8, 0) : right + 8].sum()
    assert changed.sum() > 40
    assert inside >= 0.9 * changed.sum()


def test_a_back_view_leaves_out_what_only_the_front_shows():
    catalog = RenderedCatalog(COUNT, seed=2, views=4, size=64)
    seen = {}
    for product in catalog.read(range(4)):
        seen[product.labels["view"]] = {part.name for part in product.parts}
    assert set(seen) == {"front", "quarter", "closeup", "back"}
    assert "neckline" in seen["front"] and "neckline" not in seen["back"]
    assert not seen["back"] & {"pocket", "graphic"}


def test_labels_list_what_is_visible_and_what_is_named(products):
    for product in products:
        labels, names = product.labels, {part.name for part in product.parts}
        visible = labels["visible_attributes"].split()
        assert {"color"} <= set(visible) <= set(FORMS) and visible == sorted(visible)
        hidden = set(FORMS).intersection(labels) - set(visible)
        for attribute in visible:
            assert names & set(PARTS[attribute])
        for attribute in hidden:
            assert (
                labels[attribute] in ("none", "tonal")
                or not names & set(PARTS[attribute])
                or (labels["view"] == "closeup" and PARTS[attribute] == ("body",))
            )
        named = set(labels["named_attributes"].split())
        words = {product.text[a:b].lower() for p in product.parts for a, b in p.words}
        for attribute in named & set(visible):
            assert words & set(FORMS[attribute][labels[attribute]])
        assert all(labels[attribute] not in ("none", "tonal") for attribute in named)


def test_labels_do_not_depend_on_the_ground_truth(products):
    plain = RenderedCatalog(4 * COUNT, seed=7, size=128, ground_truth=False)
    for row in range(0, 2 * COUNT, 5):
        assert next(plain.read([row])).labels == products[row].labels


def test_front_views_show_what_the_labels_say(products):
    shown = missing = 0
    for product in products:
        if product.labels["view"] != "front":
            continue
        names = {part.name for part in product.parts}
        for attribute, value in product.labels.items():
            if value in FORMS.get(attribute, ()):
                shown += bool(names & set(PARTS[attribute]))
                missing += not names & set(PARTS[attribute])
    # Now and then one thing hides another, as a cargo pocket a ripped knee.
    assert missing <= 0.01 * shown and shown > 100


def test_all_views_of_a_product_share_split_and_text(products):
    by_id = {}
    for product in products:
        by_id.setdefault(product.product_id, []).append(product)
    for views in by_id.values():
        assert len(views) == 2
        assert len({(p.split, p.text) for p in views}) == 1
        assert len({p.image_id for p in views}) == 2
        assert len({p.labels["view"] for p in views}) == 2


def test_scan_splits_as_read_does():
    catalog = RenderedCatalog(400, seed=7, size=128, split_shares=(0.5, 0.2, 0.3))
    rows = catalog.scan().rows
    assert sorted(np.concatenate(list(rows.values()))) == list(range(800))
    assert 0.4 < len(rows["train"]) / 800 < 0.6
    for split in rows:
        row = int(rows[split][0])
        assert next(catalog.read([row])).split == split


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"products": 0}, "Received: products=0"),
        ({"products": 1, "views": 0}, "Received: views=0"),
        ({"products": 1, "size": 8}, "Received: size=8"),
        ({"products": 1, "seed": -1}, "Received: seed=-1"),
        ({"products": 1, "text_fields": ("name",)}, "Received: text_fields="),
        ({"products": 1, "split_shares": (0.5, 0.5)}, "Received: shares="),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RenderedCatalog(**arguments)
    with pytest.raises(IndexError, match="Received: row=2"):
        next(RenderedCatalog(1).read([2]))


def test_table_is_whole_or_absent(tmp_path):
    catalog = RenderedCatalog(3, seed=1, size=64)
    output = str(tmp_path / "catalog")
    with whole_directory(output, overwrite=False) as draft:
        assert write_table(render_rows(catalog, range(6), 1), draft) == 6
        assert not os.path.exists(output)
    with open(os.path.join(output, "products.jsonl"), encoding="utf-8") as table:
        rows = [json.loads(line) for line in table]
    first = next(catalog.read([0]))
    assert rows[0]["attributes"] == dict(first.labels)
    assert [tuple(p["box"]) for p in rows[0]["parts"]] == [p.box for p in first.parts]
    for row in rows:
        for key in ("image", "mask"):
            assert Image.open(os.path.join(output, row[key])).size == (64, 64)
    with pytest.raises(FileExistsError, match="Received: output="):
        with whole_directory(output, overwrite=False):
            pass
    with pytest.raises(RuntimeError):
        with whole_directory(output, overwrite=True) as draft:
            raise RuntimeError("the disk is full")
    assert len(os.listdir(tmp_path)) == 1
    assert os.path.exists(os.path.join(output, "products.jsonl"))


def test_overwriting_spares_directories_of_others(tmp_path):
    other = tmp_path / "run"
    other.mkdir()
    (other / "config.json").write_text("{}")
    with pytest.raises(FileExistsError, match="config.json"):
        with whole_directory(str(other), overwrite=True):
            pass
    late = tmp_path / "late"
    with pytest.raises(FileExistsError, match="notes.txt"):
        with whole_directory(str(late), overwrite=True):
            late.mkdir()
            (late / "notes.txt").write_text("mine")
    assert (other / "config.json").exists() and (late / "notes.txt").exists()
    assert sorted(os.listdir(tmp_path)) == ["late", "run"]
