"""JSONL and CSV as records with byte offsets, so that any row can be read alone."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Union

# JSON rows need not all have the same keys; this many show what there is.
_PEEKED_ROWS = 1000


class Record(NamedTuple):
    """One row of a table.

    Attributes:
        start: byte offset of its first byte in the file.
        values: column to value; None if the row is broken.
        problem: what is wrong with it; empty if nothing is.
    """

    start: int
    values: Optional[Dict[str, Any]]
    problem: str


class JsonLines:
    """One JSON object a line; UTF-8, with or without a byte order mark.

    Attributes:
        columns: keys of the first thousand rows, in order of appearance.
    """

    def __init__(self, path: str):
        self._path = path
        self.columns: List[str] = list(
            dict.fromkeys(
                key
                for record in itertools.islice(self.records(), _PEEKED_ROWS)
                for key in record.values or ()
            )
        )

    def records(self) -> Iterator[Record]:
        """Streams the rows; blank lines are none."""
        start = 0
        with open(self._path, "rb") as lines:
            for line in lines:
                if not line.isspace():
                    yield self.parse(line, start)
                start += len(line)

    def parse(self, data: bytes, start: int) -> Record:
        """Parses the bytes of one row, which may be followed by blank lines."""
        try:
            values = json.loads(data.decode("utf-8-sig" if start == 0 else "utf-8"))
        except (ValueError, RecursionError) as error:
            return Record(start, None, f"{type(error).__name__}: {error}")
        if not isinstance(values, dict):
            return Record(start, None, f"not an object but {type(values).__name__}")
        return Record(start, values, "")


class DelimitedText:
    """CSV or TSV with a header line; UTF-8, with or without a byte order mark.

    Fields may be quoted and may then hold line breaks. In a `.csv` whose header
    has no comma, semicolons or tabs separate the fields.

    Attributes:
        columns: the names in the header.

    Raises:
        ValueError: if there is no header, it is not UTF-8, or it has a name twice.
    """

    def __init__(self, path: str):
        self._path = path
        self._delimiter = "\t" if path.lower().endswith(".tsv") else ","
        with open(path, "rb") as file:
            self._body = 3 if file.read(3) == codecs.BOM_UTF8 else 0
        header = next(self._rows(), None)
        if header and self._delimiter == "," and len(header.fields) == 1:
            name = header.fields[0]
            self._delimiter = next((mark for mark in ";\t" if mark in name), ",")
            header = next(self._rows(), None)
        if header is None or header.problem:
            problem = header.problem if header else "the file is empty"
            raise ValueError(f"`{path}` has no readable header line: {problem}")
        self.columns: List[str] = [name.strip() for name in header.fields]
        twice = {name for name in self.columns if self.columns.count(name) > 1}
        if twice:
            raise ValueError(
                f"`{path}` has two columns of one name. Received: {sorted(twice)}"
            )
        self._body = header.end

    def records(self) -> Iterator[Record]:
        """Streams the rows; blank lines are none."""
        for row in self._rows():
            yield self._record(row)

    def parse(self, data: bytes, start: int) -> Record:
        """Parses the bytes of one row, which may be followed by blank lines."""
        return self._record(next(self._rows(io.BytesIO(data)))._replace(start=start))

    def _record(self, row: _Row) -> Record:
        if row.problem:
            return Record(row.start, None, row.problem)
        if len(row.fields) != len(self.columns):
            found = f"{len(row.fields)} fields instead of {len(self.columns)}"
            return Record(row.start, None, found)
        return Record(row.start, dict(zip(self.columns, row.fields)), "")

    def _rows(self, data: Optional[io.BytesIO] = None) -> Iterator[_Row]:
        """Yields the rows of the body of the file, or of the bytes given."""
        with data or open(self._path, "rb") as file:
            start = file.seek(0 if data else self._body)
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=self._delimiter)
            while True:
                problem, fields = "", []
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    # Such as a quote that is never closed: the reader gives up at
                    # its field limit, and goes on with the next line.
                    problem = f"csv.Error: {error}"
                if lines.invalid:
                    problem = "UnicodeDecodeError: not UTF-8"
                if fields or problem:
                    yield _Row(start, lines.position, fields, problem)
                lines.invalid = False
                start = lines.position


class _Row(NamedTuple):
    start: int
    end: int
    fields: List[str]
    problem: str


class _Lines:
    """Decodes lines and counts their bytes: a quoted field may span several."""

    def __init__(self, file: io.BufferedIOBase):
        self._file = file
        self.position = file.tell()
        self.invalid = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.position += len(line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self.invalid = True
            return line.decode("utf-8", "replace")


TableFormat = Union[JsonLines, DelimitedText]
_FORMATS = {".jsonl": JsonLines, ".csv": DelimitedText, ".tsv": DelimitedText}


def find_table(path: str) -> str:
    """Returns the table that a path means: a file, or the only one of a folder.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if the folder does not hold exactly one of `products.jsonl`,
            `products.csv` and `products.tsv`, or the suffix is another.
    """
    if os.path.isdir(path):
        names = [f"products{suffix}" for suffix in _FORMATS]
        found = [name for name in names if os.path.isfile(os.path.join(path, name))]
        if len(found) != 1:
            raise ValueError(
                f"The folder `{path}` must hold exactly one of {', '.join(names)}. "
                f"Received: {', '.join(found) or 'none'}"
            )
        return os.path.join(path, found[0])
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no product table. Received: path={path!r}")
    if os.path.splitext(path)[1].lower() not in _FORMATS:
        raise ValueError(
            f"A product table ends in {', '.join(_FORMATS)}. Received: path={path!r}"
        )
    return path


def open_table(path: str) -> TableFormat:
    """Returns the reader for a table by its suffix."""
    return _FORMATS[os.path.splitext(path)[1].lower()](path)
