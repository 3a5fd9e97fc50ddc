"""The closed-form start of a small catalogue: a ridge map from patches to texts.

With the text encoder frozen, the linear map from a picture's mean level
features to its text's mean state is a ridge regression. What the map leaves
unexplained has a covariance; whitening by it makes cosines a likelihood
(linear discriminant analysis), which lifts retrieval a good deal. Nothing is
trained by gradient: this is the floor that every model of ours must beat.
"""

from __future__ import annotations

import dataclasses
from typing import Sequence, Tuple

import numpy as np


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


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-12)).astype(np.float32)


def fit_ridge_map(
    features: np.ndarray,
    states: np.ndarray,
    penalty: float,
    whitening: float = 0.5,
    shrinkage: float = 0.1,
) -> RidgeMap:
    """Fits the map on training pairs.

    Args:
        features: float32 [n, f], mean level features of pictures.
        states: float32 [n, h], mean states of their texts.
        penalty: ridge penalty, in units of the mean variance of a feature
            times the number of pairs.
        whitening: power of the residual covariance that is undone: 0 for none,
            0.5 for whitening.
        shrinkage: share of the covariance replaced by its mean variance.

    Returns:
        The map; h is the size of its space.
    """
    features = features.astype(np.float64)
    states = states.astype(np.float64)
    feature_mean, feature_std = features.mean(0), features.std(0) + 1e-6
    state_mean = states.mean(0)
    x = (features - feature_mean) / feature_std
    y = states - state_mean
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += penalty * len(x)
    kernel = np.linalg.solve(gram, x.T @ y)
    residual = y - x @ kernel
    covariance = residual.T @ residual / len(x)
    variance = np.trace(covariance) / len(covariance)
    covariance = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(
        len(covariance)
    )
    values, vectors = np.linalg.eigh(covariance)
    whitener = (vectors * (values / variance) ** -whitening) @ vectors.T
    image_kernel = (kernel / feature_std[:, None]) @ whitener
    return RidgeMap(
        image_kernel=image_kernel.astype(np.float32),
        image_bias=(-feature_mean @ image_kernel).astype(np.float32),
        text_kernel=whitener.astype(np.float32),
        text_bias=(-state_mean @ whitener).astype(np.float32),
    )


# Tried on the validation split, all combinations.
PENALTIES: Tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)
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
    for penalty in penalties:
        for whitening in whitenings:
            ridge = fit_ridge_map(*train, penalty, whitening)
            scores = (
                ridge.image_vectors(validation[0])
                @ ridge.text_vectors(validation[1]).T
            )
            own = np.diag(scores)
            ranks = np.concatenate(
                [(scores >= own[:, None]).sum(1), (scores >= own[None]).sum(0)]
            )
            quality = float(np.mean(1.0 / ranks))
            if quality > chosen["mean_reciprocal_rank"]:
                best = ridge
                chosen = {
                    "penalty": penalty, "whitening": whitening,
                    "mean_reciprocal_rank": quality,
                }
    return best, chosen
