"""A shop's table is read as it is, and what cannot be used is counted."""

import collections
import csv
import dataclasses
import io
import json
import os
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kaleido.catalogs.columns import parse_columns
from kaleido.catalogs.product import Product, Rejection
from kaleido.catalogs.splits import hash_split
from kaleido.catalogs.table import TableCatalog

_MYNTRA = os.path.join(os.environ.get("KALEIDO_DATA", "../shared"), "data", "myntra")


def _picture(suffix: str = "JPEG", mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (4, 4)).save(stream, suffix)
    return stream.getvalue()


@pytest.fixture
def shop(tmp_path):
    """A folder with the pictures a.jpg, b.jpg, c.jpg and views/a.jpg."""
    (tmp_path / "views").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg", "views/a.jpg"):
        (tmp_path / name).write_bytes(_picture())
    return tmp_path


def _write_json(folder, *rows, name="products.jsonl"):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def _row(product_id="1", image="a.jpg", **values):
    return {"product_id": product_id, "image": image, "title": "Dress", **values}


def _reasons(catalog):
    return {rejected.row: rejected.reason for rejected in catalog.scan().rejected}


def _read_all(catalog):
    return list(catalog.read(range(catalog.scan().rows_read)))


# Fields


def test_a_row_becomes_a_product(shop):
    (shop / "m.png").write_bytes(_picture("PNG", "L"))
    row = {
        "product_id": 17,
        "image": "views/../a.jpg",
        "title": "Blue  dress",
        "description": "<p>Of <b>silk</b>.</p><p>H&amp;amp;M</p>",
        "category": "DRESSES &amp; SKIRTS",
        "subcategory": "MIDI DRESSES",
        "split": "Dev",
        "mask": "m.png",
        "brand": "H&M",
        "price": 12.0,
        "organic": True,
        "season": None,
        "sizes": ["S", "M"],
        "attributes": {"Neck": "Round", "Pockets": 2, "brand": "other", "x": {}},
    }
    (product,) = _read_all(TableCatalog(_write_json(shop, row)))
    assert product == Product(
        product_id="17",
        image_id="17",
        image=_picture(),
        text="Blue dress. Of silk. H&M",
        title="Blue dress",
        description="Of silk. H&M",
        category="DRESSES & SKIRTS",
        subcategory="MIDI DRESSES",
        split="validation",
        labels={
            "Neck": "Round",
            "Pockets": "2",
            "brand": "H&M",
            "price": "12",
            "organic": "true",
        },
        mask=_picture("PNG", "L"),
    )


def test_columns_are_mapped_and_the_rest_are_labels(shop):
    path = shop / "shop.csv"
    path.write_text("sku;photo;name;text;title\n7;b.jpg;Red skirt;Wool;SALE\n")
    catalog = TableCatalog(
        str(path),
        columns=parse_columns("product_id=sku,image=photo,description=text,title=name"),
    )
    (product,) = _read_all(catalog)
    assert product.text == "Red skirt. Wool"
    assert product.labels == {"title": "SALE"}


def test_the_title_falls_back_to_name(shop):
    row = {"product_id": "1", "image": "a.jpg", "name": "Red skirt"}
    (product,) = _read_all(TableCatalog(_write_json(shop, row)))
    assert (product.title, product.text) == ("Red skirt", "Red skirt")
    assert not product.labels


def test_a_missing_mask_is_none(shop):
    rows = _row(mask="none.png"), _row("2", "b.jpg", mask="")
    assert [p.mask for p in _read_all(TableCatalog(_write_json(shop, *rows)))] == [
        None,
        None,
    ]


def test_pictures_may_lie_in_another_folder(shop, tmp_path_factory):
    other = tmp_path_factory.mktemp("tables")
    path = _write_json(other, _row(image="views\\a.jpg"))
    (product,) = _read_all(TableCatalog(path, images=str(shop)))
    assert product.image == _picture()


def test_webp_pictures_are_transcoded(shop):
    (shop / "w.webp").write_bytes(_picture("WEBP"))
    (product,) = _read_all(TableCatalog(_write_json(shop, _row(image="w.webp"))))
    assert product.image.startswith(b"\x89PNG")


# Rejections


def test_each_reason_is_found_and_counted_once(shop):
    (shop / "empty.jpg").write_bytes(b"")
    (shop / "page.jpg").write_bytes(b"<html>not found</html>")
    rows = [
        _row("1", split="train"),
        "{broken",
        "[1, 2]",
        _row("", split="train"),
        {"image": "a.jpg", "title": "Dress", "split": "train"},
        _row("2", "none.jpg", split="train"),
        _row("3", "", split="train"),
        _row("4", "views", split="train"),
        _row("5", title="<p>&nbsp;</p>", split="train"),
        _row("6", split="holdout"),
        _row("7", split=""),
        _row("1", split="train"),
        _row("1", "b.jpg", split="test"),
        _row("8", image_id="x", split="VAL"),
        _row("9", image_id="x", split="test"),
        _row("10", "empty.jpg", split="test"),
        _row("11", "page.jpg", split="test"),
    ]
    catalog = TableCatalog(_write_json(shop, *rows))
    assert _reasons(catalog) == {
        1: "bad_row",
        2: "bad_row",
        3: "missing_product_id",
        4: "missing_product_id",
        5: "missing_picture",
        6: "missing_picture",
        7: "missing_picture",
        8: "empty_text",
        9: "bad_split",
        10: "bad_split",
        11: "duplicate_id",
        12: "conflicting_split",
        14: "duplicate_image_id",
    }
    scan = catalog.scan()
    assert scan.rows_read == len(rows)
    assert {name: list(rows) for name, rows in scan.rows.items()} == {
        "train": [0],
        "validation": [13],
        "test": [15, 16],
    }
    assert all(rows.dtype == np.int64 for rows in scan.rows.values())
    read = _read_all(catalog)
    assert tuple(read[row] for row in _reasons(catalog)) == scan.rejected
    assert [read[row].reason for row in (15, 16)] == ["unreadable_picture"] * 2
    assert read[15].item == "10" and "0 bytes" in read[15].detail
    assert "holdout" in read[9].detail and "none.jpg" in read[5].detail


def test_a_picture_that_goes_after_the_scan_is_rejected(shop):
    catalog = TableCatalog(_write_json(shop, _row()))
    assert not catalog.scan().rejected
    (shop / "a.jpg").unlink()
    (rejection,) = catalog.read([0])
    assert rejection.reason == "missing_picture"


def test_broken_csv_rows_do_not_break_the_next(shop):
    path = shop / "products.csv"
    path.write_bytes(
        b"product_id,image,title\n1,a.jpg\n2,b.jpg,Dress,more\n"
        b'3,a.jpg,caf\xe9\n\n4,b.jpg,caf\xc3\xa9\n5,c.jpg,"never closed\n'
        + b"".join(b"%d,a.jpg,%s\n" % (row, b"x" * 990) for row in range(200))
    )
    catalog = TableCatalog(str(path))
    found = collections.Counter(_reasons(catalog).values())
    # The open quote swallows 131 of the 200 rows, up to the reader's field limit.
    assert found == {"bad_row": 4}
    read = _read_all(catalog)
    assert read[3].text == "café"
    assert "not UTF-8" in read[2].detail and "2 fields" in read[0].detail
    assert "field larger" in read[4].detail
    assert read[5].text == "x" * 990 and len(read) == 5 + 200 - 131 - 1


def test_only_usable_rows_exclude_others(shop):
    rows = _row("1", "none.jpg", split="test"), _row("1", split="train")
    catalog = TableCatalog(_write_json(shop, *rows))
    assert _reasons(catalog) == {0: "missing_picture"}


# Several pictures of a product


def test_views_of_a_product_get_ids_of_their_own(shop):
    rows = [
        _row("1", "a.jpg"),
        _row("1", "b.jpg"),
        _row("2", "a.jpg"),
        _row("2", "views/a.jpg"),
        _row("2", "c.jpg"),
        _row("3", "a.jpg"),
        _row("1", "./a.jpg"),
    ]
    catalog = TableCatalog(_write_json(shop, *rows))
    assert _reasons(catalog) == {6: "duplicate_id"}
    assert [product.image_id for product in catalog.read(range(6))] == [
        "1/a.jpg",
        "1/b.jpg",
        "2/a.jpg",
        "2/views/a.jpg",
        "2/c.jpg",
        "3",
    ]


def test_views_with_unlike_texts_are_a_warning(shop):
    rows = [
        _row("1", "a.jpg"), _row("1", "b.jpg", title="Boot"), _row("2", "a.jpg"),
        _row("2", "b.jpg"), _row("3", "a.jpg"), _row("3", "gone.jpg", title="Boot"),
    ]
    (warning,) = TableCatalog(_write_json(shop, *rows)).scan().warnings
    assert warning.startswith("1 products have rows with unlike texts")
    assert not TableCatalog(_write_json(shop, *rows[2:])).scan().warnings


def test_a_picture_that_turns_up_later_renames_no_other(shop):
    rows = _row("1", "a.jpg"), _row("1", "late.jpg")
    path = _write_json(shop, *rows)
    before = [p.image_id for p in TableCatalog(path).read([0])]
    (shop / "late.jpg").write_bytes(_picture())
    after = [p.image_id for p in TableCatalog(path).read([0, 1])]
    assert before == after[:1] and after[1] == "1/late.jpg"


# Reading


_CELLS = st.text(alphabet='ab \n\r",;\t\xe9\u9752<', max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=8),
    bom=st.booleans(),
    blanks=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_csv_rows_are_read_alone_as_in_a_whole(
    tmp_path_factory, cells, bom, blanks, order
):
    folder = tmp_path_factory.mktemp("csv")
    (folder / "a.jpg").write_bytes(_picture())
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["product_id", "image", "title", "note"])
    for number, (title, note) in enumerate(cells):
        writer.writerow([number, "a.jpg", f"T{title}", note])
        text.write("\r\n" * blanks)
    path = folder / "products.csv"
    path.write_bytes(text.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    catalog = TableCatalog(str(path))
    assert catalog.scan().rows_read == len(cells) and not catalog.scan().rejected
    rows = list(range(len(cells)))
    order.shuffle(rows)
    for row, product in zip(rows, catalog.read(rows)):
        title, note = cells[row]
        assert product.product_id == str(row)
        assert product.title == " ".join(f"T{title}".split())
        assert product.labels.get("note", "") == " ".join(note.split())


def test_jsonl_tolerates_marks_blank_lines_and_windows(shop):
    body = "\r\n\r\n".join(json.dumps(_row(str(n))) for n in range(4))
    (shop / "products.jsonl").write_bytes(b"\xef\xbb\xbf" + body.encode())
    catalog = TableCatalog(str(shop))
    assert [p.product_id for p in catalog.read([3, 0, 2, 2])] == ["3", "0", "2", "2"]
    assert catalog.scan().rows_read == 4


def test_tables_of_tabs_are_read(shop):
    (shop / "products.tsv").write_text("product_id\timage\ttitle\n1\ta.jpg\tA, B\n")
    assert _read_all(TableCatalog(str(shop)))[0].title == "A, B"


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_that_is_none_is_refused(shop, row):
    catalog = TableCatalog(_write_json(shop, _row("1"), _row("2")))
    with pytest.raises(ValueError, match=f"Received: row={row}"):
        list(catalog.read([row]))


def test_memory_does_not_hold_the_texts(shop):
    rows = [_row(str(n), description=f"{n} " * 400) for n in range(4000)]
    path = _write_json(shop, *rows)
    del rows
    catalog = TableCatalog(path)
    tracemalloc.start()
    catalog.scan()
    kept, peak = tracemalloc.get_traced_memory()
    for _ in catalog.read(range(0, 4000, 7)):
        pass
    _, reading = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert os.path.getsize(path) > 7_000_000
    assert kept < 250_000 and max(peak, reading) < 2_000_000


def test_a_scanned_catalogue_can_be_sent_to_another_process(shop):
    catalog = TableCatalog(_write_json(shop, _row("1"), _row("2", "none.jpg")))
    expected = _read_all(catalog)
    copy = pickle.loads(pickle.dumps(catalog))
    assert list(copy.read([0, 1])) == expected


# Splits


def test_without_a_split_column_products_are_split_by_their_id(shop):
    rows = [_row(str(n // 2), "ab"[n % 2] + ".jpg") for n in range(60)]
    catalog = TableCatalog(
        _write_json(shop, *rows), split_shares=(0.5, 0.3, 0.2), split_seed=3
    )
    scan = catalog.scan()
    for name, chosen in scan.rows.items():
        assert chosen.size
        for product in catalog.read(chosen):
            assert product.split == name
            assert name == hash_split(product.product_id, (0.5, 0.3, 0.2), 3)


# Arguments


def test_the_fingerprint_follows_content_and_reading(shop):
    path = _write_json(shop, _row(split="train", name="N"))
    variants = [
        TableCatalog(path).fingerprint,
        TableCatalog(path, columns={"title": "name"}).fingerprint,
        TableCatalog(path, text_fields=("title",)).fingerprint,
        TableCatalog(path, images=str(shop / "views")).fingerprint,
    ]
    _write_json(shop, _row(split="test", name="N"))
    variants.append(TableCatalog(path).fingerprint)
    _write_json(shop, _row())
    variants.append(TableCatalog(path).fingerprint)
    variants.append(TableCatalog(path, split_seed=1).fingerprint)
    assert len(set(variants)) == len(variants)
    assert TableCatalog(path).fingerprint == variants[-2]


def test_the_fingerprint_ignores_what_changes_nothing(shop):
    path = _write_json(shop, _row(split="train"))
    assert (
        TableCatalog(path).fingerprint
        == TableCatalog(path, split_seed=5, images=str(shop)).fingerprint
        == TableCatalog(path, columns={"image": "image"}).fingerprint
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"title": "nome"}, "no column `nome`.*image, product_id, title.*Received"),
        ({"titel": "title"}, "Unknown fields.*Received: titel"),
        ({"product_id": "title"}, "neither a column `title` nor `description`"),
        ({"title": ""}, "must name a column"),
    ],
)
def test_wrong_column_maps_are_refused_at_once(shop, columns, message):
    with pytest.raises(ValueError, match=message):
        TableCatalog(_write_json(shop, _row()), columns=columns)


@pytest.mark.parametrize("absent", ["product_id", "image", "title"])
def test_tables_that_lack_what_is_needed_are_refused(shop, absent):
    row = _row()
    del row[absent]
    with pytest.raises(ValueError, match=f"`?{absent}`?.*columns are"):
        TableCatalog(_write_json(shop, row))


def test_other_wrong_arguments_are_refused(shop):
    path = _write_json(shop, _row())
    with pytest.raises(FileNotFoundError, match="Received: path="):
        TableCatalog(str(shop / "none.csv"))
    with pytest.raises(FileNotFoundError, match="Received: images="):
        TableCatalog(path, images=str(shop / "none"))
    with pytest.raises(ValueError, match="Received: shares="):
        TableCatalog(path, split_shares=(0.5, 0.5))
    with pytest.raises(ValueError, match="Received: text_fields="):
        TableCatalog(path, text_fields=("description",))
    with pytest.raises(ValueError, match="ends in .jsonl"):
        TableCatalog(str(shop / "a.jpg"))
    (shop / "products.csv").write_text("product_id,image,title,image\n")
    with pytest.raises(ValueError, match="exactly one.*products.jsonl, products.csv"):
        TableCatalog(str(shop))
    with pytest.raises(ValueError, match="two columns of one name"):
        TableCatalog(str(shop / "products.csv"))
    (shop / "products.csv").write_text("")
    with pytest.raises(ValueError, match="no readable header"):
        TableCatalog(str(shop / "products.csv"))


def test_column_maps_are_parsed(tmp_path):
    expected = {"product_id": "sku", "image": "img path"}
    assert parse_columns(" product_id = sku, image=img path,") == expected
    assert parse_columns("") == {}
    (tmp_path / "map.json").write_text(json.dumps(expected))
    assert parse_columns(str(tmp_path / "map.json")) == expected


@pytest.mark.parametrize(
    "text", ["sku", "image=", "picture=x", "image=a,image=b", "image=a=b,title"]
)
def test_wrong_column_map_texts_are_refused(text):
    with pytest.raises(ValueError, match="Received: "):
        parse_columns(text)


@pytest.mark.parametrize("content", ["[1]", "{", '{"image": 3}', '{"picture": "x"}'])
def test_wrong_column_map_files_are_refused(tmp_path, content):
    (tmp_path / "map.json").write_text(content)
    with pytest.raises(ValueError):
        parse_columns(str(tmp_path / "map.json"))


# A real catalogue


@pytest.mark.skipif(
    not os.path.isdir(_MYNTRA),
    reason="needs the Myntra catalogue: set KALEIDO_DATA to the folder above data/",
)
def test_myntra_is_read_whole():
    catalog = TableCatalog(_MYNTRA)
    scan = catalog.scan()
    assert scan.rows_read == 11_882 and not scan.rejected
    assert {name: len(rows) for name, rows in scan.rows.items()} == {
        "train": 9495,
        "validation": 1208,
        "test": 1179,
    }
    sample = scan.rows["test"][::13]
    for product in catalog.read(sample):
        assert not isinstance(product, Rejection)
        assert product.text.startswith(product.title)
        assert product.split == "test" and product.image[:2] == b"\xff\xd8"
        assert product.labels["brand"] and product.category
    described = TableCatalog(_MYNTRA, text_fields=("description",)).scan()
    assert [rejected.reason for rejected in described.rejected] == ["empty_text"] * 7
    assert dataclasses.asdict(described.rejected[0])["item"] == "10719"
