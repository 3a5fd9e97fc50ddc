"""Classifiers without our network, to stand beside CR and SUB in one table.

Both choose their settings by accuracy on validation.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import numpy as np
from absl import logging
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

NEIGHBOURS = (1, 3, 5, 10, 20, 40)
# Words and pairs of words, the most frequent ones: a large catalogue has millions.
_MOST_TERMS = 200_000
# Inverse of the regularisation.
STRENGTHS = (1.0, 10.0, 100.0)


def picture_views(whole: int) -> Mapping[str, Any]:
    """Returns what pictures can be compared by, transformers of level means.

    Which is better depends on the backbone and on what is asked.

    Args:
        whole: how many of the features are of the coarsest level, which come first.
    """
    return {
        "all levels": FunctionTransformer(),
        "whole picture, standardized": make_pipeline(
            FunctionTransformer(functools.partial(_first_columns, count=whole)),
            StandardScaler(),
        ),
    }


def _first_columns(values: np.ndarray, count: int) -> np.ndarray:
    return values[:, :count]


def nearest_pictures(
    train: Tuple[np.ndarray, np.ndarray],
    validation: Tuple[np.ndarray, np.ndarray],
    test: np.ndarray,
    classes: int,
    whole: int,
) -> Tuple[np.ndarray, Dict[str, Any]]:
    """k-nearest-neighbour on frozen picture features, by cosine, nearer ones first.

    Args:
        train, validation: level means float [n, size] and labels int [n].
        test: level means float [n, size].
        classes: columns of the result.
        whole: see `picture_views`, of which validation chooses one.

    Returns:
        Probabilities float64 [n, classes] of the test, and the settings chosen.
    """
    most = len(train[1])

    def build(features, neighbours):
        return make_pipeline(
            picture_views(whole)[features],
            KNeighborsClassifier(
                min(neighbours, most), metric="cosine", weights="distance",
                algorithm="brute",
            ),
        )

    settings = [
        {"features": features, "neighbours": neighbours}
        for features, neighbours in itertools.product(picture_views(whole), NEIGHBOURS)
    ]
    return _chosen(settings, build, train, validation, test, classes)


def text_regression(
    train: Tuple[Sequence[str], np.ndarray],
    validation: Tuple[Sequence[str], np.ndarray],
    test: Sequence[str],
    classes: int,
) -> Tuple[np.ndarray, Dict[str, Any]]:
    """Logistic regression on TF-IDF of the texts' words and pairs of words.

    Args:
        train, validation: texts and labels int [n].
        test: texts.
        classes: columns of the result.

    Returns:
        As `nearest_pictures`.
    """

    def build(strength):
        return make_pipeline(
            TfidfVectorizer(
                ngram_range=(1, 2), sublinear_tf=True, max_features=_MOST_TERMS
            ),
            LogisticRegression(C=strength, max_iter=1000),
        )

    settings = [{"strength": strength} for strength in STRENGTHS]
    return _chosen(settings, build, train, validation, test, classes)


def _chosen(
    settings: Sequence[Mapping[str, Any]],
    build: Callable[..., Any],
    train,
    validation,
    test,
    classes: int,
) -> Tuple[np.ndarray, Dict[str, Any]]:
    best = None
    for setting in settings:
        model = build(**setting).fit(*train)
        accuracy = float(np.mean(model.predict(validation[0]) == validation[1]))
        logging.info("accuracy on validation with %s: %.4f", setting, accuracy)
        if best is None or accuracy > best[0]:
            best = accuracy, setting, model
    accuracy, setting, model = best
    probabilities = np.zeros((len(test), classes))
    # The model's columns are the classes that it has seen.
    probabilities[:, model.classes_] = model.predict_proba(test)
    return probabilities, {**setting, "validation_accuracy": accuracy}
