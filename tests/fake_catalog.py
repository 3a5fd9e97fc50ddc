"""A catalogue of generated pictures, one of them broken and one rejected."""

from __future__ import annotations

import hashlib
import io
import time
from unittest import mock

import numpy as np
from PIL import Image

from kaleido.catalogs.product import Product, Rejection, Scan

SPLITS = {"train": 10, "validation": 3, "test": 5}
ROWS = sum(SPLITS.values())
UNDECODABLE, REJECTED = 2, 5


class FakeCatalog:
    """Yields a product a row.

    Args:
        seconds: how long a row takes to read.
        raises_at: row at which reading fails.
        loses_from: row from which on nothing is yielded.
    """

    fingerprint = "fake"

    def __init__(
        self, seconds: float = 0.0, raises_at: int = -1, loses_from: int = ROWS
    ):
        self._seconds = seconds
        self._raises_at, self._loses_from = raises_at, loses_from
        self.rows_read = []

    def scan(self):
        rows, start = {}, 0
        for split, count in SPLITS.items():
            rows[split] = np.arange(start, start + count)
            start += count
        return Scan(rows=rows, rejected=(), rows_read=ROWS)

    def read(self, rows):
        for row in rows:
            row = int(row)
            self.rows_read.append(row)
            time.sleep(self._seconds)
            if row == self._raises_at:
                raise OSError("the disk is gone")
            if row >= self._loses_from:
                return
            yield self._product(row)

    def _product(self, row):
        if row == REJECTED:
            return Rejection(row, f"i{row}", "missing_picture", "no such file")
        image = picture(row)
        if row == UNDECODABLE:
            image = image[: len(image) // 2]
        split = next(
            s for s, rows in self.scan().rows.items() if row in rows.tolist()
        )
        return Product(
            product_id=f"p{row}", image_id=f"i{row}", image=image,
            text=f"Knitted dress number {row} in navy", category="TOPS",
            subcategory=f"SUB{row % 2}", split=split, labels={"brand": "B"},
        )


def picture(row: int) -> bytes:
    """A PNG with a box on white; the sizes differ."""
    rng = np.random.default_rng(row)
    pixels = np.full((40 + row, 36, 3), 255, np.uint8)
    pixels[8:-6, 7:30] = rng.integers(0, 200, (pixels.shape[0] - 14, 23, 3))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def light_extractor():
    """Mean and mean square of each colour in each half: cheap, and never random."""
    import tensorflow as tf

    pixels = tf.keras.Input((None, None, 3))
    x = pixels / 255.0
    half = tf.shape(pixels)[1] // 2
    pool = tf.keras.layers.GlobalAveragePooling2D()
    parts = [pool(part) for part in (x[:, :half], x[:, half:], x * x)]
    return tf.keras.Model(pixels, tf.keras.layers.Concatenate()(parts))


def make_preprocessor(light: bool = True):
    """A preprocessor with the light extractor, or the default one."""
    from kaleido.preprocessing import Preprocessor
    from kaleido.text import RESERVED, Vocabulary, load_vocabulary

    options = dict(
        crop_size=32, whole_crop_size=32, max_tokens=16, num_plans=2, batch_size=2
    )
    if not light:
        return Preprocessor(load_vocabulary(), **options)
    words = ("knitted", "dress", "number", "in", "navy", *map(str, range(ROWS)))
    name = "kaleido.preprocessing.build_feature_extractor"
    with mock.patch(name, lambda *unused: light_extractor()):
        return Preprocessor(
            Vocabulary((*RESERVED, *words)), saliency_method="border", **options
        )


def build(directory: str, preprocessor=None, catalog=None, shard_size: int = 3):
    """What `tfrecords.build` does; returns the shards made and the dataset."""
    from kaleido import shards as sharding

    catalog = catalog or FakeCatalog()
    preprocessor = preprocessor or make_preprocessor()
    sharding.claim_directory(directory, preprocessor.spec, catalog, shard_size, 4)
    shards = sharding.plan_shards(catalog.scan(), shard_size)
    done = {s.file: sharding.finished_sidecar(directory, s) for s in shards}
    missing = [s for s in shards if done[s.file] is None]
    for sidecar in sharding.write_shards(directory, missing, catalog, preprocessor):
        done[sidecar["file"]] = sidecar
    dataset = sharding.finish_dataset(directory, preprocessor.spec, done.values())
    return [s.file for s in missing], dataset


def checksums(directory) -> dict:
    """SHA-256 of each shard and sidecar, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.iterdir())
        if path.suffix in (".tfrecord", ".json")
    }
