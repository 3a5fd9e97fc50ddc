"""Closed forms of classes: what they find, and how they are weighed."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from kaleido import class_map
from kaleido.layers.class_maps import ClassMaps

SPECIAL = np.arange(30) < 4


def pictures(count, seed, classes=3, features=8):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    centres = np.random.default_rng(99).normal(size=(classes, features))
    means = centres[labels] + rng.normal(0, 0.5, (count, features))
    return means.astype(np.float32), labels


def texts(count, seed, classes=3):
    """Pieces 4 and on; a class likes its own, and [CLS] 2 and [SEP] 3 say nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    ids = np.zeros((count, 8), np.int32)
    for row, label in zip(ids, labels):
        own = 4 + 8 * label + rng.integers(0, 8, 3)
        row[:6] = [2, *own, 28 + rng.integers(0, 2), 3]
    return ids, labels


def test_the_picture_map_is_ridge_regression_of_indicators():
    train, validation = pictures(300, 0), pictures(100, 1)
    fitted, chosen = class_map.fit_linear_map(train, validation, 4)
    scaled = (train[0] - train[0].mean(0)) / train[0].std(0)
    ridge = Ridge(chosen["penalty"] * 300).fit(scaled, np.eye(4)[train[1]])
    expected = ridge.predict((validation[0] - train[0].mean(0)) / train[0].std(0))
    np.testing.assert_allclose(fitted.logits(validation[0]), expected, atol=1e-4)
    right = fitted.logits(validation[0]).argmax(axis=1) == validation[1]
    assert chosen["validation_accuracy"] == right.mean() > 0.9


def test_classes_are_found_beside_what_states_have_in_common():
    """Most of the variance lies in one direction, and classes in others."""
    common = np.random.default_rng(7).normal(size=8)

    def states(seed):
        means, labels = pictures(300, seed)
        shared = np.random.default_rng(seed).normal(0, 50, (300, 1)) * common
        return (means + shared).astype(np.float32), labels

    found = {
        penalties: class_map.fit_linear_map(states(0), states(1), 3, penalties)[1]
        for penalties in (class_map.PENALTIES, class_map.STATE_PENALTIES)
    }
    few, many = (chosen["validation_accuracy"] for chosen in found.values())
    assert few < 0.75 and many > 0.9


@pytest.mark.parametrize("classes", [2, 3])
def test_the_text_map_is_logistic_regression_on_tf_idf_of_sets(classes):
    train, validation = texts(300, 0, classes), texts(100, 1, classes)
    fitted, chosen = class_map.fit_text_map(train, validation, SPECIAL, 5)

    def words(ids):
        return [" ".join(f"w{i}" for i in row if i >= 4) for row in ids]

    vectorizer = TfidfVectorizer(binary=True)
    model = LogisticRegression(C=chosen["strength"], max_iter=1000).fit(
        vectorizer.fit_transform(words(train[0])), train[1]
    )
    expected = model.predict_proba(vectorizer.transform(words(validation[0])))
    found = np.exp(log_softmax(fitted.logits(validation[0]), axis=1))
    np.testing.assert_allclose(found[:, :classes], expected, atol=2e-3)
    # Classes without an example are nowhere near.
    assert found[:, classes:].max() < 1e-6


def test_pieces_that_training_never_had_change_nothing():
    train = texts(300, 0, 2)
    fitted, _ = class_map.fit_text_map(train, train, SPECIAL, 2)
    ids = np.array([[2, 5, 6, 3, 0], [2, 5, 6, 22, 3]], np.int32)
    assert 22 not in train[0]
    first, second = fitted.logits(ids)
    np.testing.assert_array_equal(first, second)


def test_the_layer_computes_what_was_fitted():
    train, words = pictures(300, 0), texts(300, 0)
    picture, _ = class_map.fit_linear_map(train, train, 3)
    text, _ = class_map.fit_text_map(words, words, SPECIAL, 3)
    layer = ClassMaps(3, 8, 30)
    layer.picture.set_weights(picture.weights)
    layer.text.set_weights(text.weights)
    found = layer.parts(tf.constant(train[0]), tf.constant(words[0]))
    np.testing.assert_allclose(found[0], picture.logits(train[0]), atol=1e-4)
    np.testing.assert_allclose(found[1], text.logits(words[0]), atol=1e-4)


def margins(*values):
    """Logits of two classes, by how much the first is ahead."""
    return np.stack([np.array(values), np.zeros(len(values))], axis=1)


# One part is sure of six and right of nine; it is as sure of the tenth, whose class is
# the other. The second knows of the tenth, and doubts three that are close.
SURE = margins(*[5.0] * 6, *[0.2] * 3, 8.0)
DOUBTFUL = margins(*[0.0] * 6, *[-0.3] * 3, -8.0)
TENTH = np.array([0] * 9 + [1])


def test_a_part_that_makes_answers_worse_is_left_out():
    likeliest = class_map.weigh([SURE, DOUBTFUL], TENTH)
    joined = likeliest[0] * SURE + likeliest[1] * DOUBTFUL
    assert np.mean(joined.argmax(axis=1) == TENTH) == pytest.approx(0.7)
    weights = class_map.choose_weights([SURE, DOUBTFUL], TENTH)
    assert weights[1] == 0.0
    assert weights[0] == pytest.approx(class_map.weigh([SURE], TENTH)[0])
    # As good is not better: both stay.
    assert (class_map.choose_weights([SURE, 2 * SURE], TENTH) > 0.0).all()


def test_parts_are_chosen_by_what_examples_count():
    likeliest = class_map.weigh([SURE, DOUBTFUL], TENTH)
    # The tenth counts more than the three that are lost for it.
    importance = np.array([1.0] * 9 + [4.0])
    weights = class_map.choose_weights([SURE, DOUBTFUL], TENTH, None, importance)
    np.testing.assert_allclose(weights, likeliest)
    # So much is added to the other class that nothing else counts: nobody is left out.
    weights = class_map.choose_weights([SURE, DOUBTFUL], TENTH, np.array([0.0, 1e3]))
    np.testing.assert_allclose(weights, likeliest)


def test_weights_are_the_likeliest_and_noise_has_none():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, (4000, 3))
    noise = rng.normal(0, 1, (4000, 3))
    # Drawn from the softmax of twice the first part.
    labels = (2 * truth + rng.gumbel(size=truth.shape)).argmax(axis=1)
    weights = class_map.weigh([truth / 100, noise], labels)
    assert weights[0] == pytest.approx(200, rel=0.1)
    assert weights[1] == pytest.approx(0.0, abs=0.1)
    # What is wrong is left out, not turned round.
    half = rng.normal(0, 1, (4000, 3))
    assert class_map.weigh([truth - half, -half], labels)[1] == 0.0
    assert class_map.weigh([-truth], labels)[0] == pytest.approx(0.0, abs=1e-6)

    def cost(values):
        logits = values[0] * truth / 100 + values[1] * noise
        return -log_softmax(logits, axis=1)[np.arange(4000), labels].mean()

    for step in (0.9, 1.1):
        assert cost(weights) < cost(weights * step)
