"""Accuracy, macro-F, top-3 and calibration against hand and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, top_k_accuracy_score

from kaleido.metrics.classification import (
    calibration_error,
    classification_figures,
    confusion,
    reliability,
)


def random_case(seed, examples=200, classes=6):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (examples, classes))
    labels = rng.integers(0, classes, examples)
    logits[np.arange(examples), labels] += 1.5
    probabilities = np.exp(logits)
    return probabilities / probabilities.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_scikit_learns_where_all_classes_occur(seed):
    probabilities, labels = random_case(seed)
    figures, predicted = classification_figures(probabilities, labels), None
    predicted = probabilities.argmax(axis=1)
    assert figures["accuracy"] == accuracy_score(labels, predicted)
    assert figures["top_3"] == top_k_accuracy_score(labels, probabilities, k=3)
    each = f1_score(labels, predicted, average=None)
    assert figures["macro_f"] == figures["macro_f_union"] == pytest.approx(each.mean())


def one_hot(predicted, classes):
    return np.eye(classes)[predicted]


def test_macro_f_by_hand():
    # Labels 0 0 1 1, predictions 0 2 1 1: F is 2/3, 1, and 0 for what never occurs.
    figures = classification_figures(one_hot([0, 2, 1, 1], 3), np.array([0, 0, 1, 1]))
    assert figures["accuracy"] == 0.75
    assert figures["macro_f"] == pytest.approx((2 / 3 + 1) / 2)
    assert figures["macro_f_union"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_a_class_that_training_never_saw_is_always_an_error():
    probabilities = one_hot([0, 1, 1], 2)
    figures = classification_figures(probabilities, np.array([0, 1, 7]))
    assert figures["accuracy"] == figures["top_3"] == pytest.approx(2 / 3)
    # F of 0 is 1, of 1 is 2/3, of 7 is 0.
    assert figures["macro_f"] == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_a_constant_classifier_is_not_among_the_first_three():
    figures = classification_figures(np.full((8, 8), 1 / 8), np.arange(8))
    assert figures["top_3"] == 0.0


def test_calibration_error_by_hand():
    # Two bins: .9 sure and right three times of four; .6 sure and right once of two.
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 2)
    labels = np.array([0, 0, 0, 1, 0, 1])
    expected = (4 * abs(0.75 - 0.9) + 2 * abs(0.5 - 0.6)) / 6
    assert calibration_error(probabilities, labels) == pytest.approx(expected)
    assert calibration_error(one_hot([0, 1], 2), np.array([0, 1])) == 0.0
    assert calibration_error(one_hot([0, 1], 2), np.array([1, 0])) == 1.0


def test_bins_hold_their_upper_edge():
    # Fifteenths: 1/3 ends the fifth bin, and what is just above begins the sixth.
    sure = np.array([1 / 3, 0.34, 0.34, 1.0])
    probabilities = np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1)
    probabilities[0] = 1 / 3
    counts, sums, right = reliability(probabilities, np.array([1, 0, 2, 0]))
    assert np.flatnonzero(counts).tolist() == [4, 5, 14]
    assert counts[[4, 5, 14]].tolist() == [1, 2, 1]
    np.testing.assert_allclose(sums[[4, 5, 14]], [1 / 3, 0.68, 1.0])
    assert right[[4, 5, 14]].tolist() == [0, 1, 1]


def test_calibrated_probabilities_have_no_error():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1.0, 50_000)
    labels = (rng.uniform(size=50_000) > sure).astype(int)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    assert calibration_error(probabilities, labels) < 0.01


def test_rows_of_the_confusion_are_labels():
    counts = confusion(np.array([1, 1, 0]), np.array([0, 1, 2]), 4)
    assert counts.shape == (4, 4) and counts.sum() == 3
    assert counts[0, 1] == counts[1, 1] == counts[2, 0] == 1


@pytest.mark.parametrize(
    "probabilities, labels, message",
    [
        (np.zeros((0, 3)), np.zeros(0, int), "no examples"),
        (np.full((2, 3), np.nan), np.zeros(2, int), "NaN"),
    ],
)
def test_nothing_to_score_is_one_clear_error(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_figures(probabilities, labels)
