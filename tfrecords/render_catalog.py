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

import numpy as np
from absl import app, flags, logging

from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.catalogs.rendered.export import (
    render_rows,
    whole_directory,
    write_table,
)
from kaleido.cli import fail_clearly
from kaleido.progress import Progress

_PRODUCTS = flags.DEFINE_integer("products", 1000, "Number of products.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Another seed gives other products.")
_VIEWS = flags.DEFINE_integer("views", 2, "Pictures of each product.", lower_bound=1)
_SIZE = flags.DEFINE_integer(
    "size", 256, "Width and height of pictures in pixels.", lower_bound=1
)
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


def _counted(products, progress):
    """Passes products on and counts them."""
    for product in products:
        progress.advance(1)
        yield product


@fail_clearly
def main(argv):
    del argv
    catalog = RenderedCatalog(
        _PRODUCTS.value, _SEED.value, _VIEWS.value, _SIZE.value,
        ground_truth=_FORMAT.value == "table",
    )
    with whole_directory(_OUTPUT.value, _OVERWRITE.value) as draft:
        progress = Progress(len(catalog), "pictures")
        if _FORMAT.value == "table":
            products = render_rows(catalog, range(len(catalog)), _WORKERS.value)
            write_table(products, draft, lambda: progress.advance(1))
        else:
            from kaleido.catalogs.fashion_gen import write_fashion_gen

            rows = catalog.scan().rows
            train = np.sort(np.concatenate((rows["train"], rows["validation"])))
            order = np.concatenate((train, rows["test"])).tolist()
            products = render_rows(catalog, order, _WORKERS.value)
            write_fashion_gen(
                _counted(products, progress), len(train), len(rows["test"]), draft
            )
        progress.finish()
    logging.info(
        "%d pictures of %d products: %s",
        len(catalog), _PRODUCTS.value, _OUTPUT.value,
    )


if __name__ == "__main__":
    app.run(main)
