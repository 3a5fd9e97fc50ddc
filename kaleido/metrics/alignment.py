"""How well words are aligned with patches, where the true parts are known.

A method gives a word a heat map over the locked box and, from the map, one patch
on each of the levels 3, 4, 5 (AAG, paper section 3.2 and Figure 4). The paper
shows examples; a rendered catalogue knows the truth, so here they are counted.

All places are in coordinates of the locked box: x and y in [0, 1], origin top
left. A map is a g x g grid that covers the box exactly; the patches of level n
are an n x n grid that does (kaleido patches are whole pixels, so they differ from
that by less than a pixel). Cells and patches are row-major.

- The overlap of a patch with a word's truth is the area of the patch that lies in
  the union of the boxes of the word's parts.
- A patch is RIGHT for a word if that overlap is more than zero and at least half
  of what the best patch of its level reaches.
- Precision is the share of the aligned (word, level) that are right, recall the
  share of the right (word, level, patch) that are aligned.
- The pointing game is won if the centre of the map's hottest cell lies in a box of
  one of the word's parts.
- A word MOVES if no fixed place would do for its part (`moving_words`): a sole is
  always at the bottom, so finding it shows nothing. Some of what moves does so from
  one sort of product to another only, and knowing the sort is enough to find it.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Mapping, Tuple

import numpy as np

from kaleido.alignment_truth import AlignableWords, part_of_words
from kaleido.masking import ALIGNED_LEVELS

# What is equal on paper must be so after rounding.
_TOLERANCE = 1e-6


def covered_shares(boxes: np.ndarray, n: int) -> np.ndarray:
    """Returns which share of each cell of an n x n grid lies in a union of boxes.

    Exact: the edges of the boxes and of the grid cut the square into rectangles
    that lie wholly within or wholly outside of each box and cell.

    Args:
        boxes: float [words, boxes, 4], (x1, y1, x2, y2) in [0, 1]; boxes of no
            area count for nothing.
        n: cells a side.

    Returns:
        float64 [words, n, n], values in [0, 1].
    """
    boxes = np.asarray(boxes, np.float64)
    grid = np.broadcast_to(np.arange(n + 1) / n, (len(boxes), n + 1))
    inside, lengths = [], []
    for low, high in ((boxes[..., 1], boxes[..., 3]), (boxes[..., 0], boxes[..., 2])):
        edges = np.sort(np.concatenate([grid, low, high], axis=1), axis=1)
        middle = (edges[:, 1:] + edges[:, :-1])[:, None] / 2
        inside.append((low[..., None] <= middle) & (middle < high[..., None]))
        cells = np.arange(n)[:, None] == np.minimum(np.floor(middle * n), n - 1)
        lengths.append(cells * (edges[:, 1:] - edges[:, :-1])[:, None])
    covered = np.einsum("wby,wbx->wyx", *inside)
    areas = lengths[0] @ covered @ lengths[1].transpose(0, 2, 1)
    return np.clip(areas * n * n, 0.0, 1.0)


def right_patches(words: AlignableWords, level: int) -> np.ndarray:
    """Returns bool [words, level * level]: the patches that are right for a word."""
    shares = covered_shares(words.boxes, level).reshape(len(words), -1)
    best = shares.max(axis=1, keepdims=True)
    return (shares > 0) & (shares >= 0.5 * best * (1 - _TOLERANCE))


def hottest_cells(maps: np.ndarray) -> np.ndarray:
    """Returns the hottest cell of each map.

    Among equally hot cells it is the one nearest to their middle, and the first
    of those: a map that is one flat patch points at the patch's centre, and a
    map that says nothing at the centre of the box.

    Args:
        maps: float [words, g, g], not negative.

    Returns:
        int64 [words], row-major.

    Raises:
        ValueError: if a value is not a number.
    """
    if np.isnan(maps).any():
        raise ValueError("An alignment map holds NaN.")
    count, g = len(maps), maps.shape[-1]
    flat = np.asarray(maps, np.float64).reshape(count, g * g)
    hot = flat >= flat.max(axis=1, keepdims=True) * (1 - _TOLERANCE)
    places = np.stack(np.divmod(np.arange(g * g), g), axis=1).astype(np.float64)
    middle = hot @ places / hot.sum(axis=1, keepdims=True)
    distance = ((places - middle[:, None]) ** 2).sum(axis=-1)
    return np.where(hot, distance.round(9), np.inf).argmin(axis=1)


def pointing_hits(words: AlignableWords, maps: np.ndarray) -> np.ndarray:
    """Returns bool [words]: whether the map's maximum lies in one of the boxes.

    Args:
        words: the words.
        maps: float [words, g, g].
    """
    return np.take_along_axis(
        _cells_in_boxes(words, maps.shape[-1]), hottest_cells(maps)[:, None], axis=1
    )[:, 0]


def _cells_in_boxes(words: AlignableWords, g: int) -> np.ndarray:
    """Returns bool [words, g * g]: cells whose centre lies in one of the boxes."""
    centres = (np.arange(g) + 0.5) / g
    low, high = words.boxes[..., :2, None], words.boxes[..., 2:, None]
    inside = (low <= centres) & (centres < high)
    cells = inside[:, :, 1, :, None] & inside[:, :, 0, None, :]
    return cells.any(axis=1).reshape(len(words), g * g)


def alignment_figures(
    words: AlignableWords,
    maps: np.ndarray,
    has_map: np.ndarray,
    patches: np.ndarray,
    moving: np.ndarray,
) -> Dict[str, Mapping]:
    """Measures one method.

    Args:
        words: the words, with their truth.
        maps: float [words, g, g], not negative; anything where there is no map.
        has_map: bool [words].
        patches: int [words, 3], the aligned patch of each of `ALIGNED_LEVELS`, an
            index within its level; -1 is none.
        moving: bool [words], see `moving_words`.

    Returns:
        `all`, `moving` and `parts` (by part name, see `part_of_words`), JSON-able.
        Each holds counts and shares in [0, 1], None where there is nothing to take
        a share of:

        - `words`: alignable words; `coverage`: share that is aligned with a patch;
        - `mapped_words`: words with a map; `pointing`: share of them that wins the
          pointing game; `pointing_limit`: share that could (a box that holds no
          cell's centre cannot be pointed at); `found`: share of all words that wins,
          those without a map lose;
        - `aligned_patches`, `precision`; `right_patches`, `recall`; `recall_limit`:
          the recall of one right patch for each word and level;
        - `levels`: for "3", "4", "5" the `aligned_patches` and their `hit_rate`.

    Raises:
        ValueError: if a shape or an index does not fit, or a map holds NaN.
    """
    count = len(words)
    if has_map.shape != (count,) or moving.shape != (count,) or len(maps) != count:
        raise ValueError(
            f"`maps`, `has_map`, `moving` must have a row for each of the {count} "
            f"words. Received: {maps.shape}, {has_map.shape}, {moving.shape}"
        )
    if patches.shape != (count, len(ALIGNED_LEVELS)) or (
        (patches < -1) | (patches >= np.square(ALIGNED_LEVELS))
    ).any():
        raise ValueError(
            f"`patches` must be [{count}, {len(ALIGNED_LEVELS)}] indices within the "
            f"levels {ALIGNED_LEVELS}, or -1. Received: shape {patches.shape}, values "
            f"{patches.min(initial=-1)} to {patches.max(initial=-1)}"
        )
    right = [right_patches(words, level) for level in ALIGNED_LEVELS]
    hits = np.stack(
        [
            np.take_along_axis(table, np.maximum(column, 0)[:, None], axis=1)[:, 0]
            for table, column in zip(right, patches.T)
        ],
        axis=1,
    )
    measured = _Measured(
        has_map=has_map,
        pointed=pointing_hits(words, np.where(has_map[:, None, None], maps, 0.0)),
        reachable=_cells_in_boxes(words, maps.shape[-1]).any(axis=1),
        aligned=patches >= 0,
        hits=hits & (patches >= 0),
        right=np.stack([table.sum(axis=1) for table in right], axis=1),
    )
    part = part_of_words(words)
    return {
        "all": measured.figures(np.ones(count, bool)),
        "moving": measured.figures(moving),
        "parts": {
            str(name): measured.figures(part == name) for name in np.unique(part)
        },
    }


@dataclasses.dataclass(frozen=True)
class _Measured:
    """What was found for each word.

    Attributes:
        has_map, pointed, reachable: bool [words].
        aligned, hits: bool [words, levels].
        right: int [words, levels], number of right patches.
    """

    has_map: np.ndarray
    pointed: np.ndarray
    reachable: np.ndarray
    aligned: np.ndarray
    hits: np.ndarray
    right: np.ndarray

    def figures(self, chosen: np.ndarray) -> Dict[str, object]:
        """Counts over some of the words, bool [words]."""
        mapped = chosen & self.has_map
        aligned, hits = self.aligned[chosen], self.hits[chosen]
        right = self.right[chosen]
        return {
            "words": int(chosen.sum()),
            "coverage": _share(aligned.any(axis=1).sum(), chosen.sum()),
            "mapped_words": int(mapped.sum()),
            "pointing": _share(self.pointed[mapped].sum(), mapped.sum()),
            "found": _share(self.pointed[mapped].sum(), chosen.sum()),
            "pointing_limit": _share(self.reachable[mapped].sum(), mapped.sum()),
            "aligned_patches": int(aligned.sum()),
            "precision": _share(hits.sum(), aligned.sum()),
            "right_patches": int(right.sum()),
            "recall": _share(hits.sum(), right.sum()),
            "recall_limit": _share((right > 0).sum(), right.sum()),
            "levels": {
                str(level): {
                    "aligned_patches": int(aligned[:, k].sum()),
                    "hit_rate": _share(hits[:, k].sum(), aligned[:, k].sum()),
                }
                for k, level in enumerate(ALIGNED_LEVELS)
            },
        }


def _share(part: int, whole: int):
    return float(part / whole) if whole else None


# Baselines: maps that know nothing of where a word's part is in this picture.


def patch_maps(patches: np.ndarray, grid: int, level: int = 5) -> np.ndarray:
    """Returns maps that are hot where one patch is.

    Args:
        patches: int [words], indices within the level.
        grid: cells of a map a side.
        level: the patches' level.

    Returns:
        float64 [words, grid, grid], the share of each cell that lies in the patch.
    """
    rows, columns = np.divmod(np.asarray(patches), level)
    boxes = np.stack([columns, rows, columns + 1, rows + 1], axis=-1) / level
    return covered_shares(boxes[:, None], grid)


def random_patch_maps(words: int, grid: int, seed: int) -> np.ndarray:
    """Returns a map for each word that is hot in a level-5 patch drawn by lot."""
    rng = np.random.default_rng(seed)
    return patch_maps(rng.integers(25, size=words), grid)


def centre_patch_maps(words: int, grid: int) -> np.ndarray:
    """Returns maps that are hot in the level-5 patch in the middle of the box."""
    return patch_maps(np.full(words, 12), grid)


def foreground_patch_maps(foreground: np.ndarray, grid: int) -> np.ndarray:
    """Returns maps that are hot in the patch that holds the most foreground.

    Args:
        foreground: float [words, 5, 5], the share of foreground of each level-5
            patch of the word's picture. Where many are full, the one nearest to
            their middle is taken.
        grid: cells of a map a side.
    """
    return patch_maps(hottest_cells(foreground), grid)


def word_average_maps(
    text: np.ndarray, product: np.ndarray, maps: np.ndarray, has_map: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Returns the mean map of each word over all other products.

    Of a method's maps: what is left of it without the picture. Of the truth
    (`covered_shares` of the words' boxes): about the best that a fixed place for
    each word does, an oracle, because no method is told the truth.

    Args:
        text: str [words], lower case.
        product: int [words].
        maps: float [words, g, g].
        has_map: bool [words].

    Returns:
        A pair of float64 [words, g, g] and bool [words]: False, and zeros, where no
        other product has a map of the word.
    """
    flat = np.where(has_map[:, None, None], maps, 0.0).reshape(len(text), -1)
    # The last column counts the maps.
    flat = np.concatenate([flat, has_map[:, None]], axis=1).astype(np.float64)
    _, word = np.unique(text, return_inverse=True)
    _, own = np.unique(
        np.stack([word, product], axis=1), axis=0, return_inverse=True
    )
    others = _group_sums(flat, word) - _group_sums(flat, own.reshape(-1))
    found = others[:, -1] > 0.5
    mean = others[:, :-1] / np.where(found, others[:, -1], 1.0)[:, None]
    # Differences of sums: zeros may come out a rounding error below.
    mean = np.where(found[:, None], np.maximum(mean, 0.0), 0.0)
    return mean.reshape(maps.shape), found


def _group_sums(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Returns for each row of [n, d] the sum over the rows of its group."""
    order = np.argsort(group, kind="stable")
    _, starts = np.unique(group[order], return_index=True)
    if not len(starts):
        return np.zeros_like(values)
    return np.add.reduceat(values[order], starts, axis=0)[group]
