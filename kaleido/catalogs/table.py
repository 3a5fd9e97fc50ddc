"""A shop's own catalogue: a table of products beside a folder of pictures."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import os
from typing import (
    Any,
    BinaryIO,
    Dict,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    Union,
)

import numpy as np

from kaleido.catalogs import pictures
from kaleido.catalogs.columns import resolve_columns
from kaleido.catalogs.product import SPLITS, Product, Rejection, Scan
from kaleido.catalogs.splits import hash_split
from kaleido.catalogs.table_format import Record, find_table, open_table
from kaleido.catalogs.table_index import REASONS, RowIndex, image_id
from kaleido.catalogs.text_fields import (
    check_text_fields,
    compose_text,
    fold_whitespace,
    has_text,
    plain_text,
)

_SPLIT_NAMES = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
# Bump it when the same table comes to be read differently.
_VERSION = 1


class TableCatalog:
    """A JSONL, CSV or TSV file, one picture a row, and a folder of pictures.

    Rows of one `product_id` with several pictures are views of one product; their
    `image_id` is `product_id/file name`, where the table has no `image_id` of its
    own. Without a `split` column products are split by a hash of their id.

    Scalars that are no field of ours, and those of an object `attributes`, become
    labels.

    Rows that cannot be used never raise. `scan` rejects by the table and the
    folder listings:

    | reason | when |
    | --- | --- |
    | bad_row | not UTF-8, not a JSON object, another number of CSV fields |
    | missing_product_id | the id is empty |
    | missing_picture | no path, or no file of that name |
    | empty_text | the chosen text fields hold no text |
    | bad_split | the split is none of train, validation (val, valid, dev), test |
    | duplicate_id | the product with the same picture came before |
    | duplicate_image_id | the same `image_id` came before |
    | conflicting_split | the product came before, in another split |

    and `read` adds `unreadable_picture`: an empty file, or no known format.

    Only byte offsets and hashes are kept, no texts: a scan of a million rows takes
    160 MB, and leaves 20.

    Example:

        catalog = TableCatalog("shop/products.csv", columns={"product_id": "sku"})
        train = catalog.scan().rows["train"]
        for product in catalog.read(train[:100]):
            ...

    Args:
        path: the table, or a folder with exactly one of `products.jsonl`,
            `products.csv` and `products.tsv`.
        images: folder that picture and mask paths are relative to; the table's own
            folder by default.
        columns: our field name to the table's column name, for those that differ.
        text_fields: which of title and description make up the text.
        split_shares: shares of train, validation and test without a split column.
        split_seed: seed of the hash split.

    Raises:
        FileNotFoundError: if the table or the folder of pictures does not exist.
        ValueError: if a column that is named or needed is absent, or another
            argument is wrong.
    """

    def __init__(
        self,
        path: str,
        images: Optional[str] = None,
        columns: Optional[Mapping[str, str]] = None,
        text_fields: Sequence[str] = ("title", "description"),
        split_shares: Sequence[float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
    ):
        self._path = find_table(os.path.expanduser(path))
        folder = os.path.dirname(os.path.abspath(self._path))
        self._images = os.path.abspath(os.path.expanduser(images or folder))
        if not os.path.isdir(self._images):
            raise FileNotFoundError(
                f"There is no folder of pictures. Received: images={images!r}"
            )
        self._text_fields = check_text_fields(text_fields)
        self._split_shares = tuple(float(share) for share in split_shares)
        self._split_seed = split_seed
        hash_split("", self._split_shares, split_seed)  # Checks the shares.
        self._table = open_table(self._path)
        self._columns = resolve_columns(columns, self._table.columns, self._path)
        if not set(self._text_fields) & set(self._columns):
            raise ValueError(
                f"`{self._path}` has no column for any text field. Received: "
                f"text_fields={self._text_fields}, columns={self._columns}"
            )

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the table's content and of all that changes its reading."""
        digest = hashlib.sha256()
        with open(self._path, "rb") as table:
            for block in iter(lambda: table.read(1 << 20), b""):
                digest.update(block)
        folder = os.path.dirname(os.path.abspath(self._path))
        settings = {
            "version": _VERSION,
            "format": os.path.splitext(self._path)[1].lower(),
            # Relative: the catalogue stays itself when it is moved as a whole.
            "images": os.path.relpath(self._images, folder),
            "columns": self._columns,
            "text_fields": sorted(self._text_fields),
        }
        if "split" not in self._columns:
            settings["split"] = [self._split_shares, self._split_seed]
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()

    def scan(self) -> Scan:
        """Reads the table once and lists each folder of pictures once."""
        return self._index.scan

    def read(self, rows: Iterable[int]) -> Iterator[Union[Product, Rejection]]:
        """Yields one product or rejection for each row asked for, in order.

        Scans first, if that has not been done: whether a product has several
        pictures, and which row came first, is seen in the whole table only.

        Raises:
            ValueError: if the catalogue has no such row.
        """
        index = self._index
        with open(self._path, "rb") as table:
            for row in rows:
                if not 0 <= row < index.scan.rows_read:
                    raise ValueError(
                        f"`{self._path}` has rows 0 to {index.scan.rows_read - 1}. "
                        f"Received: row={row}"
                    )
                rejection = index.rejected.get(row)
                yield rejection or self._product(int(row), table)

    @functools.cached_property
    def _index(self) -> _Index:
        rows = RowIndex()
        for record in self._table.records():
            rows.add(record.start, **self._examine(record))
        reasons, naming = rows.resolve()
        starts = np.append(rows.starts, os.path.getsize(self._path))
        rejected = {}
        with open(self._path, "rb") as table:
            for row in np.flatnonzero(reasons).tolist():
                record = self._record(row, table, starts)
                rejected[row] = self._rejection(row, REASONS[reasons[row]], record)
        usable = {
            name: np.flatnonzero((reasons == 0) & (rows.splits == code))
            for code, name in enumerate(SPLITS)
        }
        warnings = ()
        unlike = rows.unlike_views(reasons)
        if unlike:
            warnings = (
                f"{unlike} products have rows with unlike texts. Rows of one "
                "product_id are views of one product, and never each other's wrong "
                "candidates; is this the column of the ids?",
            )
        scan = Scan(usable, tuple(rejected.values()), len(reasons), warnings)
        return _Index(starts, naming, rejected, scan)

    def _examine(self, record: Record) -> Dict[str, str]:
        """Returns what the index is told of a row."""
        values = record.values
        if values is None:
            return {"reason": "bad_row"}
        product_id = self._field(values, "product_id")
        if not product_id:
            return {"reason": "missing_product_id"}
        file = self._file(values, "image")
        if not file:
            return {"reason": "missing_picture"}
        split = self._split(values, product_id)
        texts = [_text(self._raw(values, field)) for field in self._text_fields]
        if not any(map(has_text, texts)):
            reason = "empty_text"
        else:
            reason = "" if split else "bad_split"
        return {
            "reason": reason,
            "product_id": product_id,
            "picture": self._relative(file),
            "file": file,
            "image_id_": self._field(values, "image_id"),
            "split": split,
            "text": "\n".join(texts),
        }

    def _product(self, row: int, table: BinaryIO) -> Union[Product, Rejection]:
        record = self._record(row, table, self._index.starts)
        values = record.values
        if values is None:
            return self._rejection(row, "bad_row", record)
        path = self._file(values, "image")
        try:
            with open(path, "rb") as file:
                image = pictures.decodable(file.read())
        except FileNotFoundError:
            return self._rejection(row, "missing_picture", record)
        except (OSError, ValueError) as error:
            return self._rejection(row, "unreadable_picture", record, str(error))
        product_id = self._field(values, "product_id")
        title = plain_text(_text(self._raw(values, "title")))
        description = plain_text(_text(self._raw(values, "description")))
        return Product(
            product_id=product_id,
            image_id=self._field(values, "image_id")
            or image_id(product_id, self._relative(path), self._index.naming[row]),
            image=image,
            text=compose_text(title, description, self._text_fields),
            title=title,
            description=description,
            category=plain_text(_text(self._raw(values, "category"))),
            subcategory=plain_text(_text(self._raw(values, "subcategory"))),
            split=self._split(values, product_id),
            labels=self._labels(values),
            mask=self._mask(values),
        )

    def _record(self, row: int, table: BinaryIO, starts: np.ndarray) -> Record:
        start, end = int(starts[row]), int(starts[row + 1])
        table.seek(start)
        return self._table.parse(table.read(end - start), start)

    def _rejection(
        self, row: int, reason: str, record: Record, problem: str = ""
    ) -> Rejection:
        if record.values is None:
            return Rejection(row, "", reason, record.problem)
        received = {
            field: _text(self._raw(record.values, field))
            for field in ("product_id", "image_id", "image", "split")
            if field in self._columns
        }
        listed = ", ".join(f"{field}={value!r}" for field, value in received.items())
        item = received["product_id"] or received["image"]
        return Rejection(row, item, reason, f"{problem} Received: {listed}".strip())

    def _raw(self, values: Mapping[str, Any], field: str) -> Any:
        return values.get(self._columns.get(field))

    def _field(self, values: Mapping[str, Any], field: str) -> str:
        return fold_whitespace(_text(self._raw(values, field)))

    def _split(self, values: Mapping[str, Any], product_id: str) -> str:
        """Returns the split, empty if the row's own is none that we know."""
        if "split" in self._columns:
            return _SPLIT_NAMES.get(self._field(values, "split").lower(), "")
        return hash_split(product_id, self._split_shares, self._split_seed)

    def _file(self, values: Mapping[str, Any], field: str) -> str:
        """Returns the whole path of a picture or mask, empty if the row has none."""
        path = _text(self._raw(values, field)).strip()
        if not path or "\0" in path:
            return ""
        if os.sep == "/":
            path = path.replace("\\", "/")  # Tables also come from Windows.
        return os.path.normpath(os.path.join(self._images, path))

    def _relative(self, file: str) -> str:
        inside = file.startswith(self._images + os.sep)
        return file[len(self._images) + 1 :] if inside else file

    def _labels(self, values: Mapping[str, Any]) -> Dict[str, str]:
        fields = set(self._columns.values())
        columns = {name: values[name] for name in values if name not in fields}
        attributes = columns.pop("attributes", None)
        if not isinstance(attributes, dict):
            attributes = {"attributes": attributes}
        # A column outweighs an attribute of the same name.
        merged = {**attributes, **columns}
        labels = {name: fold_whitespace(_text(merged[name])) for name in merged}
        return {name: label for name, label in labels.items() if label}

    def _mask(self, values: Mapping[str, Any]) -> Optional[bytes]:
        try:
            with open(self._file(values, "mask"), "rb") as file:
                return pictures.mask_png(file.read())
        except (OSError, ValueError):
            return None  # A mask is a help; the product is of use without one.


@dataclasses.dataclass(frozen=True)
class _Index:
    """What is kept of a scan.

    Attributes:
        starts: byte offsets of the rows, and of the file's end, int64 [rows + 1].
        naming: how pictures are named, see `table_index.image_id`, int8 [rows].
        rejected: the rejections by row.
        scan: the scan's result.
    """

    starts: np.ndarray
    naming: np.ndarray
    rejected: Dict[int, Rejection]
    scan: Scan


def _text(value: Any) -> str:
    """Returns a scalar as text; nothing for None, NaN, lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # An integer column with gaps arrives as floats: 1563.0 means 1563.
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if isinstance(value, int) else ""
