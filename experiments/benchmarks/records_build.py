"""The records job against its bare backbone fed ready crops."""

from __future__ import annotations

import tempfile
import time
from typing import Any, Dict, List

import numpy as np

from kaleido.benchmarking import entry

_PICTURES = 384


class _Pictures:
    """Rendered products, held in memory, so that drawing is not timed."""

    fingerprint = "benchmark"

    def __init__(self, count: int):
        from kaleido.catalogs.rendered import RenderedCatalog

        source = RenderedCatalog(products=count, seed=0, views=1, ground_truth=False)
        self._products = list(source.read(range(count)))

    def read(self, rows):
        return (self._products[int(row)] for row in rows)


def run() -> List[Dict[str, Any]]:
    """Times decoding to finished shards, and the backbone alone."""
    import tensorflow as tf

    from kaleido.picture_features import embed_crops
    from kaleido.preprocessing import Preprocessor
    from kaleido.progress import Progress
    from kaleido.shards import Shard, write_shards
    from kaleido.text import load_vocabulary

    preprocessor = Preprocessor(load_vocabulary(), saliency_method="border")
    catalog = _Pictures(_PICTURES)
    spec, batch = preprocessor.spec, preprocessor.batch_size
    rng = np.random.default_rng(0)
    shard = Shard("train-00000-of-00001.tfrecord", "train", np.arange(_PICTURES))

    def crops(count, side):
        return tf.constant(
            rng.integers(0, 256, (batch, count, side, side, 3), dtype=np.uint8)
        )

    ready = {
        "whole": crops(4, spec.whole_crop_size), "parts": crops(70, spec.crop_size),
    }
    bare = tf.function(lambda b: embed_crops(b, preprocessor.extract))
    ratios, rates = [], {"build": [], "backbone": []}
    for round_ in range(4):
        # As of the first pictures: building the graph is a matter of seconds once.
        progress = Progress(_PICTURES, "pictures")
        with tempfile.TemporaryDirectory() as directory:
            write_shards(
                directory, [shard], catalog, preprocessor,
                lambda items, rate=progress: rate.advance(len(items)),
            )
            build = progress.rate
        start = time.perf_counter()
        for _ in range(_PICTURES // batch):
            bare(ready).numpy()
        backbone = _PICTURES / (time.perf_counter() - start)
        if round_:
            ratios.append(build / backbone)
            rates["build"].append(build)
            rates["backbone"].append(backbone)
    return [
        entry(
            "tfrecords.build pictures/s / bare backbone",
            float(np.median(ratios)), 0.85,
            pictures_per_second={k: round(float(np.median(v)), 2)
                                 for k, v in rates.items()},
        )
    ]
