r"""Draws a catalogue of fashion products and writes it to a directory.

Example:
  python -m tfrecords.render_catalog --products=1000 --seed=1 \
      --format=table --output=runs/catalog

`table` writes products.jsonl, images/ and masks/. `fashion_gen` writes the two
HDF5 files of Fashion-Gen's layout: train and validation products go to its
train file, test products to its validation file. A picture takes about
20 ms of one core.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
from absl import app, flags

from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.catalogs.rendered.export import (
    render_rows,
    whole_directory,
    write_table,
)

_PRODUCTS = flags.DEFINE_integer("products", 1000, "Number of products.")
_SEED = flags.DEFINE_integer("seed", 0, "Another seed gives other products.")
_VIEWS = flags.DEFINE_integer("views", 2, "Pictures of each product.")
_SIZE = flags.DEFINE_integer("size", 256, "Width and height of pictures in pixels.")
_FORMAT = flags.DEFINE_enum(
    "format", "table", ["table", "fashion_gen"], "What to write."
)
_OUTPUT = flags.DEFINE_string("output", None, "Directory to write.", required=True)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace a catalogue rendered before."
)
_WORKERS = flags.DEFINE_integer(
    "workers", os.cpu_count() or 1, "Processes that draw.", lower_bound=1
)


class _Progress:
    """One line with rate and time left, about once a second."""

    def __init__(self, total: int):
        self.total, self.done = total, 0
        self.start = self.shown = time.monotonic()

    def advance(self) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.shown < 1.0 and self.done < self.total:
            return
        self.shown = now
        rate = self.done / max(now - self.start, 1e-6)
        left = (self.total - self.done) / rate
        print(
            f"\r{self.done}/{self.total} pictures, {rate:.1f}/s, {left:.0f} s left ",
            end="" if self.done < self.total else "\n", file=sys.stderr, flush=True,
        )  # fmt: skip

    def watch(self, products):
        """Passes products on and counts them."""
        for product in products:
            self.advance()
            yield product


def _parse_flags(argv):
    """Parses flags; a bad one gives one line and not a page of help."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        line = " ".join(str(error).split())
        print(f"render_catalog: {line} See --help.", file=sys.stderr)
        sys.exit(2)


def main(argv) -> None:
    if len(argv) > 1:
        print(f"render_catalog: unexpected arguments. Received: {' '.join(argv[1:])}",
              file=sys.stderr)  # fmt: skip
        sys.exit(2)
    try:
        catalog = RenderedCatalog(
            _PRODUCTS.value, _SEED.value, _VIEWS.value, _SIZE.value,
            ground_truth=_FORMAT.value == "table",
        )  # fmt: skip
        with whole_directory(_OUTPUT.value, _OVERWRITE.value) as draft:
            progress = _Progress(len(catalog))
            if _FORMAT.value == "table":
                products = render_rows(catalog, range(len(catalog)), _WORKERS.value)
                write_table(products, draft, progress.advance)
            else:
                from kaleido.catalogs.fashion_gen import write_fashion_gen

                rows = catalog.scan().rows
                train = np.sort(np.concatenate((rows["train"], rows["validation"])))
                order = np.concatenate((train, rows["test"])).tolist()
                products = render_rows(catalog, order, _WORKERS.value)
                write_fashion_gen(
                    progress.watch(products), len(train), len(rows["test"]), draft
                )
    except (ValueError, OSError) as error:
        print(f"render_catalog: {error}", file=sys.stderr)
        sys.exit(1)
    print(f"{len(catalog)} pictures of {_PRODUCTS.value} products: {_OUTPUT.value}")


if __name__ == "__main__":
    app.run(main, flags_parser=_parse_flags)
