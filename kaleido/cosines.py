"""Scores of a pool by its vectors, computed where they are asked for.

A pool of 100,000 pairs has as many squared: 40 GB that nobody reads whole.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

# Pairs whose vectors are multiplied together.
_BLOCK = 1 << 16


class Scores(Protocol):
    """A score of every picture of a pool with every text of it."""

    def pairs(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Returns the scores of pairs of rows, float of their shape."""

    def of_images(self, rows: np.ndarray) -> np.ndarray:
        """Returns the scores of pictures with all texts, float [rows, pool]."""

    def of_texts(self, rows: np.ndarray) -> np.ndarray:
        """Returns the scores of texts with all pictures, float [rows, pool]."""


@dataclasses.dataclass(frozen=True)
class Cosines:
    """`Scores` that are products of vectors, less a term of each.

    Attributes:
        images: float32 [n, size].
        texts: float32 [m, size].
        image_terms: float32 [n], taken off all scores of a picture.
        text_terms: float32 [m], taken off all scores of a text.
    """

    images: np.ndarray
    texts: np.ndarray
    image_terms: np.ndarray
    text_terms: np.ndarray

    def pairs(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        images, texts = np.broadcast_arrays(images, texts)
        rows, columns = images.reshape(-1), texts.reshape(-1)
        scores = np.empty(rows.shape, np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            i, t = rows[part], columns[part]
            products = np.einsum("ij,ij->i", self.images[i], self.texts[t])
            scores[part] = products - self.image_terms[i] - self.text_terms[t]
        return scores.reshape(images.shape)

    def of_images(self, rows: np.ndarray) -> np.ndarray:
        scores = self.images[rows] @ self.texts.T
        return scores - self.image_terms[rows, None] - self.text_terms

    def of_texts(self, rows: np.ndarray) -> np.ndarray:
        scores = self.texts[rows] @ self.images.T
        return scores - self.text_terms[rows, None] - self.image_terms
