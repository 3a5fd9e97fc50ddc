"""Classifiers without our network, to stand beside CR and SUB in one table.

Both choose their one setting by accuracy on validation.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence, Tuple

import numpy as np
from absl import logging
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

NEIGHBOURS = (1, 3, 5, 10, 20, 40)
# Words and pairs of words, the most frequent ones: a large catalogue has millions.
_MOST_TERMS = 200_000
# Inverse of the regularisation.
STRENGTHS = (1.0, 10.0, 100.0)


def nearest_pictures(
    train: Tuple[np.ndarray, np.ndarray],
    validation: Tuple[np.ndarray, np.ndarray],
    test: np.ndarray,
    classes: int,
) -> Tuple[np.ndarray, Dict[str, Any]]:
    """k-nearest-neighbour on frozen picture features, by cosine, nearer ones first.

    Args:
        train, validation: features float [n, size] and labels int [n].
        test: features float [n, size].
        classes: columns of the result.

    Returns:
        Probabilities float64 [n, classes] of the test, and the setting chosen.
    """
    most = len(train[1])

    def build(neighbours):
        return KNeighborsClassifier(
            min(neighbours, most), metric="cosine", weights="distance",
            algorithm="brute",
        )

    return _chosen("neighbours", NEIGHBOURS, build, train, validation, test, classes)


def text_regression(
    train: Tuple[Sequence[str], np.ndarray],
    validation: Tuple[Sequence[str], np.ndarray],
    test: Sequence[str],
    classes: int,
) -> Tuple[np.ndarray, Dict[str, Any]]:
    """Logistic regression on TF-IDF of the texts' words and pairs of words.

    Args and returns as `nearest_pictures`, with texts in the place of features.
    """

    def build(strength):
        return make_pipeline(
            TfidfVectorizer(
                ngram_range=(1, 2), sublinear_tf=True, max_features=_MOST_TERMS
            ),
            LogisticRegression(C=strength, max_iter=1000),
        )

    return _chosen("strength", STRENGTHS, build, train, validation, test, classes)


def _chosen(
    name: str,
    settings: Sequence[Any],
    build: Callable[[Any], Any],
    train,
    validation,
    test,
    classes: int,
) -> Tuple[np.ndarray, Dict[str, Any]]:
    best = None
    for setting in settings:
        model = build(setting).fit(*train)
        accuracy = float(np.mean(model.predict(validation[0]) == validation[1]))
        logging.info("%s %s: accuracy on validation %.4f", name, setting, accuracy)
        if best is None or accuracy > best[0]:
            best = accuracy, setting, model
    accuracy, setting, model = best
    probabilities = np.zeros((len(test), classes))
    # The model's columns are the classes that it has seen.
    probabilities[:, model.classes_] = model.predict_proba(test)
    return probabilities, {name: setting, "validation_accuracy": accuracy}
