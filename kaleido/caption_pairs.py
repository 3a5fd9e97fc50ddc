"""Image-text pairs for the captioner: grids of locked objects beside token ids."""

from __future__ import annotations

import dataclasses
import os
from typing import Dict, Tuple

import numpy as np
import tensorflow as tf

from kaleido.catalogs.product import Catalog
from kaleido.files import claim_folder, digest_arrays, read_json, write_json
from kaleido.grid_features import GRID, GridExtractor, object_crop
from kaleido.picture_pipeline import PicturePipeline
from kaleido.progress import Progress
from kaleido.text import Tokenizer


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Grids and texts of one split.

    Attributes:
        grids: float16 [n, GRID, GRID, channels]; may be a memory map.
        token_ids: int32 [n, length].
        groups: int32 [n], the sub-category of each.
    """

    grids: np.ndarray
    token_ids: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.token_ids)

    def batch(self, rows: np.ndarray) -> Dict[str, tf.Tensor]:
        """Returns some rows, texts cut to the longest of them, in steps of 16."""
        ids = self.token_ids[rows]
        used = int((ids != 0).sum(axis=1).max())
        length = min(-(-used // 16) * 16, ids.shape[1])
        return {
            "grid": tf.constant(self.grids[rows]),
            "token_ids": tf.constant(ids[:, :length]),
        }


def make_pairs(
    catalog: Catalog,
    rows: np.ndarray,
    pipeline: PicturePipeline,
    grid: GridExtractor,
    tokenizer: Tokenizer,
    max_tokens: int,
    directory: str,
) -> Tuple[Pairs, int]:
    """Computes pairs into a folder, or finds them there.

    Only a whole folder is found again: the pairs of a run that was stopped while it
    computed them begin anew.

    Args:
        catalog: where the products come from.
        rows: which of them.
        pipeline: finds the objects.
        grid: embeds them.
        tokenizer, max_tokens: of the texts.
        directory: receives `grids.npy`, float16 [n, GRID, GRID, channels], about
            44 KB a picture, which is read from disk as training needs it;
            `token_ids.npy`, `groups.npy`; and `pairs.json` when they are whole.

    Returns:
        The pairs, and how many rows were rejected while they were read.

    Raises:
        ValueError: if the folder holds the pairs of something else, or no row can be
            used.
    """
    made_of = {
        "catalog": catalog.fingerprint, "rows": digest_arrays(np.asarray(rows)),
        "backbone": grid.fingerprint, "saliency": pipeline.saliency_fingerprint,
        "method": pipeline.method, "max_tokens": max_tokens,
        "vocabulary": tokenizer.vocabulary.fingerprint,
    }
    claim_folder(directory, made_of, "the pairs", ["pairs.json"])
    done = os.path.join(directory, "pairs.json")
    if os.path.exists(done):
        found = read_json(done)
        return _open_pairs(directory, found["pairs"]), found["rejected"]
    grids = np.lib.format.open_memmap(
        os.path.join(directory, "grids.npy"), "w+", np.float16,
        (len(rows), GRID, GRID, grid.channels),
    )
    token_ids, subcategories, rejected = [], [], []
    progress = Progress(len(rows), f"pictures for {os.path.basename(directory)}")

    def crop(image, box) -> Dict[str, tf.Tensor]:
        return {"object": object_crop(image, box)}

    def embed(batch):
        return {
            "grid": tf.cast(grid(batch["object"]), tf.float16),
            "token_ids": tokenizer(batch["text"], max_tokens),
        }

    for _, (batch, products, lost) in pipeline.batches(
        catalog.read, [rows], crop, embed
    ):
        rejected += lost
        if products:
            start = len(subcategories)
            grids[start : start + len(products)] = batch["grid"]
            token_ids.append(batch["token_ids"])
            subcategories += [product.subcategory for product in products]
        progress.advance(len(products) + len(lost))
    progress.finish()
    if not subcategories:
        first = f" Received: {rejected[0].detail}" if rejected else ""
        raise ValueError(
            f"None of {len(rows)} rows for {os.path.basename(directory)} can be used."
            f"{first}"
        )
    grids.flush()
    _, groups = np.unique(subcategories, return_inverse=True)
    ids = np.concatenate(token_ids).astype(np.int32)
    np.save(os.path.join(directory, "token_ids.npy"), ids)
    np.save(os.path.join(directory, "groups.npy"), groups.astype(np.int32))
    count = len(subcategories)
    write_json(done, {"pairs": count, "rejected": len(rejected)})
    return _open_pairs(directory, count), len(rejected)


def object_crops(
    catalog: Catalog, rows: np.ndarray, pipeline: PicturePipeline
) -> np.ndarray:
    """Returns what people see of some pairs' grids, in the order of `make_pairs`.

    Returns:
        uint8 [n, INPUT_SIDE, INPUT_SIDE, 3]; rejected rows have none.
    """
    batches = pipeline.batches(
        catalog.read, [rows],
        lambda image, box: {"object": object_crop(image, box)},
        lambda batch: {"object": batch["object"]},
    )
    crops = [batch["object"] for _, (batch, products, _) in batches if products]
    return np.concatenate(crops) if crops else np.zeros((0, 1, 1, 3), np.uint8)


def _open_pairs(directory: str, count: int) -> Pairs:
    def opened(name, **options):
        return np.load(os.path.join(directory, name), **options)

    return Pairs(
        opened("grids.npy", mmap_mode="r")[:count],
        opened("token_ids.npy"),
        opened("groups.npy"),
    )
