"""What is reported of a classifier (CR and SUB, paper section 4.3).

Classes are the rows of a list that training's come first in: a class that only the
test has is one that no probability is given to, and so always an error.
"""

from __future__ import annotations

from typing import Dict, Tuple

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

CALIBRATION_BINS = 15


def classification_figures(
    probabilities: np.ndarray, labels: np.ndarray
) -> Dict[str, float]:
    """Scores predicted probabilities.

    Args:
        probabilities: float [examples, classes], rows sum to 1.
        labels: int [examples]; `classes` and above are classes without a column.

    Returns:
        `accuracy`; `top_3`; `macro_f`, the mean of F over the classes that occur among
        the labels; `macro_f_union`, over those that occur among labels or
        predictions, as scikit-learn's default; `calibration_error`, see there. All
        lie in [0, 1].

    Raises:
        ValueError: if there is no example, or a probability is not a number.
    """
    if not len(labels):
        raise ValueError("There are no examples to score.")
    if np.isnan(probabilities).any():
        raise ValueError("A probability is NaN; the model has diverged.")
    predicted = probabilities.argmax(axis=1)
    # Where the label stands in the row, ties against it.
    known = labels < probabilities.shape[1]
    columns = np.where(known, labels, 0)[:, None]
    own = np.take_along_axis(probabilities, columns, axis=1)
    ranks = (probabilities >= own).sum(axis=1)
    options = {"average": "macro", "zero_division": 0.0}
    return {
        "accuracy": float(np.mean(predicted == labels)),
        "top_3": float(np.mean(known & (ranks <= 3))),
        "macro_f": float(
            f1_score(labels, predicted, labels=np.unique(labels), **options)
        ),
        "macro_f_union": float(f1_score(labels, predicted, **options)),
        "calibration_error": calibration_error(probabilities, labels),
    }


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Returns the expected calibration error (arXiv 1706.04599, eq. 3).

    The mean distance between how sure predictions are and how often they are right,
    over `CALIBRATION_BINS` bins of equal width.

    Args:
        probabilities, labels: see `classification_figures`.
    """
    _, sure, right = reliability(probabilities, labels)
    return float(np.abs(right - sure).sum() / len(labels))


def reliability(
    probabilities: np.ndarray, labels: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorts predictions into bins by how sure they are.

    Args:
        probabilities, labels: see `classification_figures`.

    Returns:
        float64 [CALIBRATION_BINS] each: the number of predictions in a bin, the sum of
        their probabilities, and how many of them are right.
    """
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # A bin holds its upper edge.
    bins = np.clip(np.ceil(sure * CALIBRATION_BINS) - 1, 0, CALIBRATION_BINS - 1)
    counts, sums, hits = (
        np.bincount(bins.astype(int), weights=weights, minlength=CALIBRATION_BINS)
        for weights in (np.ones(len(labels)), sure, right)
    )
    return counts, sums, hits


def confusion(
    predicted: np.ndarray, labels: np.ndarray, classes: int
) -> np.ndarray:
    """Returns int [classes, classes]: rows are labels, columns predictions."""
    return confusion_matrix(labels, predicted, labels=np.arange(classes))
