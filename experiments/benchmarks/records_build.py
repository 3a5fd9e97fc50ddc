"""The records job, and the saliency network, against the bare backbone.

The backbone is fed ready crops. The job is measured with the border method and no
alignment, and with everything on: saliency network, generated captions, AGM. The
captioner is untrained, so that its captions go on to the last token. With everything
on it is measured on photographs, too, where $KALEIDO_DATA has Myntra's.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any, Dict, List

import numpy as np

from kaleido.benchmarking import entry

_PICTURES = 384


class _Held:
    """A catalogue's first products, held in memory: drawing them is not timed."""

    fingerprint = "benchmark"

    def __init__(self, catalog):
        self._products = list(catalog.read(range(_PICTURES)))

    def read(self, rows):
        return (self._products[int(row)] for row in rows)


def _catalogs() -> Dict[str, _Held]:
    from kaleido.catalogs import open_catalog
    from kaleido.catalogs.rendered import RenderedCatalog

    found = {"rendered": _Held(RenderedCatalog(_PICTURES, 0, 1, ground_truth=False))}
    myntra = os.path.join(os.environ.get("KALEIDO_DATA", "../shared"), "data", "myntra")
    if os.path.isdir(myntra):
        table = open_catalog("table", myntra)
        table.scan()
        found["Myntra"] = _Held(table)
    return found


def _untrained_captioner(folder: str, vocabulary) -> None:
    """Writes a captioner of a usual size, 4,000 pieces."""
    import dataclasses

    import tensorflow as tf

    from kaleido.alignment_generator import CAPTIONER_FILE
    from kaleido.captioner import Captioner, CaptionerSpec
    from kaleido.grid_features import GRID, GridExtractor
    from kaleido.known_pieces import known_pieces
    from kaleido.weights_file import save_weights

    grid = GridExtractor()
    ids = np.arange(2000, 6000)
    spec = CaptionerSpec(
        known_pieces(ids, vocabulary, at_least=1), grid.channels,
        vocabulary.fingerprint, grid.fingerprint,
    )
    network = Captioner(spec, vocabulary)
    network(
        {
            "grid": tf.zeros([1, GRID, GRID, grid.channels]),
            "token_ids": tf.zeros([1, 2], tf.int32),
        }
    )
    card = {"network": network.name, "spec": dataclasses.asdict(spec)}
    save_weights(network, os.path.join(folder, CAPTIONER_FILE), card)


def _build_rate(preprocessor, catalog) -> float:
    """Pictures a second from the first ones on: building graphs is not part of it."""
    from kaleido.progress import Progress
    from kaleido.shards import Shard, write_shards

    shard = Shard("train-00000-of-00001.tfrecord", "train", np.arange(_PICTURES))
    progress = Progress(_PICTURES, "pictures")
    with tempfile.TemporaryDirectory() as directory:
        write_shards(
            directory, [shard], catalog, preprocessor,
            lambda items: progress.advance(len(items)),
        )
    return progress.rate


def run() -> List[Dict[str, Any]]:
    """Times decoding to finished shards, the saliency network, and the backbone."""
    import tensorflow as tf

    from kaleido import saliency
    from kaleido.picture_features import embed_crops
    from kaleido.preprocessing import Preprocessor
    from kaleido.text import load_vocabulary

    vocabulary = load_vocabulary()
    plain = Preprocessor(vocabulary, saliency_method="border")
    with tempfile.TemporaryDirectory() as folder:
        _untrained_captioner(folder, vocabulary)
        full = Preprocessor(vocabulary, alignment="generated", aligner=folder)
    catalogs = _catalogs()
    spec, batch = plain.spec, plain.batch_size
    rng = np.random.default_rng(0)

    def crops(count, side):
        return tf.constant(
            rng.integers(0, 256, (batch, count, side, side, 3), dtype=np.uint8)
        )

    ready = {
        "whole": crops(4, spec.whole_crop_size), "parts": crops(70, spec.crop_size),
    }
    small = tf.cast(crops(1, saliency.SIDE)[:, 0], tf.float32)
    bare = tf.function(lambda b: embed_crops(b, plain.extract))
    find = tf.function(saliency.load_saliency())

    def rate(call) -> float:
        start = time.perf_counter()
        for _ in range(_PICTURES // batch):
            call().numpy()
        return _PICTURES / (time.perf_counter() - start)

    rates: Dict[str, List[float]] = {}
    for round_ in range(4):
        measured = {
            "build": _build_rate(plain, catalogs["rendered"]),
            "backbone": rate(lambda: bare(ready)),
            "saliency": rate(lambda: find(small)),
            **{
                f"full_build {name}": _build_rate(full, catalog)
                for name, catalog in catalogs.items()
            },
        }
        if round_:
            for name, value in measured.items():
                rates.setdefault(name, []).append(value)
    table = {name: np.array(values) for name, values in rates.items()}
    per_second = {name: round(float(np.median(v)), 2) for name, v in table.items()}

    def line(what, ratios, goal, **options):
        return entry(
            what, float(np.median(ratios)), goal, pictures_per_second=per_second,
            **options,
        )

    return [
        line("tfrecords.build pictures/s / bare backbone",
             table["build"] / table["backbone"], 0.85),
        *(
            line(f"with saliency, captions, AGM ({name}) / bare backbone",
                 table[f"full_build {name}"] / table["backbone"], 0.70)
            for name in catalogs
        ),
        line("seconds a picture, saliency network / bare backbone",
             table["backbone"] / table["saliency"], 0.15, at_most=True),
    ]
