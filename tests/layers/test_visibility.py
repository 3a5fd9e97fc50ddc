"""What is hidden in training, and that hiding is the same as not being there."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.layers import visibility
from tests.layer_harness import check_layer


def rows_there(*counts, length=50):
    return np.arange(length) < np.array(counts)[:, None]


def test_a_share_of_each_row_is_hidden_in_training_only():
    there = rows_there(*[40] * 200, *[10] * 200, 1)
    layer = visibility.Visible(0.3, seed=1)
    np.testing.assert_array_equal(layer(there), there)
    seen = layer(there, training=True).numpy()
    assert not seen[~there].any() and seen[:, 0].all()
    assert seen.sum(1).tolist() == [28] * 200 + [7] * 200 + [1]
    # Each but the first is as likely to be seen: 27 of 39; 200 draws.
    assert abs(seen[:200, 1:40].mean(0) - 27 / 39).max() < 0.12
    assert len(np.unique(seen[:200], axis=0)) == 200


def test_nothing_is_hidden_at_rate_0():
    there = rows_there(3, 50)
    seen = visibility.Visible(0.0)(there, training=True)
    np.testing.assert_array_equal(seen, there)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_packing_keeps_what_is_seen_in_its_order(jit_compile):
    rate, counts = 0.3, (50, 33, 10, 1)
    states = np.random.default_rng(0).normal(size=(4, 50, 3)).astype(np.float32)
    there = rows_there(*counts)
    visible, pack = visibility.Visible(rate, seed=2), visibility.PackVisible(rate)

    @tf.function(jit_compile=jit_compile)
    def both(states, there):
        seen = visible(there, training=True)
        return seen, pack(states, seen, training=True)

    seen, (packed, still) = both(states, there)
    assert packed.shape == (4, 35, 3)
    for row, count in enumerate(counts):
        kept = count - int(0.3 * count + 1e-4)
        assert still[row].numpy().tolist() == [True] * kept + [False] * (35 - kept)
        np.testing.assert_array_equal(packed[row, :kept], states[row, seen[row]])


def test_packing_changes_nothing_outside_training():
    states, there = tf.ones((2, 5, 3)), rows_there(5, 2, length=5)
    packed, still = visibility.PackVisible(0.4)(states, there)
    assert packed is states or (packed.numpy() == states.numpy()).all()
    np.testing.assert_array_equal(still, there)


def test_harness_visible(tmp_path):
    there = np.array([[True, False], [True, True]])
    check_layer(visibility.Visible, [there], tmp_path, is_differentiable=False)


def test_harness_pack_visible(tmp_path):
    def make(**kwargs):
        return visibility.PackVisible(0.4, **kwargs)

    states = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(np.float32)
    check_layer(
        make, [states, rows_there(5, 2, length=5)], tmp_path, {"training": True}
    )
