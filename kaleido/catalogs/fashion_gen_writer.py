"""Writes products of any catalogue in the format of Fashion-Gen."""

from __future__ import annotations

import contextlib
import os
from typing import Dict, Iterator, List, Tuple

import h5py
import numpy as np
from PIL import Image, ImageOps

from kaleido.catalogs.fashion_gen_format import (
    ENCODING,
    IMAGE_SIZE,
    KEYS,
    TEST_SUFFIX,
    TEXT_BYTES,
    TRAIN_SUFFIX,
)
from kaleido.catalogs.pictures import open_rgb
from kaleido.catalogs.product import Product

_STEM = "fashiongen_256_256"
# Pictures in a chunk of the file, and in a write to it: 0.8 and 13 MB.
_CHUNK_ROWS = 4
_WRITE_ROWS = 64


def write_fashion_gen(
    products: Iterator[Product], train_rows: int, test_rows: int, directory: str
) -> None:
    """Writes `fashiongen_256_256_train.h5` and `…_validation.h5`.

    Products of the splits train and validation go to the train file, those of test
    to the validation file, in the order in which they come. A file without rows is
    not written. Both appear at the end, and only if all went well.

    Pictures are brought to 256 x 256, others than squares on white; descriptions
    are cut at 400 bytes; what ISO-8859-1 lacks becomes `?`. The n-th picture of a
    product gets the pose `id_gridfs_n`. Product ids become integers, from 1, in
    order of appearance.

    Args:
        products: as a catalogue yields them, without rejections.
        train_rows: number of products of the splits train and validation.
        test_rows: number of products of the split test.
        directory: created if absent.

    Raises:
        ValueError: if the numbers of rows are not those announced, or a picture
            cannot be decoded.
    """
    os.makedirs(directory, exist_ok=True)
    sizes = {TRAIN_SUFFIX: train_rows, TEST_SUFFIX: test_rows}
    final = {
        suffix: os.path.join(directory, _STEM + suffix)
        for suffix, rows in sizes.items()
        if rows
    }
    numbers: Dict[str, Tuple[int, int]] = {}
    with contextlib.ExitStack() as partial:
        for path in final.values():
            partial.callback(_remove_if_there, path + ".partial")
        with contextlib.ExitStack() as files:
            writers = {suffix: _Writer(suffix, rows) for suffix, rows in sizes.items()}
            for suffix, path in final.items():
                file = files.enter_context(h5py.File(path + ".partial", "w"))
                writers[suffix].create(file)
            for product in products:
                suffix = TEST_SUFFIX if product.split == "test" else TRAIN_SUFFIX
                number, views = numbers.get(product.product_id, (len(numbers) + 1, 0))
                numbers[product.product_id] = number, views + 1
                writers[suffix].add(_row(product, number, views + 1))
            for writer in writers.values():
                writer.finish()
        for path in final.values():
            os.replace(path + ".partial", path)


class _Writer:
    """Fills the datasets of one file, some rows at a time."""

    def __init__(self, suffix: str, rows: int):
        self._suffix = suffix
        self._rows = rows
        self._received = 0
        self._waiting: List[Dict[str, object]] = []

    def create(self, file: h5py.File) -> None:
        rows = self._rows
        self._file = file
        for key, size in TEXT_BYTES.items():
            file.create_dataset(key, (rows, 1), f"S{size}")
        for key in ("index", "input_productID"):
            file.create_dataset(key, (rows, 1), "int64")
        file.create_dataset("index_2", (rows,), "int64")
        file.create_dataset("input_msrpUSD", (rows, 1), "float32")
        picture = (IMAGE_SIZE, IMAGE_SIZE, 3)
        file.create_dataset(
            "input_image",
            (rows, *picture),
            "uint8",
            chunks=(min(rows, _CHUNK_ROWS), *picture),
        )

    def add(self, row: Dict[str, object]) -> None:
        self._received += 1
        if self._received > self._rows:
            raise ValueError(
                f"More rows for `*{self._suffix}` than the {self._rows} announced. "
                f"Received: at least {self._received}"
            )
        self._waiting.append({"index": self._received - 1, **row})
        if len(self._waiting) == _WRITE_ROWS:
            self._flush()

    def finish(self) -> None:
        if self._received < self._rows:
            raise ValueError(
                f"Fewer rows for `*{self._suffix}` than the {self._rows} announced. "
                f"Received: {self._received}"
            )
        self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        block = slice(self._received - len(self._waiting), self._received)
        for key in KEYS:
            column = "index" if key == "index_2" else key
            values = np.array([row[column] for row in self._waiting])
            dataset = self._file[key]
            dataset[block] = values.reshape(-1, *dataset.shape[1:])
        self._waiting = []


def _row(product: Product, number: int, view: int) -> Dict[str, object]:
    labels = product.labels
    texts = {
        "input_description": product.description,
        "input_name": product.title,
        "input_concat_description": f"{product.title} {product.description}",
        "input_category": product.category,
        "input_subcategory": product.subcategory,
        "input_pose": f"id_gridfs_{view}",
    }
    for key in TEXT_BYTES:
        texts.setdefault(key, labels.get(key[len("input_") :], ""))
    row: Dict[str, object] = {
        key: text.encode(ENCODING, "replace")[: TEXT_BYTES[key]]
        for key, text in texts.items()
    }
    row["input_productID"] = number
    row["input_image"] = _pixels(product.image)
    row["input_msrpUSD"] = _price(labels.get("msrp", ""))
    return row


def _pixels(image: bytes) -> np.ndarray:
    """Decodes a picture to uint8 [256, 256, 3]."""
    picture = open_rgb(image)
    if picture.size != (IMAGE_SIZE, IMAGE_SIZE):
        picture = ImageOps.pad(
            picture, (IMAGE_SIZE, IMAGE_SIZE), Image.BICUBIC, color="white"
        )
    return np.asarray(picture)


def _price(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _remove_if_there(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
