"""A ridge map from patch features to text states: the floor in every table.

With the text encoder frozen, the linear map from a picture's mean level
features to its text's mean state is a ridge regression. What the map leaves
unexplained has a covariance; whitening by it makes cosines a likelihood
(linear discriminant analysis), which lifts retrieval a good deal. Nothing is
trained by gradient: this is the floor that every model of ours must beat.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import List, Sequence, Tuple

import numpy as np
from scipy import linalg

from kaleido.files import read_arrays, write_arrays


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
        write_arrays(path, vars(self))

    @classmethod
    def load(cls, path: str) -> "RidgeMap":
        """Reads what `save` wrote."""
        return cls(**read_arrays(path))


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-12)).astype(np.float32)


class RidgeFit:
    """Fits maps on training pairs, sharing what settings have in common.

    Args:
        features: float32 [n, f], mean level features of pictures.
        *targets: float32 [n, h] each, vectors of their texts; h is the size of
            the maps' space.
    """

    def __init__(self, features: np.ndarray, *targets: np.ndarray):
        self._feature_mean = features.mean(0, dtype=np.float64)
        self._feature_std = features.std(0, dtype=np.float64) + 1e-6
        self._target_means = [t.mean(0, dtype=np.float64) for t in targets]
        # Single precision: features were stored in half, and a large catalogue's
        # would fill the memory twice over.
        self._x = features - self._feature_mean.astype(np.float32)
        self._x /= self._feature_std.astype(np.float32)
        self._centred = [
            np.asarray(target, np.float32) - mean.astype(np.float32)
            for target, mean in zip(targets, self._target_means)
        ]
        # Of fewer pairs than features the dual is the smaller system.
        self._dual = len(self._x) < self._x.shape[1]
        if self._dual:
            self._gram, self._products = self._x @ self._x.T, self._centred
        else:
            self._gram = self._x.T @ self._x
            self._products = [self._x.T @ y for y in self._centred]

    def without(self, rows: np.ndarray) -> "RidgeFit":
        """Returns the fit of the other pairs, centred and scaled as all are.

        What it maps the left-out pictures to, it has not learnt by heart.

        Args:
            rows: int [m], of the pairs.
        """
        fit = copy.copy(self)
        kept = np.delete(np.arange(len(self._x)), rows)
        fit._x = self._x[kept]
        fit._centred = [y[kept] for y in self._centred]
        if self._dual:
            fit._gram, fit._products = self._gram[np.ix_(kept, kept)], fit._centred
        else:
            left = self._x[rows]
            fit._gram = self._gram - left.T @ left
            fit._products = [
                product - left.T @ y[rows]
                for product, y in zip(self._products, self._centred)
            ]
        return fit

    def kernels(self, penalty: float) -> List[np.ndarray]:
        """Returns the kernel [f, h] of each target, of standardised features.

        Args:
            penalty: in units of the variance of a (standardised) feature times
                the number of pairs.
        """
        gram = self._gram.astype(np.float64)
        gram[np.diag_indices_from(gram)] += penalty * len(self._x)
        factor = linalg.cho_factor(gram, overwrite_a=True)
        solved = [
            linalg.cho_solve(factor, product.astype(np.float64))
            for product in self._products
        ]
        return [self._x.T @ s for s in solved] if self._dual else solved

    def solve(self, penalty: float) -> List[Tuple[np.ndarray, np.ndarray]]:
        """Returns of each target the kernel and the residual covariance [h, h].

        Args:
            penalty: see `kernels`.
        """
        solved = []
        for y, kernel in zip(self._centred, self.kernels(penalty)):
            residual = y - self._x @ kernel.astype(np.float32)
            solved.append((kernel, residual.T @ residual / len(residual)))
        return solved

    def affine(
        self, target: int, kernel: np.ndarray
    ) -> Tuple[np.ndarray, np.ndarray]:
        """Returns kernel [f, h] and bias [h] of the map from features as they are,
        float32.

        Args:
            target: which one.
            kernel: of `kernels`.
        """
        raw = kernel / self._feature_std[:, None]
        bias = self._target_means[target] - self._feature_mean @ raw
        return raw.astype(np.float32), bias.astype(np.float32)

    def whiten(
        self, target: int, kernel: np.ndarray, covariance: np.ndarray, power: float,
        shrinkage: float = 0.1,
    ) -> RidgeMap:
        """Undoes a power of the residual covariance on both sides.

        Args:
            target: which one.
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
            text_bias=(-self._target_means[target] @ whitener).astype(np.float32),
        )


# Tried on the validation split, all combinations.
PENALTIES: Tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
WHITENINGS: Tuple[float, ...] = (0.25, 0.5)


def choose_ridge_maps(
    fit: RidgeFit,
    validation: Sequence[np.ndarray],
    penalties: Sequence[float] = PENALTIES,
    whitenings: Sequence[float] = WHITENINGS,
) -> List[Tuple[RidgeMap, dict]]:
    """Makes maps of each setting and keeps each target's best on validation.

    Args:
        fit: of the training pairs.
        validation: features and targets, see `RidgeFit`.
        penalties, whitenings: settings to try.

    Returns:
        Of each target the map, and a dict that says what was chosen: `penalty`,
        `whitening`, and `mean_reciprocal_rank` on validation, both ways averaged.
    """
    targets = range(len(validation) - 1)
    best: List[Tuple[RidgeMap, dict]] = [
        (None, {"mean_reciprocal_rank": -1.0}) for _ in targets
    ]
    for penalty in penalties:
        solved = fit.solve(penalty)
        for target in targets:
            for whitening in whitenings:
                ridge = fit.whiten(target, *solved[target], whitening)
                quality = _mean_reciprocal_rank(
                    ridge.image_vectors(validation[0])
                    @ ridge.text_vectors(validation[1 + target]).T
                )
                if quality > best[target][1]["mean_reciprocal_rank"]:
                    chosen = {
                        "penalty": penalty, "whitening": whitening,
                        "mean_reciprocal_rank": quality,
                    }
                    best[target] = ridge, chosen
    return best


def _mean_reciprocal_rank(scores: np.ndarray) -> float:
    """Of the diagonal, over rows and over columns, float [n, n]."""
    own = np.diag(scores)
    ranks = np.concatenate(
        [(scores >= own[:, None]).sum(1), (scores >= own[None]).sum(0)]
    )
    return float(np.mean(1.0 / ranks))
