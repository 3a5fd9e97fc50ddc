"""A ridge map from patch features to text states: the floor in every table.

With the text encoder frozen, the linear map from a picture's mean level
features to its text's mean state is a ridge regression. What the map leaves
unexplained has a covariance; whitening by it makes cosines a likelihood
(linear discriminant analysis), which lifts retrieval a good deal. Nothing is
trained by gradient: this is the floor that every model of ours must beat.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Sequence, Tuple

import numpy as np
from scipy import linalg


@dataclasses.dataclass(frozen=True)
class RidgeMap:
    """Two affine maps into a space where a dot product of unit vectors ranks.

    Attributes:
        image_kernel: float32 [features, size]; image_bias: float32 [size].
        text_kernel: float32 [hidden, size]; text_bias: float32 [size].
    """

    image_kernel: np.ndarray
    image_bias: np.ndarray
    text_kernel: np.ndarray
    text_bias: np.ndarray

    def image_vectors(self, features: np.ndarray) -> np.ndarray:
        """float [n, features] -> unit vectors float32 [n, size]."""
        return _unit(features @ self.image_kernel + self.image_bias)

    def text_vectors(self, states: np.ndarray) -> np.ndarray:
        """float [n, hidden] -> unit vectors float32 [n, size]."""
        return _unit(states @ self.text_kernel + self.text_bias)

    def save(self, path: str) -> None:
        """Writes an .npz file; appears whole or not at all."""
        temporary = f"{path}.tmp.npz"
        np.savez(temporary, **dataclasses.asdict(self))
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: str) -> "RidgeMap":
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-12)).astype(np.float32)


class RidgeFit:
    """Fits maps on training pairs, sharing what settings have in common.

    Args:
        features: float32 [n, f], mean level features of pictures.
        states: float32 [n, h], mean states of their texts; h is the size of
            the maps' space.
    """

    def __init__(self, features: np.ndarray, states: np.ndarray):
        self._feature_mean = features.mean(0, dtype=np.float64)
        self._feature_std = features.std(0, dtype=np.float64) + 1e-6
        self._state_mean = states.mean(0, dtype=np.float64)
        # Single precision: features were stored in half, and a large catalogue's
        # would fill the memory twice over.
        self._x = features - self._feature_mean.astype(np.float32)
        self._x /= self._feature_std.astype(np.float32)
        self._y = (states - self._state_mean).astype(np.float32)
        self._gram = self._x.T @ self._x
        self._product = self._x.T @ self._y

    def solve(self, penalty: float) -> Tuple[np.ndarray, np.ndarray]:
        """Returns the kernel [f, h] and the residual covariance [h, h].

        Args:
            penalty: in units of the variance of a (standardised) feature times
                the number of pairs.
        """
        gram = self._gram.astype(np.float64)
        gram[np.diag_indices_from(gram)] += penalty * len(self._x)
        kernel = linalg.solve(
            gram, self._product.astype(np.float64), assume_a="pos", overwrite_a=True
        )
        residual = self._y - self._x @ kernel.astype(np.float32)
        return kernel, residual.T @ residual / len(residual)

    def whiten(
        self, kernel: np.ndarray, covariance: np.ndarray, power: float,
        shrinkage: float = 0.1,
    ) -> RidgeMap:
        """Undoes a power of the residual covariance on both sides.

        Args:
            kernel, covariance: of `solve`.
            power: 0 for none, 0.5 for whitening.
            shrinkage: share of the covariance replaced by its mean variance.
        """
        size = len(covariance)
        variance = np.trace(covariance) / size
        shrunk = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(size)
        values, vectors = np.linalg.eigh(shrunk)
        whitener = (vectors * (values / variance) ** -power) @ vectors.T
        image_kernel = (kernel / self._feature_std[:, None]) @ whitener
        return RidgeMap(
            image_kernel=image_kernel.astype(np.float32),
            image_bias=(-self._feature_mean @ image_kernel).astype(np.float32),
            text_kernel=whitener.astype(np.float32),
            text_bias=(-self._state_mean @ whitener).astype(np.float32),
        )


def fit_ridge_map(
    features: np.ndarray, states: np.ndarray, penalty: float, whitening: float = 0.5
) -> RidgeMap:
    """Fits one map; see `RidgeFit`."""
    fit = RidgeFit(features, states)
    return fit.whiten(*fit.solve(penalty), whitening)


# Tried on the validation split, all combinations.
PENALTIES: Tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
WHITENINGS: Tuple[float, ...] = (0.25, 0.5)


def choose_ridge_map(
    train: Tuple[np.ndarray, np.ndarray],
    validation: Tuple[np.ndarray, np.ndarray],
    penalties: Sequence[float] = PENALTIES,
    whitenings: Sequence[float] = WHITENINGS,
) -> Tuple[RidgeMap, dict]:
    """Fits a map for each setting and keeps the best on validation.

    Args:
        train, validation: pairs of features and states, see `fit_ridge_map`.
        penalties, whitenings: settings to try.

    Returns:
        The map, and a dict that says what was chosen: `penalty`, `whitening`,
        and `mean_reciprocal_rank` on validation, both ways averaged.
    """
    best, chosen = None, {"mean_reciprocal_rank": -1.0}
    fit = RidgeFit(*train)
    for penalty in penalties:
        solved = fit.solve(penalty)
        for whitening in whitenings:
            ridge = fit.whiten(*solved, whitening)
            quality = _mean_reciprocal_rank(
                ridge.image_vectors(validation[0])
                @ ridge.text_vectors(validation[1]).T
            )
            if quality > chosen["mean_reciprocal_rank"]:
                best = ridge
                chosen = {
                    "penalty": penalty, "whitening": whitening,
                    "mean_reciprocal_rank": quality,
                }
    return best, chosen


def _mean_reciprocal_rank(scores: np.ndarray) -> float:
    """Of the diagonal, over rows and over columns, float [n, n]."""
    own = np.diag(scores)
    ranks = np.concatenate(
        [(scores >= own[:, None]).sum(1), (scores >= own[None]).sum(0)]
    )
    return float(np.mean(1.0 / ranks))
