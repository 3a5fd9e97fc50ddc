"""Takes off what a candidate owes to being near to everything.

Some texts are near to every picture, and some pictures to every text (hubs); a query
finds them before its own partner. CSLS (arXiv 1710.04087, section 2.3) takes off a
candidate's mean cosine with its nearest neighbours of the other modality. Neighbours
here are a bank of training pairs (as arXiv 2112.12777 has it), so that no query of a
test has a say in another's ranking, and a service can do the same.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Tuple

import numpy as np

from kaleido.cosines import Cosines
from kaleido.inference import Vectors
from kaleido.manifest import Manifest
from kaleido.retrieval import TASKS, evaluate_lists

# Training pairs of a bank, at most; a third of as many costs a point of Rank@1.
BANK = 10_000
NEIGHBOURS = 10
# Tried on validation; 0 takes nothing off.
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Where validation is too small to choose.
UNCHOSEN = dict.fromkeys(TASKS, 0.5)
NOTHING = dict.fromkeys(TASKS, 0.0)

_BLOCK = 1024

# Weights by task; and `weight` and each task's Rank@1 of all that were tried.
Chosen = Tuple[Mapping[str, float], List[Dict[str, float]]]


def hubness(vectors: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Returns the mean cosine with the nearest of a bank, float32 [n].

    Args:
        vectors: float32 [n, size], unit vectors of one modality.
        bank: float32 [m, size], unit vectors of the other; of less than
            `NEIGHBOURS` all count, of none the hubness is 0.
    """
    if not len(bank):
        return np.zeros(len(vectors), np.float32)
    count = min(NEIGHBOURS, len(bank))
    means = [np.zeros(0, np.float32)]
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ bank.T
        nearest = np.partition(cosines, -count, axis=1)[:, -count:]
        means.append(nearest.mean(axis=1))
    return np.concatenate(means)


class Hubness:
    """A pool's vectors, and the hubness of its pictures and texts.

    Args:
        pool: vectors whose cosines rank.
        bank: vectors of training pairs.
        scale: of the cosines.
    """

    def __init__(self, pool: Vectors, bank: Vectors, scale: float = 1.0):
        images, texts = pool
        # The scale goes with the pictures.
        self._pool = scale * images, texts
        self._of_images = scale * hubness(images, bank[1])
        self._of_texts = scale * hubness(texts, bank[0])

    def correct(self, weights: Mapping[str, float]) -> Dict[str, Cosines]:
        """Takes a share of the candidates' hubness off the scaled cosines.

        Args:
            weights: which share, by task.

        Returns:
            Scores by task: the candidates of `itr` are texts, of `tir` pictures.
        """
        images, texts = self._pool
        none = np.zeros(len(images), np.float32)
        return {
            "itr": Cosines(images, texts, none, weights["itr"] * self._of_texts),
            "tir": Cosines(images, texts, weights["tir"] * self._of_images, none),
        }


def choose_weights(manifest: Manifest, pool: Hubness) -> Chosen:
    """Returns the shares that are best on validation, by Rank@1 of each task.

    Texts and pictures are not hubs alike.

    Args:
        manifest: of validation.
        pool: its pool's, in its order.
    """
    tried: List[Dict[str, float]] = []
    for weight in WEIGHTS:
        corrected = pool.correct(dict.fromkeys(TASKS, weight))
        shares = {
            task: evaluate_lists(manifest, task, corrected[task].pairs)[0]["rank_at_1"]
            for task in TASKS
        }
        tried.append({"weight": weight, **shares})
    best = {task: max(tried, key=lambda row: row[task])["weight"] for task in TASKS}
    return best, tried
