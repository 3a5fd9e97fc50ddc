"""The flags that name a catalogue, for every binary that reads one."""

from __future__ import annotations

import functools
from typing import Callable, List

from absl import flags

from kaleido import catalogs
from kaleido.catalogs.columns import FIELDS
from kaleido.cli import parse_floats

FLAGS = flags.FLAGS


def define() -> None:
    """Defines the flags."""
    flags.DEFINE_enum("catalog", "rendered", catalogs.NAMES, "Kind of catalogue.")
    flags.DEFINE_string(
        "catalog_path", "",
        "The table (file or folder), or the folder of the HDF5 files.",
    )
    flags.DEFINE_string(
        "images", "", "Folder of the pictures; default: the table's own."
    )
    flags.DEFINE_string(
        "columns", "",
        "Column map of a table, `ours=theirs,...`, or a JSON file that holds it; ours: "
        f"{', '.join(FIELDS)}.",
    )
    flags.DEFINE_list(
        "text_fields", None, "What makes up the text: title, description."
    )
    flags.DEFINE_string(
        "split_shares", "0.8,0.1,0.1",
        "Shares of train, validation and test where the catalogue says nothing.",
    )
    flags.DEFINE_integer(
        "products", 1000, "Rendered catalogue: number of products.", lower_bound=1
    )
    flags.DEFINE_integer(
        "views", 1, "Rendered catalogue: pictures a product.", lower_bound=1
    )
    flags.DEFINE_float(
        "max_rejected_share", 0.05, "The job fails when more of the rows are rejected."
    )
    flags.DEFINE_integer(
        "seed", 0, "Seed of the rendered catalogue, and of all that is random."
    )


def as_arguments() -> List[str]:
    """Returns the flags as they were given, to hand them on to another binary."""
    names = (
        "catalog", "catalog_path", "images", "columns", "text_fields", "split_shares",
        "products", "views", "max_rejected_share", "seed",
    )
    return [FLAGS[name].serialize() for name in names if FLAGS[name].present]


def too_many(rejected: int, rows: int) -> bool:
    """Returns whether more rows were rejected than --max_rejected_share allows."""
    return rejected / max(rows, 1) > FLAGS.max_rejected_share


def check_rejected(rejected: int, rows: int, what: str, see: str = "") -> None:
    """Raises a ValueError if too large a share of the rows was rejected.

    Args:
        rejected, rows: how many of how many.
        what: which, for the error.
        see: page that lists them.
    """
    if too_many(rejected, rows):
        raise ValueError(
            f"{rejected} of {rows} rows were rejected, more than --max_rejected_share="
            f"{FLAGS.max_rejected_share}{see and f'; see {see}'}. Received: {what}"
        )


def catalog_opener(ground_truth: bool) -> Callable[[], catalogs.Catalog]:
    """Returns a picklable function that opens the catalogue of the flags.

    Args:
        ground_truth: whether a rendered catalogue brings its masks.
    """
    options = {}
    if FLAGS.text_fields:
        options["text_fields"] = tuple(FLAGS.text_fields)
    if FLAGS.catalog == "rendered":
        options.update(
            products=FLAGS.products, seed=FLAGS.seed, views=FLAGS.views,
            split_shares=parse_floats("split_shares", FLAGS.split_shares, 3),
            ground_truth=ground_truth,
        )
    elif FLAGS.catalog == "table":
        from kaleido.catalogs.columns import parse_columns

        options.update(
            images=FLAGS.images or None,
            columns=parse_columns(FLAGS.columns),
            split_shares=parse_floats("split_shares", FLAGS.split_shares, 3),
        )
    return functools.partial(
        catalogs.open_catalog, FLAGS.catalog, FLAGS.catalog_path, **options
    )
