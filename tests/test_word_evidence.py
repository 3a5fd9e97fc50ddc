"""Words in closed form find the pieces that pictures show."""

import numpy as np
import tensorflow as tf
from sklearn.linear_model import Ridge

from kaleido.layers.word_evidence import WordEvidence
from kaleido.word_evidence import PENALTIES, fit_word_evidence

# A padding, [CLS], [SEP]; a colour each of four; one piece of any picture.
PIECES = np.array([0, 2, 3, 10, 11, 12, 13, 20, 21])


def pairs(count, seed):
    rng = np.random.default_rng(seed)
    colour = rng.integers(0, 4, count)
    means = np.eye(6)[colour] + rng.normal(0, 0.2, (count, 6))
    ids = np.zeros((count, 6), np.int32)
    ids[:, 0], ids[:, 1], ids[:, 3] = 2, 10 + colour, 3
    ids[:, 2] = np.where(rng.uniform(size=count) < 0.5, 20, 0)
    # Too rare to be learnt.
    ids[:2, 4] = 21
    return means.astype(np.float32), ids


def test_pieces_of_the_picture_are_spoken_for():
    train, validation = pairs(400, 0), pairs(100, 1)
    weights, chosen = fit_word_evidence(train, validation, PIECES, 30)
    assert sum(chosen.values()) == 7 and set(chosen) <= set(PENALTIES)
    layer = WordEvidence(6, len(PIECES))
    layer.set_weights([*weights, 1.0])
    found = layer(tf.constant(validation[0])).numpy()
    colour = validation[1][:, 1] - 10
    assert (found[:, 3:7].argmax(axis=1) == colour).mean() > 0.98
    # One of four, and nearly sure: log 4.
    own = found[np.arange(100), 3 + colour]
    assert abs(np.median(own) - np.log(4)) < 0.15
    # What any picture may have, and what always stands.
    assert np.abs(found[:, 7]).mean() < 0.2 and np.abs(found[:, 1:3]).max() < 1e-3
    np.testing.assert_array_equal(found[:, [0, 8]], 0.0)


def test_it_is_ridge_regression_of_presence():
    train, validation = pairs(400, 0), pairs(100, 1)
    (kernel, bias, shares), _ = fit_word_evidence(train, validation, PIECES, 30)
    present = (train[1] == 11).any(axis=1).astype(float)
    scaled = (train[0] - train[0].mean(0)) / train[0].std(0)
    asked = (validation[0] - train[0].mean(0)) / train[0].std(0)
    said = [
        Ridge(penalty * 400).fit(scaled, present).predict(asked)
        for penalty in PENALTIES
    ]
    # The best by squared error, of this piece.
    truth = (validation[1] == 11).any(axis=1)
    expected = min(said, key=lambda values: np.mean((values - truth) ** 2))
    found = (validation[0] @ kernel + bias)[:, 4]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert shares[4] == np.float32(present.mean())
