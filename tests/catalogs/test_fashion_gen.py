"""Fashion-Gen is written and read as its authors stored it."""

import dataclasses
import io
import itertools
import os
import random

import h5py
import numpy as np
import pytest
from PIL import Image

from kaleido.catalogs.fashion_gen import FashionGenCatalog, write_fashion_gen
from kaleido.catalogs.pictures import to_bmp
from kaleido.catalogs.product import Product, Rejection
from kaleido.catalogs.splits import hash_split

_TRAIN = "fashiongen_256_256_train.h5"
_TEST = "fashiongen_256_256_validation.h5"


def _pixels(value: int, size=(256, 256)) -> np.ndarray:
    pixels = np.full((*size, 3), value, np.uint8)
    pixels[0, 0] = (255, 0, value)
    return pixels


def _product(product_id, value=1, split="train", **fields):
    fields.setdefault("description", f"A coat of wool, number {value}.")
    return Product(
        product_id=product_id,
        image_id=f"{product_id}-{value}",
        image=to_bmp(_pixels(value)),
        text="",
        title=fields.pop("title", f"Coat {value}"),
        category=fields.pop("category", "COATS"),
        split=split,
        **fields,
    )


def _decoded(product: Product) -> np.ndarray:
    with Image.open(io.BytesIO(product.image)) as picture:
        return np.asarray(picture)


def _written(folder, products, **options) -> FashionGenCatalog:
    tests = sum(product.split == "test" for product in products)
    write_fashion_gen(iter(products), len(products) - tests, tests, str(folder))
    return FashionGenCatalog(str(folder), **options)


def _read_all(catalog):
    return list(catalog.read(range(catalog.scan().rows_read)))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """300 train rows of 100 products, and 20 test rows."""
    products = [_product(f"p{n // 3}", n % 256) for n in range(300)]
    products += [_product(f"t{n}", n, "test") for n in range(20)]
    return _written(tmp_path_factory.mktemp("many"), products, validation_share=0.3)


# There and back


def test_products_come_back_as_they_were_written(tmp_path):
    labels = {
        "brand": "Chlo\xe9",
        "composition": "100% wool",
        "department": "CLOTHING",
        "gender": "Women",
        "season": "SS2016",
        "msrp": "495",
    }
    products = [
        _product("sku/a", 1, description="caf\xe9 \u20ac", labels=labels),
        _product("sku/b", 2, "validation", description="d" * 399),
        _product("sku/a", 3, description="d" * 400, subcategory="PARKAS"),
        _product("sku/c", 4, "test", description="d" * 401, title="Corset"),
        _product("sku/c", 5, "test", subcategory="CORSETS & BODYSUITS"),
    ]
    catalog = _written(tmp_path, products, text_fields=("title", "description"))
    read = _read_all(catalog)
    assert [p.product_id for p in read] == ["1", "2", "1", "3", "3"]
    assert [p.image_id for p in read] == [
        "1/id_gridfs_1",
        "2/id_gridfs_1",
        "1/id_gridfs_2",
        "3/id_gridfs_1",
        "3/id_gridfs_2",
    ]
    assert [p.description for p in read] == [
        "caf\xe9 ?",
        "d" * 399,
        "d" * 400,
        "d" * 400,
        "A coat of wool, number 5.",
    ]
    truncated = [p.labels.get("description_truncated") for p in read]
    assert truncated == [None, None, "1", "1", None]
    assert read[0].labels == {**labels, "pose": "id_gridfs_1"}
    assert read[0].text == "Coat 1. caf\xe9 ?"
    assert [p.subcategory for p in read] == [
        "",
        "",
        "PARKAS",
        "",
        products[4].subcategory,
    ]
    assert [p.title for p in read] == [p.title for p in products]
    assert {p.category for p in read} == {"COATS"}
    for wanted, got in zip(products, read):
        np.testing.assert_array_equal(_decoded(got), _decoded(wanted))
    assert [p.split for p in read[3:]] == ["test", "test"]


def test_the_files_have_the_format_of_fashion_gen(tmp_path):
    products = [_product(f"p{n}", n) for n in range(70)] + [_product("t", 1, "test")]
    _written(tmp_path, products)
    assert sorted(os.listdir(tmp_path)) == [_TRAIN, _TEST]
    with h5py.File(tmp_path / _TRAIN, "r") as file:
        columns = "name concat_description category subcategory brand composition"
        columns += " department gender season pose description"
        assert set(file) == {f"input_{name}" for name in columns.split()} | {
            "index",
            "index_2",
            "input_productID",
            "input_image",
            "input_msrpUSD",
        }
        for name in columns.split():
            dataset = file[f"input_{name}"]
            assert dataset.dtype.kind == "S" and dataset.shape == (70, 1)
        assert file["input_description"].dtype == "S400"
        assert file["input_image"].shape == (70, 256, 256, 3)
        assert file["input_image"].dtype == np.uint8
        assert file["input_image"].chunks[1:] == (256, 256, 3)
        assert file["input_productID"].shape == (70, 1)
        assert file["input_msrpUSD"].dtype == np.float32
        np.testing.assert_array_equal(file["index"][:, 0], np.arange(70))
        np.testing.assert_array_equal(file["index_2"][:], np.arange(70))
        np.testing.assert_array_equal(file["input_image"][69], _pixels(69))
        assert file["input_description"][69, 0] == b"A coat of wool, number 69."


def test_pictures_of_other_sizes_are_padded_not_stretched(tmp_path):
    tall = dataclasses.replace(_product("1"), image=to_bmp(_pixels(10, (128, 64))))
    (product,) = _read_all(_written(tmp_path, [tall]))
    pixels = _decoded(product)
    assert pixels.shape == (256, 256, 3)
    assert (pixels[:, :60] == 255).all() and (pixels[20:, 70:186] == 10).all()


@pytest.mark.parametrize(("train", "test"), [(3, 1), (1, 1), (2, 0), (2, 2)])
def test_wrong_numbers_of_rows_leave_no_files(tmp_path, train, test):
    products = [_product("1"), _product("2"), _product("3", 1, "test")]
    with pytest.raises(ValueError, match="Received: "):
        write_fashion_gen(iter(products), train, test, str(tmp_path))
    assert not os.listdir(tmp_path)


def test_a_broken_picture_leaves_the_old_files(tmp_path):
    _written(tmp_path, [_product("1", 7)])
    broken = dataclasses.replace(_product("1"), image=b"no picture")
    with pytest.raises(ValueError, match="Received: "):
        write_fashion_gen(iter([broken]), 1, 0, str(tmp_path))
    assert os.listdir(tmp_path) == [_TRAIN]
    (product,) = _read_all(FashionGenCatalog(str(tmp_path)))
    assert product.title == "Coat 7"


# Splits and rejections


def test_validation_is_carved_from_train_by_product(many):
    scan = many.scan()
    products = {
        name: {product.product_id for product in many.read(rows)}
        for name, rows in scan.rows.items()
    }
    assert sum(map(len, products.values())) == 120
    assert list(scan.rows["test"]) == list(range(300, 320))
    assert 15 <= len(products["validation"]) <= 45
    for product_id in products["validation"]:
        assert hash_split(product_id, (0.7, 0.3, 0.0)) == "validation"
    for product in many.read(scan.rows["validation"]):
        assert product.split == "validation"


def test_each_reason_is_found_and_counted_once(tmp_path):
    products = [
        _product("1"),
        _product("2", description="<p>&nbsp;</p>"),
        _product("3"),
        _product("3"),
        _product("3", split="test"),
        _product("4", split="test", description=""),
    ]
    catalog = _written(tmp_path, products)
    scan = catalog.scan()
    assert {rejected.row: rejected.reason for rejected in scan.rejected} == {
        1: "empty_text",
        2: "product_in_test",
        3: "product_in_test",
        5: "empty_text",
    }
    assert scan.rows_read == 6
    assert sum(map(len, scan.rows.values())) == 2
    read = _read_all(catalog)
    assert tuple(p for p in read if isinstance(p, Rejection)) == scan.rejected
    # With the name as text, only products of both files are left out.
    titled = FashionGenCatalog(str(tmp_path), text_fields=("title",)).scan()
    assert [rejected.row for rejected in titled.rejected] == [2, 3]


def test_one_file_is_enough(tmp_path):
    catalog = _written(tmp_path, [_product("1", split="test")])
    assert [list(rows) for rows in catalog.scan().rows.values()] == [[], [], [0]]
    assert _read_all(catalog)[0].split == "test"


# What the files may hold


def _edited(folder, key, values):
    with h5py.File(folder / _TRAIN, "a") as file:
        del file[key]
        if values is not None:
            file[key] = values
    return str(folder)


def test_flat_and_padded_datasets_are_read(tmp_path):
    _written(tmp_path, [_product("a"), _product("b")])
    _edited(tmp_path, "input_productID", np.array([8, 9]))
    _edited(tmp_path, "input_name", np.array([b"Coat   ", b"\xe9t\xe9\0"], "S20"))
    _edited(tmp_path, "input_pose", np.array([[b""], [b"front"]], "S9"))
    _edited(tmp_path, "input_msrpUSD", np.array([np.nan, 12.5], np.float32))
    read = _read_all(FashionGenCatalog(str(tmp_path)))
    assert [p.title for p in read] == ["Coat", "\xe9t\xe9"]
    assert [p.image_id for p in read] == ["8/0", "9/front"]
    assert [p.labels.get("msrp") for p in read] == [None, "12.5"]


def test_image_ids_are_unique_where_poses_are_not(tmp_path):
    _written(tmp_path, [_product("a") for _ in range(4)])
    poses = np.array([[b"front"], [b"front"], [b""], [b""]], "S9")
    catalog = FashionGenCatalog(_edited(tmp_path, "input_pose", poses))
    ids = [product.image_id for product in _read_all(catalog)]
    assert ids == ["1/front", "1/front/1", "1/2", "1/3"]


@pytest.mark.parametrize("end", ["<br", "<", "</", "<a href='x y", "&nbs", "&"])
def test_markup_cut_at_400_bytes_is_dropped(tmp_path, end):
    description = "wool " * 80
    description = (
        description[: 400 - len(end)].rstrip().ljust(400 - len(end), "x") + end
    )
    (product,) = _read_all(_written(tmp_path, [_product("1", description=description)]))
    assert product.description == description[: -len(end)]
    assert product.labels["description_truncated"] == "1"


def test_html_descriptions_become_text(tmp_path):
    product = _product("1", description="Long sleeve.<br>Zip &amp; hood.")
    (read,) = _read_all(_written(tmp_path, [product]))
    assert read.text == "Long sleeve. Zip & hood."


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("input_season", None),
        ("input_image", None),
        ("input_pose", np.array([b"x"] * 3)),
        ("input_productID", np.zeros((2, 2), np.int64)),
        ("input_image", np.zeros((2, 256, 256), np.uint8)),
    ],
)
def test_files_that_lack_something_are_refused_by_name(tmp_path, key, values):
    _written(tmp_path, [_product("a"), _product("b")])
    with pytest.raises(ValueError, match=f"{_TRAIN}.*`{key}`.*Received: "):
        FashionGenCatalog(_edited(tmp_path, key, values))


def test_wrong_folders_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: directory="):
        FashionGenCatalog(str(tmp_path))
    (tmp_path / "a_train.h5").write_bytes(b"no hdf5")
    with pytest.raises(ValueError, match="a_train.h5.*not an HDF5 file"):
        FashionGenCatalog(str(tmp_path))
    (tmp_path / "b_train.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="Received: a_train.h5, b_train.h5"):
        FashionGenCatalog(str(tmp_path))
    with pytest.raises(ValueError, match="Received: validation_share=1.0"):
        FashionGenCatalog(str(tmp_path), validation_share=1.0)


def test_the_fingerprint_follows_content_and_reading(tmp_path):
    products = [_product("1"), _product("2", split="test")]
    prints = [_written(tmp_path, products).fingerprint]
    folder = str(tmp_path)
    assert FashionGenCatalog(folder).fingerprint == prints[0]
    prints.append(FashionGenCatalog(folder, validation_share=0.1).fingerprint)
    prints.append(FashionGenCatalog(folder, text_fields=("title",)).fingerprint)
    prints.append(FashionGenCatalog(folder, split_seed=1).fingerprint)
    _edited(tmp_path, "input_productID", np.array([[7]]))
    prints.append(FashionGenCatalog(folder).fingerprint)
    assert len(set(prints)) == len(prints)


# Order and memory


def test_any_order_gives_what_reading_in_order_gives(many):
    products = _read_all(many)
    rows = list(range(320)) + [5, 5, 319, 0]
    random.Random(0).shuffle(rows)
    for row, product in zip(rows, many.read(iter(rows))):
        assert product == products[row]
    assert list(many.read([])) == []


@pytest.mark.parametrize("row", [-1, 320])
def test_a_row_that_is_none_is_refused(many, row):
    with pytest.raises(ValueError, match=f"Received: row={row}"):
        list(many.read([0, row]))


def test_few_pictures_are_in_memory_at_a_time(many, monkeypatch):
    slices = []
    take = h5py.Dataset.__getitem__

    def counted(dataset, key):
        values = take(dataset, key)
        if dataset.name == "/input_image":
            slices.append(len(values))
        return values

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    many.scan()
    assert not slices
    next(many.read(itertools.count()))
    assert sum(slices) <= 128
    slices.clear()
    for _ in many.read(range(300)):
        pass
    assert sum(slices) == 300 and max(slices) <= 128
    slices.clear()
    list(many.read([299, 0, 150, 151]))
    assert sorted(slices) == [1, 1, 2]
