"""The training step: precision, totals, phases."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kaleido import input_pipeline, optimizers
from kaleido.losses import Summed
from kaleido.models import networks_for
from kaleido.pretrainer import Pretrainer
from tests import tiny_records


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    return tiny_records.write_tiny_records(str(tmp_path_factory.mktemp("records")))


@pytest.fixture(scope="module")
def batch(record_set):
    batches = input_pipeline.training_batches(
        record_set, tiny_records.tiny_config(data={"batch_size": 16}), seed=0
    )
    return next(iter(batches))


@pytest.fixture
def policy():
    yield tf.keras.mixed_precision.set_global_policy
    tf.keras.mixed_precision.set_global_policy("float32")


def pretrainer(config, optimizer=None):
    tf.keras.utils.set_random_seed(0)
    model = Pretrainer(networks_for(config, tiny_records.tiny_spec()), config)
    model.compile(optimizer or optimizers.make_optimizer(config.training))
    return model


# Precision


# 10 s: traces two training steps.
@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_learns_a_batch_by_heart(batch, policy, precision):
    policy(precision)
    config = tiny_records.tiny_config(
        model={"num_layers": 1},
        training={"precision": precision, "learning_rate": 1e-2, "warmup_steps": 0,
                  "decay": "constant"},
    )
    model = pretrainer(config)
    is_scaled = isinstance(
        model.optimizer, tf.keras.mixed_precision.LossScaleOptimizer
    )
    assert is_scaled == (precision == "mixed_float16")
    # Else the first call makes variables, and the step is traced twice.
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step)
    losses = []
    for _ in range(40):
        model.reset_metrics()
        losses.append({k: float(v) for k, v in step(batch).items()})
    assert all(math.isfinite(x["loss"]) for x in losses)
    assert all(v.dtype == tf.float32 for v in model.trainable_variables)
    assert losses[-1]["loss"] < 0.7 * losses[0]["loss"]
    for task in ("mlm", "itm", "contrastive"):
        assert losses[-1][f"{task}_loss"] < losses[0][f"{task}_loss"], task


def test_a_scaled_loss_gives_the_same_step(batch):
    weights = []
    for scaled in (False, True):
        optimizer = tf.keras.optimizers.SGD(0.1)
        if scaled:
            optimizer = tf.keras.mixed_precision.LossScaleOptimizer(
                optimizer, dynamic=False, initial_scale=64.0
            )
        model = pretrainer(
            tiny_records.tiny_config(model={"num_layers": 1}), optimizer
        )
        before = [v.numpy() for v in model.trainable_variables]
        model.train_step(batch)
        weights.append([v.numpy() for v in model.trainable_variables])
    assert max(np.abs(a - b).max() for a, b in zip(weights[0], before)) > 1e-2
    for one, other in zip(*weights):
        np.testing.assert_allclose(one, other, atol=1e-5)


# Losses


def test_the_total_is_the_weighted_sum_of_means_over_targets():
    config = tiny_records.tiny_config(
        tasks={
            "mlm": {"weight": 1.0, "start_step": 0},
            "itm": {"weight": 2.0, "start_step": 0},
            "grey": {"weight": 3.0, "start_step": 0},
        },
    )
    model = pretrainer(config)

    def summed(loss, count):
        return Summed(tf.constant(loss), tf.constant(count), tf.constant(0.0))

    total = model._total(
        {"mlm": summed(12.0, 4.0), "itm": summed(5.0, 10.0), "grey": summed(0.0, 0.0)}
    )
    assert float(total) == pytest.approx(1.0 * 3.0 + 2.0 * 0.5)


def test_what_is_reported_is_the_mean_over_all_targets_of_an_epoch():
    model = pretrainer(tiny_records.tiny_config())
    for loss, count, correct in ((8.0, 2.0, 1.0), (6.0, 6.0, 6.0)):
        summed = {"mlm": Summed(*map(tf.constant, (loss, count, correct)))}
        logs = model._update_means(summed, tf.constant(loss / count))
    assert float(logs["mlm_loss"]) == pytest.approx(14 / 8)
    assert float(logs["mlm_accuracy"]) == pytest.approx(7 / 8)


class Counting:
    def __init__(self, model):
        self.calls, self._model = 0, model

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self._model(*args, **kwargs)


@pytest.mark.parametrize(
    "step, passes, tasks",
    [
        (0, {"joint"}, {"rotation"}),
        (4, {"joint"}, {"rotation"}),
        (5, {"joint", "text", "image"}, {"rotation", "contrastive"}),
        (9, {"joint", "text", "image"}, {"itm", "rotation", "contrastive"}),
        (
            10, {"joint", "text", "image"},
            {"itm", "rotation", "contrastive", "fusion"},
        ),
    ],
)
def test_a_task_enters_at_its_step_and_costs_nothing_before(
    batch, step, passes, tasks
):
    starts = {"rotation": 0, "contrastive": 5, "itm": 9, "fusion": 10}
    config = tiny_records.tiny_config(
        model={"num_layers": 1},
        tasks={name: {"weight": 1.0, "start_step": s} for name, s in starts.items()},
    )
    model = pretrainer(config)
    model.passes = {name: Counting(p) for name, p in model.passes.items()}
    model.set_step(step)
    logs = model.train_step(batch)
    assert {k for k, p in model.passes.items() if p.calls} == passes
    assert {k[: -len("_loss")] for k in logs if k.endswith("_loss")} == tasks


def test_contrastive_alone_needs_no_joint_pass(batch):
    config = tiny_records.tiny_config(
        tasks={"contrastive": {"weight": 1.0, "start_step": 0}}
    )
    model = pretrainer(config)
    model.passes = {name: Counting(p) for name, p in model.passes.items()}
    model.train_step(batch)
    assert model.passes["joint"].calls == 0


def test_fusion_teaches_the_pass_of_the_pair_alone(batch):
    """What a pair is to find stands still, and so does the temperature."""
    config = tiny_records.tiny_config(
        model={"num_layers": 1}, tasks={"fusion": {"weight": 1.0, "start_step": 0}}
    )
    model = pretrainer(config)
    model.passes = {name: Counting(p) for name, p in model.passes.items()}
    with tf.GradientTape() as tape:
        loss = model.losses_of(batch, True)["fusion"].loss
    assert all(p.calls == 1 for p in model.passes.values())
    head = model.joint.get_layer("fusion").trainable_weights
    contrastive = model.networks.contrastive.trainable_weights
    gradients = tape.gradient(loss, [*head, *contrastive])
    assert all(float(tf.norm(g)) > 0 for g in gradients[: len(head)])
    assert gradients[len(head) :] == [None] * len(contrastive)


def test_texts_that_nobody_swapped_count_as_matched(batch):
    """With mining the model swaps texts, and only once matching takes part."""
    config = tiny_records.tiny_config(
        model={"num_layers": 1},
        training={"aux_loss_on_negatives": False},
        tasks={
            "rotation": {"weight": 1.0, "start_step": 0},
            "itm": {"weight": 1.0, "start_step": 9},
        },
    )
    model = pretrainer(config)
    model.set_step(0)
    assert float(model.losses_of(batch, False)["rotation"].count) == 16
    model.set_step(9)
    assert float(model.losses_of(batch, False)["rotation"].count) < 16
