"""Fashion-Gen as its authors gave it out: two HDF5 files of arrays."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import math
import os
import re
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Union,
)

import h5py
import numpy as np

from kaleido.catalogs.fashion_gen_format import (
    DESCRIPTION_BYTES,
    ENCODING,
    READ_FIELDS,
    READ_TEXTS,
    check_file,
    find_files,
)
from kaleido.catalogs.fashion_gen_writer import write_fashion_gen
from kaleido.catalogs.pictures import to_bmp
from kaleido.catalogs.product import SPLITS, Product, Rejection, Scan
from kaleido.catalogs.splits import hash_split
from kaleido.catalogs.text_fields import (
    check_text_fields,
    compose_text,
    fold_whitespace,
    has_text,
    plain_text,
)

__all__ = ["FashionGenCatalog", "write_fashion_gen"]

# Rows that are read at once: 25 MB of pictures.
_WINDOW_ROWS = 128
# Rows whose texts are read at once: 10 MB.
_SCAN_ROWS = 8192
# A chunk of pictures that exceeds HDF5's own cache, 1 MB, would be read and
# unpacked anew for each of its rows.
_CHUNK_CACHE_BYTES = 64 << 20
# Bump it when the same files come to be read differently.
_VERSION = 1
_TEXT_KEYS = {"title": "input_name", "description": "input_description"}
_LABELS = ("brand", "composition", "department", "gender", "season", "pose")
_REASONS = ("", "empty_text", "product_in_test")
# A tag or an entity that the cut at 400 bytes went through.
_CUT_MARKUP = re.compile(r"(?:</?[a-zA-Z][^<>]*|</?|&#?\w{0,10})\Z")


class FashionGenCatalog:
    """The products of `*_train.h5` and `*_validation.h5`, one picture a row.

    Rows are those of the train file, then those of the validation file. The
    authors' validation file is the split `test`: the published numbers are
    measured on it. The split `validation` is carved out of the train file, all
    pictures of a product together.

    `scan` rejects a row as `empty_text`, or as `product_in_test` where a product
    of the train file is also in the validation file. A description that fills all
    of its 400 bytes was cut; the label `description_truncated` is then `1`.

    Example:

        catalog = FashionGenCatalog("fashion_gen/")
        for product in catalog.read(catalog.scan().rows["test"]):
            ...

    Args:
        directory: folder with the two files; one of them may be absent.
        text_fields: which of title (`input_name`) and description make up the
            text. Published numbers use the description alone.
        validation_share: share of the train file's products in `validation`.
        split_seed: seed of that draw.

    Raises:
        FileNotFoundError: if the folder has neither file.
        ValueError: if it has several train or validation files, or a file is no
            HDF5, lacks a dataset, or has datasets of different lengths.
    """

    def __init__(
        self,
        directory: str,
        text_fields: Sequence[str] = ("description",),
        validation_share: float = 0.05,
        split_seed: int = 0,
    ):
        self._text_fields = check_text_fields(text_fields)
        if not 0.0 <= validation_share < 1.0:
            raise ValueError(
                "`validation_share` must be at least 0 and less than 1. Received: "
                f"validation_share={validation_share}"
            )
        self._shares = (1.0 - validation_share, validation_share, 0.0)
        self._split_seed = split_seed
        self._files: List[_File] = []
        first = 0
        for path, is_test in find_files(os.path.expanduser(directory)):
            rows = check_file(path)
            self._files.append(_File(path, is_test, first, rows))
            first += rows
        self._rows = first

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of names, sizes, ids, and of all that changes the reading.

        Not of the pictures: they are 58 GB.
        """
        digest = hashlib.sha256()
        for file in self._files:
            name, size = os.path.basename(file.path), os.path.getsize(file.path)
            digest.update(f"{name} {size} {file.rows}".encode())
            with h5py.File(file.path, "r") as data:
                for key in ("index", "input_productID"):
                    digest.update(data[key][...].astype("<i8").tobytes())
        settings = [_VERSION, self._shares, self._split_seed, sorted(self._text_fields)]
        digest.update(json.dumps(settings).encode())
        return digest.hexdigest()

    def scan(self) -> Scan:
        """Reads ids and texts of all rows, no pictures."""
        index = self._index
        usable = {
            name: np.flatnonzero((index.reasons == 0) & (index.splits == code))
            for code, name in enumerate(SPLITS)
        }
        rejected = map(self._rejection, np.flatnonzero(index.reasons).tolist())
        return Scan(usable, tuple(rejected), self._rows)

    def read(self, rows: Iterable[int]) -> Iterator[Union[Product, Rejection]]:
        """Yields one product or rejection for each row asked for, in order.

        Takes 128 rows at a time off `rows`, and reads them in the order of the
        files, adjacent ones in one slice.

        Raises:
            ValueError: if the catalogue has no such row.
        """
        asked = iter(rows)
        with contextlib.ExitStack() as stack:
            open_files = [
                stack.enter_context(
                    h5py.File(file.path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
                )
                for file in self._files
            ]
            while True:
                window = [int(row) for row in itertools.islice(asked, _WINDOW_ROWS)]
                if not window:
                    return
                found: Dict[int, Union[Product, Rejection]] = {}
                for file, data in zip(self._files, open_files):
                    found.update(self._read_file(file, data, window))
                for row in window:
                    if row not in found:
                        raise ValueError(
                            f"The catalogue has rows 0 to {self._rows - 1}. "
                            f"Received: row={row}"
                        )
                    yield found[row]

    def _read_file(
        self, file: _File, data: h5py.File, window: Sequence[int]
    ) -> Dict[int, Union[Product, Rejection]]:
        """Reads those rows of the window that are in the file."""
        inside = np.unique([row - file.first for row in window])
        inside = inside[(inside >= 0) & (inside < file.rows)]
        found: Dict[int, Union[Product, Rejection]] = {}
        for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
            if not run.size:
                continue  # No row of the window is in this file.
            block = slice(int(run[0]), int(run[-1]) + 1)
            fields = [data[key][block].reshape(-1) for key in READ_FIELDS]
            pictures = data["input_image"][block]
            for row, pixels, *values in zip(run.tolist(), pictures, *fields):
                named = dict(zip(READ_FIELDS, values))
                rejection = self._rejection(file.first + row)
                item = rejection or self._product(file, row, named, pixels)
                found[file.first + row] = item
        return found

    def _product(
        self, file: _File, row: int, values: Mapping[str, Any], pixels: np.ndarray
    ) -> Product:
        texts = {
            key[len("input_") :]: fold_whitespace(_decoded(values[key]))
            for key in READ_TEXTS
        }
        product_id = str(values["input_productID"])
        name = texts["pose"] or str(row)
        if texts["pose"] and self._index.same_pose[file.first + row]:
            name += f"/{row}"
        labels = {label: texts[label] for label in _LABELS if texts[label]}
        if math.isfinite(values["input_msrpUSD"]):
            labels["msrp"] = f"{values['input_msrpUSD']:g}"
        if _is_cut(values["input_description"]):
            labels["description_truncated"] = "1"
        title = plain_text(texts["name"])
        description = _description(values["input_description"])
        return Product(
            product_id=product_id,
            image_id=f"{product_id}/{name}",
            # Encoded although pixels are at hand: the graph decodes the pictures of
            # every catalogue in one way. BMP costs a copy, and loses nothing.
            image=to_bmp(pixels),
            text=compose_text(title, description, self._text_fields),
            title=title,
            description=description,
            category=texts["category"],
            subcategory=texts["subcategory"],
            split=SPLITS[self._index.splits[file.first + row]],
            labels=labels,
        )

    def _rejection(self, row: int) -> Optional[Rejection]:
        reason = _REASONS[self._index.reasons[row]]
        if not reason:
            return None
        product_id = str(self._index.product_ids[row])
        detail = f"Received: input_productID={product_id}"
        return Rejection(row, product_id, reason, detail)

    @functools.cached_property
    def _index(self) -> _Index:
        parts = [self._scan_file(file) for file in self._files]
        index = _Index(*map(np.concatenate, zip(*parts)))
        test = index.splits == SPLITS.index("test")
        in_test = np.isin(index.product_ids, index.product_ids[test])
        index.reasons[in_test & ~test] = _REASONS.index("product_in_test")
        return index

    def _scan_file(self, file: _File) -> _Index:
        product_ids = np.empty(file.rows, np.int64)
        views = np.empty(file.rows, np.int64)
        empty = np.empty(file.rows, bool)
        keys = [_TEXT_KEYS[field] for field in self._text_fields]
        with h5py.File(file.path, "r") as data:
            for first in range(0, file.rows, _SCAN_ROWS):
                block = slice(first, min(first + _SCAN_ROWS, file.rows))
                ids = data["input_productID"][block].reshape(-1)
                poses = data["input_pose"][block].reshape(-1)
                texts = zip(*(data[key][block].reshape(-1) for key in keys))
                product_ids[block] = ids
                views[block] = [hash(pair) for pair in zip(ids, poses)]
                empty[block] = [
                    not any(has_text(_decoded(text)) for text in row) for row in texts
                ]
        same_pose = np.ones(file.rows, bool)
        same_pose[np.unique(views, return_index=True)[1]] = False
        if file.is_test:
            splits = np.full(file.rows, SPLITS.index("test"), np.int8)
        else:
            unique, product = np.unique(product_ids, return_inverse=True)
            drawn = [
                SPLITS.index(hash_split(str(key), self._shares, self._split_seed))
                for key in unique.tolist()
            ]
            splits = np.array(drawn, np.int8)[product]
        return _Index(product_ids, same_pose, splits, empty.astype(np.int8))


class _File(NamedTuple):
    """One of the two files; `first` is its first row's index in the catalogue."""

    path: str
    is_test: bool
    first: int
    rows: int


class _Index(NamedTuple):
    """What is kept of a scan, one element a row.

    Attributes:
        product_ids: int64.
        same_pose: whether an earlier row of the file has its product and pose.
        splits: index into `SPLITS`, int8.
        reasons: index into `_REASONS`, int8, 0 = usable.
    """

    product_ids: np.ndarray
    same_pose: np.ndarray
    splits: np.ndarray
    reasons: np.ndarray


def _decoded(value: bytes) -> str:
    return value.decode(ENCODING).rstrip("\0 ")


def _description(value: bytes) -> str:
    text = _decoded(value)
    return plain_text(_CUT_MARKUP.sub("", text) if _is_cut(value) else text)


def _is_cut(value: bytes) -> bool:
    return len(value.rstrip(b"\0")) == DESCRIPTION_BYTES
