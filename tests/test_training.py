"""The training step: schedule, optimiser, precision, phases and mined texts."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kaleido import input_pipeline, negatives, training
from kaleido.losses import Summed
from kaleido.models import networks_for
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
    model = training.Pretrainer(networks_for(config, tiny_records.tiny_spec()), config)
    model.compile(optimizer or training.make_optimizer(config.training))
    return model


# Schedule


@pytest.mark.parametrize(
    "decay, later",
    [
        ("linear", {4: 1.0, 9: 0.5, 13: 0.1, 14: 0.0, 20: 0.0}),
        ("cosine", {4: 1.0, 9: 0.5, 14: 0.0, 20: 0.0}),
        ("constant", {4: 1.0, 9: 1.0, 14: 1.0, 20: 1.0}),
    ],
)
def test_rate_rises_to_its_peak_and_decays_by_hand(decay, later):
    schedule = training.WarmUpDecay(2e-3, warmup_steps=4, steps=14, decay=decay)
    # The first step is not lost on a rate of zero.
    expected = {0: 0.25, 1: 0.5, 2: 0.75, 3: 1.0, **later}
    for step, share in expected.items():
        rate = float(schedule(tf.constant(step, tf.int64)))
        assert rate == pytest.approx(2e-3 * share, abs=1e-9), step


def test_cosine_decay_is_half_a_cosine():
    schedule = training.WarmUpDecay(1.0, warmup_steps=0, steps=8, decay="cosine")
    received = [float(schedule(step)) for step in range(9)]
    expected = [(1 + math.cos(math.pi * step / 8)) / 2 for step in range(9)]
    assert received == pytest.approx(expected, abs=1e-6)


def test_schedule_survives_its_configuration():
    schedule = training.WarmUpDecay(1e-3, 10, 100, "linear")
    copy = training.WarmUpDecay.from_config(schedule.get_config())
    for step in (0, 9, 10, 55):
        assert float(copy(step)) == float(schedule(step))


# Optimiser


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
        optimizer = training.make_optimizer(config.training)
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
    optimizer = training.make_optimizer(config.training)
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


def test_the_strategy_is_chosen_by_name():
    one = training.make_strategy("one_device", ["/cpu:0"])
    assert one.num_replicas_in_sync == 1 and training.is_chief(one)
    assert training.is_chief(training.make_strategy("mirrored", ["/cpu:0"]))
    with pytest.raises(ValueError, match="Received: 'tpu'"):
        training.make_strategy("tpu")


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
    ],
)
def test_a_task_enters_at_its_step_and_costs_nothing_before(
    batch, step, passes, tasks
):
    starts = {"rotation": 0, "contrastive": 5, "itm": 9}
    config = tiny_records.tiny_config(
        model={"num_layers": 1},
        tasks={name: {"weight": 1.0, "start_step": s} for name, s in starts.items()},
    )
    model = pretrainer(config)
    model._passes = {name: Counting(p) for name, p in model._passes.items()}
    model.set_step(step)
    logs = model.train_step(batch)
    assert {k for k, p in model._passes.items() if p.calls} == passes
    assert {k[: -len("_loss")] for k in logs if k.endswith("_loss")} == tasks


def test_contrastive_alone_needs_no_joint_pass(batch):
    config = tiny_records.tiny_config(
        tasks={"contrastive": {"weight": 1.0, "start_step": 0}}
    )
    model = pretrainer(config)
    model._passes = {name: Counting(p) for name, p in model._passes.items()}
    model.train_step(batch)
    assert model._passes["joint"].calls == 0


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


# Mined texts


def keys_of(batch):
    return {name: batch[name].numpy() for name in negatives.PAIR_KEYS}


def is_wrong(batch):
    """bool [n, n]: whether text j is wrong for picture i."""
    keys = keys_of(batch)
    return np.logical_and.reduce([k[:, None] != k[None] for k in keys.values()])


def swapped(batch, mined_negatives, similarity, among, monkeypatch):
    monkeypatch.setattr(training, "MINED_AMONG", among)
    config = tiny_records.tiny_config(training={"mined_negatives": mined_negatives})
    model = pretrainer(config)
    keys = {k: batch[k] for k in negatives.PAIR_KEYS}
    return model._swap_mined(batch, tf.constant(similarity, tf.float32), keys)


def whose_text(batch, result):
    """Row that each text came from: the hidden words tell texts apart."""
    before = np.concatenate([batch[f].numpy() for f in negatives.TEXT_FIELDS], 1)
    after = np.concatenate([result[f].numpy() for f in negatives.TEXT_FIELDS], 1)
    equal = (after[:, None] == before[None]).all(-1)
    assert (equal.sum(1) == 1).all()
    return equal.argmax(1)


@pytest.mark.parametrize("mined", [0.5, 1.0])
def test_mined_texts_are_wrong_ones_and_bring_their_hidden_words(
    batch, mined, monkeypatch
):
    similarity = np.random.default_rng(0).uniform(-1, 1, (16, 16))
    result = swapped(batch, mined, similarity, 3, monkeypatch)
    source, rows = whose_text(batch, result), np.arange(16)
    stays = result["matched"].numpy() > 0.5
    assert (stays == (batch["matched"].numpy() > 0.5)).all() and 0 < stays.sum() < 16
    assert (source[stays] == rows[stays]).all()
    wrong = is_wrong(batch)
    assert wrong[rows[~stays], source[~stays]].all()
    np.testing.assert_allclose(
        result["similarity"], similarity[rows, source], rtol=1e-6
    )
    # Of the texts that are wrong for a picture, its place by similarity.
    place = np.array(
        [
            (similarity[i, wrong[i]] > similarity[i, j]).sum()
            for i, j in zip(rows, source)
        ]
    )
    is_mined = batch["mine_draw"].numpy() < mined
    assert (place[~stays & is_mined] < 3).all()
    if mined < 1.0:
        assert (place[~stays & ~is_mined] >= 3).any()


def test_the_one_most_similar_wrong_text_is_mined(batch, monkeypatch):
    similarity = np.random.default_rng(1).uniform(-1, 1, (16, 16))
    # The own text is the most similar of all, and yet never the wrong one.
    similarity[np.arange(16), np.arange(16)] = 2.0
    result = swapped(batch, 1.0, similarity, 1, monkeypatch)
    expected = np.where(is_wrong(batch), similarity, -np.inf).argmax(1)
    swaps = batch["matched"].numpy() < 0.5
    assert swaps.sum() > 3
    assert (whose_text(batch, result)[swaps] == expected[swaps]).all()


def test_a_batch_of_one_product_has_nothing_to_swap(batch, monkeypatch):
    one = {**batch, "product_key": tf.zeros(16, tf.int64)}
    result = swapped(one, 1.0, np.zeros((16, 16)), 3, monkeypatch)
    assert (result["matched"].numpy() == 1.0).all()
    for field in negatives.TEXT_FIELDS:
        assert (result[field].numpy() == batch[field].numpy()).all()
