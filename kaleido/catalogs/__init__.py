"""Products in: Fashion-Gen's HDF5, a shop's own table, a rendered catalogue."""

from __future__ import annotations

from kaleido.catalogs.product import Catalog

NAMES = ("rendered", "table", "fashion_gen")


def open_catalog(name: str, path: str = "", **options) -> Catalog:
    """Opens a catalogue by the name of its kind.

    Args:
        name: one of `NAMES`.
        path: the table's file or folder, or the folder of the HDF5 files.
        **options: arguments of the catalogue's class.

    Raises:
        ValueError: if the name is unknown, or the path is missing.
    """
    if name not in NAMES:
        raise ValueError(f"The catalogue must be one of {NAMES}. Received: {name!r}")
    if name == "rendered":
        from kaleido.catalogs.rendered import RenderedCatalog

        return RenderedCatalog(**options)
    if not path:
        raise ValueError(f"A {name} catalogue needs a path. Received: no path")
    if name == "table":
        from kaleido.catalogs.table import TableCatalog

        return TableCatalog(path, **options)
    from kaleido.catalogs.fashion_gen import FashionGenCatalog

    return FashionGenCatalog(path, **options)
