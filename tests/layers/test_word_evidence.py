"""Pictures speak for pieces by log-ratios, and for what is not written yet."""

import numpy as np
import tensorflow as tf

from kaleido.layers.word_evidence import WordEvidence, written_before
from tests.layer_harness import check_layer

MEANS = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)


def test_the_evidence_by_hand():
    layer = WordEvidence(4, 3)
    np.testing.assert_array_equal(layer(MEANS), np.zeros((2, 3)))
    kernel = np.zeros((4, 3))
    kernel[0] = [0.1, 0.0, -9.0 * np.sign(MEANS[0, 0])]
    rest = np.array([0.5, 2.0, 0.5]), np.array([0.25, 0.5, 0.5])
    layer.set_weights([kernel, *rest, 0.5])
    found = layer(MEANS)[0]
    # Shares above 1 are 1; what is spoken against is twenty times as rare.
    expected = [(0.5 + 0.1 * MEANS[0, 0]) / 0.25, 1.0 / 0.5, 0.05]
    np.testing.assert_allclose(found, 0.5 * np.log(expected), rtol=1e-5)


def test_written_pieces_are_those_up_to_a_place():
    places = tf.constant([[0, 3, -1, 2], [0, 1, 1, 4]])
    rows = tf.constant([[0, 0], [0, 2], [0, 3], [1, 2]], tf.int64)
    found = written_before(places, rows, tf.constant(5)).numpy()
    expected = ([0], [0, 3], [0, 2, 3], [0, 1])
    assert [np.flatnonzero(row).tolist() for row in found] == list(expected)


def test_harness_word_evidence(tmp_path):
    # Float32 whatever the policy: it takes no `dtype`.
    check_layer(
        lambda dtype=None: WordEvidence(4, 3), [MEANS], tmp_path,
        is_differentiable=False,
    )
