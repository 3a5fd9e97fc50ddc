"""Which column of a shop's table holds which field of ours."""

from __future__ import annotations

import json
import os
from typing import Collection, Dict, Mapping, Optional

FIELDS = (
    "product_id",
    "image_id",
    "image",
    "title",
    "description",
    "category",
    "subcategory",
    "split",
    "mask",
)


def parse_columns(text: str) -> Dict[str, str]:
    """Parses a column map from a command line or a file.

    Example:

        >>> parse_columns("product_id=sku,image=img_path")
        {'product_id': 'sku', 'image': 'img_path'}

    Args:
        text: `field=column` pairs, separated by commas, or the path of a `.json`
            file that holds the map as an object. Empty: no map.

    Raises:
        ValueError: if a pair has no `=`, a field is unknown or comes twice, or the
            file holds no object of strings.
        FileNotFoundError: if the file does not exist.
    """
    text = text.strip()
    if text.lower().endswith(".json") and "=" not in os.path.basename(text):
        return _columns_from_file(text)
    columns: Dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column:
            raise ValueError(
                f"A column map is written `field=column,...`. Received: {pair!r}"
            )
        if field in columns:
            raise ValueError(
                f"The column map names the field `{field}` twice. Received: {text!r}"
            )
        columns[field] = column
    return check_columns(columns)


def check_columns(columns: Mapping[str, str]) -> Dict[str, str]:
    """Returns the map as a dict.

    Raises:
        ValueError: if it names a field that is none of `FIELDS`, or no column.
    """
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        raise ValueError(
            f"Unknown fields in the column map; there are {', '.join(FIELDS)}. "
            f"Received: {', '.join(unknown)}"
        )
    for field, column in columns.items():
        if not isinstance(column, str) or not column:
            raise ValueError(
                f"The column map must name a column for `{field}`. Received: {column!r}"
            )
    return dict(columns)


def resolve_columns(
    columns: Optional[Mapping[str, str]], present: Collection[str], table: str
) -> Dict[str, str]:
    """Completes a column map from the columns that a table has.

    A field that the map leaves out is looked for under its own name; the title
    also under `name`.

    Args:
        columns: field to column; None for an empty map.
        present: the columns of the table.
        table: the table's file name, for errors.

    Returns:
        The column of each field that the table has.

    Raises:
        ValueError: if the map names a column that the table lacks, or the table
            has no product id, no picture, or neither title nor description.
    """
    named = check_columns(columns or {})
    listed = ", ".join(sorted(present)) or "none"
    for field, column in named.items():
        if column not in present:
            raise ValueError(
                f"`{table}` has no column `{column}` for the field `{field}`; its "
                f"columns are: {listed}. Received: columns={dict(named)}"
            )
    found = {field: field for field in FIELDS if field in present}
    if "title" not in found and "name" in present and "name" not in named.values():
        found["title"] = "name"
    # A column that the map gives to one field is not also another's by its name.
    taken = set(named.values())
    found = {field: column for field, column in found.items() if column not in taken}
    found.update(named)
    for field in ("product_id", "image"):
        if field not in found:
            raise ValueError(
                f"`{table}` has no column `{field}`; say which one it is in the "
                f"column map. Its columns are: {listed}. Received: columns={named}"
            )
    if "title" not in found and "description" not in found:
        raise ValueError(
            f"`{table}` has neither a column `title` nor `description`; its columns "
            f"are: {listed}. Received: columns={named}"
        )
    return found


def _columns_from_file(path: str) -> Dict[str, str]:
    with open(path, encoding="utf-8-sig") as file:
        try:
            columns = json.load(file)
        except ValueError as error:
            raise ValueError(f"`{path}` is not JSON: {error}") from error
    if not isinstance(columns, dict):
        raise ValueError(
            f"`{path}` must hold an object, field to column. Received: {columns!r}"
        )
    return check_columns(columns)
