"""Renders a catalogue with several processes and writes it as a table."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import shutil
import tempfile
from typing import Callable, Iterator, Sequence

from PIL import Image

from kaleido.catalogs.product import Product
from kaleido.catalogs.rendered.catalog import RenderedCatalog
from kaleido.catalogs.rendered.photo import JPEG_QUALITY

# What this program writes; a directory with anything else is never replaced.
_OWN_NAMES = {
    "products.jsonl",
    "images",
    "masks",
    "fashiongen_256_256_train.h5",
    "fashiongen_256_256_validation.h5",
}
# Rows a process renders at a time: some seconds of work, some megabytes.
_SLICE = 64


def _read_slice(catalog: RenderedCatalog, rows: Sequence[int]) -> list:
    return list(catalog.read(rows))


def render_rows(
    catalog: RenderedCatalog, rows: Sequence[int], workers: int
) -> Iterator[Product]:
    """Yields the products of some rows in order, rendered by several processes.

    Few slices are under way at any time, so memory stays constant.
    """
    slices = [list(rows[i : i + _SLICE]) for i in range(0, len(rows), _SLICE)]
    if workers <= 1 or len(slices) == 1:
        for some in slices:
            yield from catalog.read(some)
        return
    waiting = iter(slices)
    # Fresh processes: a fork copies the locks of threads that the parent runs.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        pending = [
            pool.submit(_read_slice, catalog, some)
            for some in itertools.islice(waiting, 2 * workers)
        ]
        while pending:
            done = pending.pop(0).result()
            for some in itertools.islice(waiting, 1):
                pending.append(pool.submit(_read_slice, catalog, some))
            yield from done


def _refuse_foreign(path: str) -> None:
    """Raises if a directory holds anything that is no rendered catalogue."""
    if not os.path.isdir(path):
        return
    foreign = sorted(set(os.listdir(path)) - _OWN_NAMES)
    if foreign:
        raise FileExistsError(
            f"`output` holds other files ({foreign[0]}) and is never replaced. "
            f"Received: output={path}"
        )


@contextlib.contextmanager
def whole_directory(path: str, overwrite: bool) -> Iterator[str]:
    """Gives a directory that becomes `path` at the end, or vanishes on an error.

    Raises:
        FileExistsError: if `path` has content and is not to be overwritten, or
            has content that is no rendered catalogue.
    """
    path = os.path.abspath(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise FileExistsError(f"`output` must be a directory. Received: output={path}")
    if os.path.isdir(path) and os.listdir(path) and not overwrite:
        raise FileExistsError(
            "`output` must be empty or absent, or use --overwrite. Received: "
            f"output={path}"
        )
    _refuse_foreign(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft = tempfile.mkdtemp(
        prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(path)
    )
    # mkdtemp makes private directories; the result is an ordinary one.
    os.chmod(draft, 0o755)
    try:
        yield draft
        if os.path.isdir(path):
            # Once more: drawing takes long, and others write files meanwhile.
            _refuse_foreign(path)
            if os.listdir(path) and not overwrite:
                raise FileExistsError(
                    f"`output` was filled meanwhile. Received: output={path}"
                )
            shutil.rmtree(path)
        os.rename(draft, path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _as_jpeg(image: bytes) -> bytes:
    """Returns a picture as JPEG; one that is JPEG already stays as it is."""
    picture = Image.open(io.BytesIO(image))
    if picture.format == "JPEG":
        return image
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def write_table(
    products: Iterator[Product], directory: str,
    advance: Callable[[], None] = lambda: None,
) -> int:  # fmt: skip
    """Writes `products.jsonl`, `images/` and `masks/`; returns the number of rows.

    Args:
        products: what to write.
        directory: an existing directory.
        advance: called after each row.
    """
    os.makedirs(os.path.join(directory, "images"))
    os.makedirs(os.path.join(directory, "masks"))
    rows = 0
    with open(
        os.path.join(directory, "products.jsonl"), "w", encoding="utf-8"
    ) as table:
        for product in products:
            image = f"images/{product.image_id}.jpg"
            with open(os.path.join(directory, image), "wb") as file:
                file.write(_as_jpeg(product.image))
            mask = None
            if product.mask is not None:
                mask = f"masks/{product.image_id}.png"
                with open(os.path.join(directory, mask), "wb") as file:
                    file.write(product.mask)
            row = {
                "product_id": product.product_id,
                "image_id": product.image_id,
                "image": image,
                "title": product.title,
                "description": product.description,
                "category": product.category,
                "subcategory": product.subcategory,
                "split": product.split,
                "mask": mask,
                "text": product.text,
                "parts": [
                    {"name": part.name, "box": part.box, "words": part.words}
                    for part in product.parts
                ],
                "attributes": dict(product.labels),
            }
            table.write(json.dumps(row, ensure_ascii=False) + "\n")
            rows += 1
            advance()
    return rows
