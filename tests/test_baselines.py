"""Baselines: what they find, what they choose, and classes they never saw."""

import numpy as np
import pytest

from kaleido import baselines


def blobs(rng, count, classes=3, noise=0.3):
    """Directions with noise; lengths say nothing."""
    labels = rng.integers(0, classes, count)
    features = np.eye(4)[labels] + rng.normal(0, noise, (count, 4))
    return features * rng.uniform(0.1, 10.0, (count, 1)), labels


def test_pictures_of_a_direction_are_of_a_class_whatever_their_length():
    rng = np.random.default_rng(0)
    train, validation, (features, labels) = (blobs(rng, n) for n in (300, 100, 200))
    found, chosen = baselines.nearest_pictures(train, validation, features, 5, whole=4)
    assert found.shape == (200, 5) and (found[:, 3:] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert np.mean(found.argmax(axis=1) == labels) > 0.9
    assert chosen["neighbours"] in baselines.NEIGHBOURS


def test_noise_asks_for_more_neighbours_than_one():
    rng = np.random.default_rng(1)
    train, validation, (features, _) = (blobs(rng, n, noise=0.9) for n in (600, 300, 5))
    _, chosen = baselines.nearest_pictures(train, validation, features, 3, whole=4)
    assert chosen["neighbours"] > 1
    one = baselines.KNeighborsClassifier(1, metric="cosine").fit(*train)
    assert chosen["validation_accuracy"] > one.score(*validation)


def test_fewer_pictures_than_neighbours_will_do():
    train = np.eye(2), np.array([0, 1])
    found, _ = baselines.nearest_pictures(train, train, np.eye(2), 2, whole=2)
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_validation_chooses_what_pictures_are_compared_by():
    rng = np.random.default_rng(2)

    def pictures(count, offset, levels):
        """Two features of the whole picture, two of finer levels: labels are in one
        of the pairs, the other is noise."""
        labels = rng.integers(0, 2, count)
        told = np.eye(2)[labels] + rng.normal(0, 0.1, (count, 2)) + offset
        noise = rng.normal(0, 3.0, (count, 2))
        return np.concatenate([noise, told] if levels else [told, noise], 1), labels

    for offset, levels, expected in (
        # A common offset hides directions until the mean is taken away.
        (100.0, False, "whole picture, standardized"), (0.0, True, "all levels"),
    ):
        train, validation, (features, labels) = (
            pictures(n, offset, levels) for n in (300, 100, 200)
        )
        found, chosen = baselines.nearest_pictures(
            train, validation, features, classes=2, whole=2
        )
        assert chosen["features"] == expected
        wrong = np.mean(found.argmax(axis=1) != labels)
        assert wrong < (0.1 if offset else 0.35)


@pytest.mark.parametrize("labels", [(0, 1), (2, 5)])
def test_texts_are_told_apart_by_their_words(labels):
    boots, hats = labels
    texts = ["red ankle boot", "black boot", "boot with heel", "red hat", "straw hat",
             "black hat"]
    train = texts, np.array([boots] * 3 + [hats] * 3)
    found, chosen = baselines.text_regression(
        train, (texts[1:5], train[1][1:5]), ["a blue boot", "a blue hat"], classes=7
    )
    assert found.argmax(axis=1).tolist() == [boots, hats]
    assert chosen["validation_accuracy"] == 1.0
    unseen = np.setdiff1d(np.arange(7), labels)
    assert (found[:, unseen] == 0).all()
