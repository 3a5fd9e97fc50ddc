"""Measures the alignment methods on a rendered catalogue, beside baselines."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

import numpy as np
import tensorflow as tf

from kaleido import alignment
from kaleido.alignment_generator import AlignmentGenerator
from kaleido.alignment_truth import (
    AlignableWords,
    alignable_words,
    foreground_shares,
    moving_words,
    word_tokens,
)
from kaleido.catalogs.product import Product
from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.grid_features import GRID, GridExtractor, object_crop
from kaleido.metrics import alignment as metrics
from kaleido.picture_pipeline import PicturePipeline
from kaleido.text import Tokenizer

Aligned = Tuple[np.ndarray, np.ndarray, np.ndarray]


def evaluate_alignment(
    catalog: RenderedCatalog,
    pipeline: PicturePipeline,
    tokenizer: Tokenizer,
    extract_grid: GridExtractor,
    generators: Mapping[str, AlignmentGenerator],
    max_tokens: int,
    seed: int,
    advance: Callable[[int], None] = lambda count: None,
) -> Dict[str, Any]:
    """Aligns every product of a catalogue by each method.

    Args:
        catalog: rendered with its ground truth.
        pipeline: finds the objects.
        tokenizer, max_tokens: of the texts.
        extract_grid: what the generators see of the objects.
        generators: by method.
        seed: of the baseline that draws patches.
        advance: is told how many products are done.

    Returns:
        `products`, `words`, `moving_words`; `methods` and `baselines`: by name the
        figures of `metrics.alignment_figures`. A method has `same_words`, too: the
        figures of the baselines of the words that the method aligned, no others. A
        method `m` has a baseline `word average of m`: its maps without the picture.
        `true prior (oracle)` knows where a word's part usually is.

    Raises:
        ValueError: if no word can be aligned.
    """
    methods = list(generators)

    def crop(image, box):
        return {"object": object_crop(image, box)}

    def embed(batch):
        token_ids = tokenizer(batch["text"], max_tokens)
        grid, result = extract_grid(batch["object"]), {"box": batch["box"]}
        for name in methods:
            aligned = generators[name](grid, token_ids)
            result[f"{name} maps"] = aligned["alignment_maps"]
            result[f"{name} patches"] = aligned["alignments"]
        return result

    words: List[AlignableWords] = []
    found: Dict[str, List[Aligned]] = {name: [] for name in methods}
    shares: List[np.ndarray] = []
    done = 0
    for _, (batch, products, _) in pipeline.batches(
        catalog.read, [np.arange(len(catalog))], crop, embed
    ):
        if not products:
            continue
        some = alignable_words(products, batch["box"], tokenizer, max_tokens)
        for name in methods:
            found[name].append(
                _of_words(some, batch[f"{name} maps"], batch[f"{name} patches"])
            )
        shares.append(_foreground(products, batch["box"])[some.product])
        words.append(_renumbered(some, done))
        done += len(products)
        advance(len(products))
    table = _joined(words)
    if not len(table):
        raise ValueError("The catalogue's texts name no visible part.")
    moving = moving_words(table)
    count = len(table)
    everywhere = np.ones(count, bool)
    result: Dict[str, Any] = {
        "products": done, "words": count, "moving_words": int(moving.sum()),
        "methods": {},
    }

    def figures(maps, has_map, chosen=None):
        if chosen is None:
            chosen = best_patches(maps, has_map)
        return metrics.alignment_figures(table, maps, has_map, chosen, moving)

    aligned = {
        name: tuple(np.concatenate(column) for column in zip(*found[name]))
        for name in methods
    }

    def average(maps, has_map):
        return metrics.word_average_maps(table.text, table.product, maps, has_map)

    baselines = {
        "random patch": (metrics.random_patch_maps(count, GRID, seed), everywhere),
        "centre patch": (metrics.centre_patch_maps(count, GRID), everywhere),
        "largest foreground share": (
            metrics.foreground_patch_maps(np.concatenate(shares), GRID), everywhere
        ),
        **{
            f"word average of {name}": average(maps, has_map)
            for name, (maps, has_map, _) in aligned.items()
        },
        "true prior (oracle)": average(
            metrics.covered_shares(table.boxes, GRID), everywhere
        ),
    }
    result["baselines"] = {name: figures(*maps) for name, maps in baselines.items()}
    for name, (maps, has_map, chosen) in aligned.items():
        # A method that aligns the easy words alone must not win by that.
        result["methods"][name] = {
            **figures(maps, has_map, chosen),
            "same_words": {
                other: figures(other_maps, has_map & other_has_map)
                for other, (other_maps, other_has_map) in baselines.items()
            },
        }
    return result


def best_patches(maps: np.ndarray, has_map: np.ndarray) -> np.ndarray:
    """Returns int [words, 3], `alignment.best_patches` of float [words, g, g]."""
    chosen, _ = alignment.best_patches(
        tf.constant(maps[:, None], tf.float32), tf.constant(has_map[:, None])
    )
    return chosen.numpy()[:, 0]


def _of_words(words: AlignableWords, maps, chosen) -> Aligned:
    """Returns each word's map, whether it has one, and its patches."""
    position, has_map = word_tokens(words, (chosen >= 0).any(axis=-1))
    place = words.product, position
    return maps[place], has_map, np.where(has_map[:, None], chosen[place], -1)


def _foreground(products: List[Product], boxes: np.ndarray) -> np.ndarray:
    return np.stack(
        [foreground_shares(p.mask, box, 5) for p, box in zip(products, boxes)]
    )


def _renumbered(words: AlignableWords, first: int) -> AlignableWords:
    values = {**vars(words), "product": words.product + first}
    return AlignableWords(**values)


def _joined(tables: List[AlignableWords]) -> AlignableWords:
    """Joins tables whose words have different numbers of boxes."""
    width = max(table.parts.shape[1] for table in tables)

    def wide(values):
        extra = [(0, 0), (0, width - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
        if values.dtype.kind == "U":
            pad = np.full((len(values), width - values.shape[1]), "", values.dtype)
            return np.concatenate([values, pad], axis=1)
        return np.pad(values, extra)

    return AlignableWords(
        **{
            name: np.concatenate(
                [
                    wide(getattr(t, name)) if name in ("parts", "boxes")
                    else getattr(t, name)
                    for t in tables
                ]
            )
            for name in ("product", "first", "end", "text", "parts", "boxes")
        }
    )
