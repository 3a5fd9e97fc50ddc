"""The optimiser: schedule, weight decay, clipping."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kaleido import optimizers
from kaleido.models import networks_for
from tests import tiny_records


@pytest.mark.parametrize(
    "decay, later",
    [
        ("linear", {4: 1.0, 9: 0.5, 13: 0.1, 14: 0.0, 20: 0.0}),
        ("cosine", {4: 1.0, 9: 0.5, 14: 0.0, 20: 0.0}),
        ("constant", {4: 1.0, 9: 1.0, 14: 1.0, 20: 1.0}),
    ],
)
def test_rate_rises_to_its_peak_and_decays_by_hand(decay, later):
    schedule = optimizers.WarmUpDecay(2e-3, warmup_steps=4, steps=14, decay=decay)
    # The first step is not lost on a rate of zero.
    expected = {0: 0.25, 1: 0.5, 2: 0.75, 3: 1.0, **later}
    for step, share in expected.items():
        rate = float(schedule(tf.constant(step, tf.int64)))
        assert rate == pytest.approx(2e-3 * share, abs=1e-9), step


def test_cosine_decay_is_half_a_cosine():
    schedule = optimizers.WarmUpDecay(1.0, warmup_steps=0, steps=8, decay="cosine")
    received = [float(schedule(step)) for step in range(9)]
    expected = [(1 + math.cos(math.pi * step / 8)) / 2 for step in range(9)]
    assert received == pytest.approx(expected, abs=1e-6)


def test_schedule_survives_its_configuration():
    schedule = optimizers.WarmUpDecay(1e-3, 10, 100, "linear")
    copy = optimizers.WarmUpDecay.from_config(schedule.get_config())
    for step in (0, 9, 10, 55):
        assert float(copy(step)) == float(schedule(step))



def test_weight_decay_spares_norms_biases_and_scalars():
    config = tiny_records.tiny_config(
        training={"learning_rate": 0.5, "weight_decay": 0.1, "warmup_steps": 0,
                  "decay": "constant"},
    )
    for projection in ("shared", "per_level"):
        networks = networks_for(
            tiny_records.tiny_config(model={"projection": projection}),
            tiny_records.tiny_spec(),
        )
        weights = {
            w.name: w
            for w in networks.joint.trainable_weights + networks.image.trainable_weights
        }
        for weight in weights.values():
            weight.assign(tf.ones_like(weight))
        optimizer = optimizers.make_optimizer(config.training)
        optimizer.apply_gradients(
            (tf.zeros_like(w), w) for w in weights.values()
        )
        spared = ("bias:0", "gamma:0", "beta:0")
        for name, weight in weights.items():
            alone = name.endswith(spared) or not weight.shape.rank
            expected = 1.0 if alone else 1.0 - 0.5 * 0.1
            np.testing.assert_allclose(weight.numpy(), expected, 1e-6, err_msg=name)


def step_of(clip_norm):
    """Two parameters after one step from zero on a gradient of (30, 40)."""
    config = tiny_records.tiny_config(
        training={
            "clip_norm": clip_norm, "epsilon": 1.0, "learning_rate": 1.0,
            "weight_decay": 0.0, "warmup_steps": 0, "decay": "constant",
        },
    )
    parts = [tf.Variable(0.0), tf.Variable(0.0)]
    optimizer = optimizers.make_optimizer(config.training)
    optimizer.apply_gradients(zip([tf.constant(30.0), tf.constant(40.0)], parts))
    return [-float(p) for p in parts]


def test_gradients_are_clipped_by_their_common_norm():
    def adam(*gradients):
        # The first step, with epsilon 1: g' / (|g'| + 1), g' = sqrt(1 - beta_2) g.
        scaled = [0.001**0.5 * g for g in gradients]
        return pytest.approx([g / (g + 1) for g in scaled], rel=1e-3)

    assert step_of(1.0) == adam(0.6, 0.8)
    assert step_of(100.0) == adam(30.0, 40.0)
    assert step_of(0.0) == adam(30.0, 40.0)
