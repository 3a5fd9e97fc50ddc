"""Scores of a pool that stand in a table."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Table:
    """`cosines.Scores` of an array [images, texts]."""

    values: np.ndarray

    def pairs(self, images, texts):
        return self.values[images, texts]

    def of_images(self, rows):
        return self.values[rows]

    def of_texts(self, rows):
        return self.values.T[rows]
