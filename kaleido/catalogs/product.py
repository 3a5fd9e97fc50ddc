"""The one type that every catalogue yields, and what a catalogue must do."""

from __future__ import annotations

import collections
import dataclasses
from typing import Dict, Iterable, Iterator, Mapping, Optional, Protocol, Tuple, Union

import numpy as np
from absl import logging

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Part:
    """A visible part of a product whose place in the picture is known.

    Attributes:
        name: what the part is, e.g. `neckline`.
        box: (x1, y1, x2, y2) in pixels of the picture, origin top left, right
            and bottom edges exclusive.
        words: character spans [start, end) of `Product.text` that speak of it.
    """

    name: str
    box: Tuple[int, int, int, int]
    words: Tuple[Tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Product:
    """One picture-text pair of a catalogue.

    A product with several pictures yields several of these, with one
    `product_id` and one text, and an `image_id` each.

    Attributes:
        product_id: the shop's id; products, not pictures, are split.
        image_id: unique over the catalogue.
        image: encoded picture, one of JPEG, PNG, GIF, BMP.
        text: what is paired with the picture, plain text.
        title: the product's name.
        description: the product's description, plain text, without the name.
        category: coarse label, e.g. `TOPS`; empty when unknown.
        subcategory: fine label, e.g. `T-SHIRTS`; empty when unknown.
        split: one of `SPLITS`.
        labels: any further labels of the shop (brand, colour, season ...).
        mask: PNG of the picture's size, 255 = foreground; None when unknown.
        parts: ground truth of a rendered product; empty elsewhere.
    """

    product_id: str
    image_id: str
    image: bytes
    text: str
    title: str = ""
    description: str = ""
    category: str = ""
    subcategory: str = ""
    split: str = "train"
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    mask: Optional[bytes] = None
    parts: Tuple[Part, ...] = ()


@dataclasses.dataclass(frozen=True)
class Rejection:
    """A catalogue row that cannot become an example.

    Attributes:
        row: index of the row in the catalogue, from 0.
        item: the row's id or file name, as far as it is known.
        reason: a short key that is counted, e.g. `missing_picture`.
        detail: one line for a person, naming what was received.
    """

    row: int
    item: str
    reason: str
    detail: str


@dataclasses.dataclass(frozen=True)
class Scan:
    """What one cheap pass over a catalogue finds, without opening pictures.

    Attributes:
        rows: for each split the usable rows, int64 [n], in catalogue order.
        rejected: rows that are unusable by what the table alone says.
        rows_read: number of rows in the catalogue, usable or not.
        warnings: sentences on what can be used, and is perhaps not meant so.
    """

    rows: Dict[str, np.ndarray]
    rejected: Tuple[Rejection, ...]
    rows_read: int
    warnings: Tuple[str, ...] = ()


def rejected_counts(scan: Scan) -> collections.Counter:
    """Returns how many rows a scan rejected, by reason."""
    return collections.Counter(rejection.reason for rejection in scan.rejected)


def log_scan(scan: Scan) -> None:
    """Says what a scan has found."""
    logging.info(
        "%d rows read, %d rejected by the table alone %s",
        scan.rows_read, len(scan.rejected), dict(rejected_counts(scan)) or "",
    )
    for warning in scan.warnings:
        logging.warning("%s", warning)


class Catalog(Protocol):
    """A source of products that is read in slices, with constant memory."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the catalogue or the way it is read changes."""

    def scan(self) -> Scan:
        """Reads ids, texts and splits of all rows; opens no picture."""

    def read(self, rows: Iterable[int]) -> Iterator[Union[Product, Rejection]]:
        """Yields one product or rejection for each row asked for, in order."""
