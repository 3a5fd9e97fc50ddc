"""Classes from the pooled [CLS] state, as in the authors' code."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.classifier import Classifier
from kaleido.models import networks_for
from tests import tiny_records

PAIRS = 40


@pytest.fixture(scope="module")
def networks():
    config = tiny_records.tiny_config(model={"num_layers": 1})
    return networks_for(config, tiny_records.tiny_spec())


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(1)
    return {
        "token_ids": tf.constant(rng.integers(5, 40, (PAIRS, 9)), tf.int32),
        "patch_features": tf.constant(rng.normal(size=(PAIRS, 55, 12)), tf.float32),
        "patch_positions": tf.constant(rng.uniform(size=(PAIRS, 55, 5)), tf.float32),
    }


def pooled_of(networks, pairs):
    """By the joint model, of pairs of which nothing is hidden."""
    rest = {
        "masked_positions": tf.zeros([PAIRS, 1], tf.int32),
        "grey_indices": tf.zeros([PAIRS, 2], tf.int32),
        "blank_indices": tf.zeros([PAIRS, 3], tf.int32),
        "similarity": tf.zeros([PAIRS]),
    }
    return networks.joint({**pairs, **rest})["pooled"].numpy()


def test_classes_are_linear_in_the_pooled_state(networks, pairs):
    pooled = pooled_of(networks, pairs)
    size = pooled.shape[1]
    classifier = Classifier(networks, size, "both")
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(size, size)), rng.normal(size=size)
    classifier.layer.set_weights([kernel, bias])
    expected = pooled @ kernel + bias
    np.testing.assert_allclose(classifier.answer(pairs), expected, atol=1e-5)
    # In training a tenth of the state is left out, and the rest made up for it.
    classifier.layer.set_weights([np.eye(size), np.zeros(size)])
    seen = classifier.logits(pairs, True).numpy()
    left_out = seen == 0
    assert 0.06 < left_out.mean() < 0.14
    np.testing.assert_allclose(
        seen[~left_out], pooled[~left_out] / 0.9, rtol=1e-4, atol=1e-6
    )
