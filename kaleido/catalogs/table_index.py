"""Finds duplicate, conflicting and pictureless rows of a table by 64-bit hashes."""

from __future__ import annotations

import os
from array import array
from typing import Mapping, Set, Tuple

import numpy as np

from kaleido.catalogs.product import SPLITS

REASONS = (
    "",
    "bad_row",
    "missing_product_id",
    "missing_picture",
    "empty_text",
    "bad_split",
    "duplicate_id",
    "duplicate_image_id",
    "conflicting_split",
)
_MISSING_PICTURE = REASONS.index("missing_picture")
_DUPLICATE_ID = REASONS.index("duplicate_id")
_DUPLICATE_IMAGE_ID = REASONS.index("duplicate_image_id")
_CONFLICTING_SPLIT = REASONS.index("conflicting_split")


def image_id(product_id: str, picture: str, naming: int) -> str:
    """Names a picture whose row has no image id.

    Args:
        product_id: the product.
        picture: path below the folder of pictures.
        naming: 0 for the only picture of a product, 1 for one of several, 2 if
            another of its pictures has the same file name in another folder.
    """
    return (
        product_id,
        f"{product_id}/{os.path.basename(picture)}",
        f"{product_id}/{picture}",
    )[naming]


class RowIndex:
    """Collects one row after the other, and compares them all at the end.

    It keeps hashes, 59 bytes a row. That two different ids out of a million have
    the same hash has a chance of 3 in 100 million.
    """

    _HASHES = ("product", "view", "picture", "file", "image_id", "text")

    def __init__(self):
        self._starts = array("q")
        self._reasons = array("b")
        self._splits = array("b")
        self._comparable = array("b")
        self._hashes = {name: array("q") for name in self._HASHES}
        self._folders: Set[str] = set()

    def add(
        self,
        start: int,
        reason: str,
        product_id: str = "",
        picture: str = "",
        file: str = "",
        image_id_: str = "",
        split: str = "",
        text: str = "",
    ) -> None:
        """Adds the next row.

        Args:
            start: byte offset of the row.
            reason: one of `REASONS`, by what the row alone says; empty if usable.
            product_id: empty if unknown; such rows are compared with no other.
            picture: path below the folder of pictures; empty if unknown.
            file: the picture's whole path.
            image_id_: the row's own image id; empty if it has none.
            split: one of `SPLITS`; empty if unknown.
            text: of title and description.
        """
        self._starts.append(start)
        self._reasons.append(REASONS.index(reason))
        self._splits.append(SPLITS.index(split) if split else -1)
        self._comparable.append(bool(product_id and picture))
        # In the order of `_HASHES`.
        keys = (
            product_id,
            image_id(product_id, picture, 1),
            image_id(product_id, picture, 2),
            file,
            image_id_,
            text,
        )
        for name, key in zip(self._HASHES, keys):
            self._hashes[name].append(hash(key) if key else 0)
        self._folders.add(os.path.dirname(file))

    @property
    def starts(self) -> np.ndarray:
        """Byte offsets of the rows, int64 [rows]."""
        return np.array(self._starts)

    @property
    def splits(self) -> np.ndarray:
        """Index of each row's split in `SPLITS`, -1 if unknown, int8 [rows]."""
        return np.array(self._splits)

    def resolve(self) -> Tuple[np.ndarray, np.ndarray]:
        """Compares the rows with each other and with the folders of pictures.

        Of rows that exclude each other the first usable one stays.

        Returns:
            reasons: index into `REASONS` of each row, int8 [rows], 0 = usable.
            naming: how its picture is named, see `image_id`, int8 [rows].
        """
        reasons = np.array(self._reasons)
        hashes = {name: np.array(values) for name, values in self._hashes.items()}
        naming = self._naming(hashes)

        absent = ~np.isin(hashes["file"], self._listing())
        reasons[(reasons == 0) & absent] = _MISSING_PICTURE

        named = hashes["image_id"] != 0
        rows = np.flatnonzero((reasons == 0) & ~named)
        reasons[_later_repeats(hashes["picture"], rows)] = _DUPLICATE_ID

        keys = [hashes[name] for name in ("product", "view", "picture")]
        ids = np.where(named, hashes["image_id"], np.choose(naming, keys))
        rows = np.flatnonzero(reasons == 0)
        reasons[_later_repeats(ids, rows)] = _DUPLICATE_IMAGE_ID

        rows = np.flatnonzero(reasons == 0)
        _, first, product = np.unique(
            hashes["product"][rows], return_index=True, return_inverse=True
        )
        splits = self.splits[rows]
        reasons[rows[splits != splits[first][product]]] = _CONFLICTING_SPLIT
        return reasons, naming

    def unlike_views(self, reasons: np.ndarray) -> int:
        """Counts products whose usable rows have unlike texts.

        Args:
            reasons: of `resolve`.
        """
        usable = np.flatnonzero(reasons == 0)
        product, text = (
            np.array(self._hashes[name])[usable] for name in ("product", "text")
        )
        kinds = np.unique(np.stack([product, text], axis=1), axis=0)
        return len(_repeated(kinds[:, 0]))

    def _naming(self, hashes: Mapping[str, np.ndarray]) -> np.ndarray:
        # Over all rows, whether their picture is there or not: the names of the
        # other pictures do not change when a missing one turns up.
        rows = np.flatnonzero(np.array(self._comparable))
        _, first = np.unique(hashes["picture"][rows], return_index=True)
        rows = rows[first]
        several = np.isin(hashes["product"], _repeated(hashes["product"][rows]))
        clash = several & np.isin(hashes["view"], _repeated(hashes["view"][rows]))
        return several.astype(np.int8) + clash

    def _listing(self) -> np.ndarray:
        """Hashes of all files beside the pictures: no system call for each row."""
        found = array("q")
        for folder in self._folders:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_file():
                            found.append(hash(os.path.join(folder, entry.name)))
            except OSError:
                pass  # No such folder: its pictures are missing.
        return np.array(found)


def _repeated(keys: np.ndarray) -> np.ndarray:
    values, counts = np.unique(keys, return_counts=True)
    return values[counts > 1]


def _later_repeats(keys: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns those of the rows whose key an earlier one of them has."""
    _, first = np.unique(keys[rows], return_index=True)
    return np.delete(rows, first)
