"""A run that was stopped ends where one that was not would have."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from kaleido import callbacks, distribution, pretraining, workdir
from kaleido.callbacks import read_lines
from tests import tiny_records

# Random to a run; not compared.
CLOCK = ("seconds", "examples_per_second")


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    # Five batches an epoch: a run of eight steps crosses into the second.
    return tiny_records.write_tiny_records(folder, train=40, validation=8)


def tiny_run(steps=8, **options):
    options.setdefault("model", {"num_layers": 1})
    options.setdefault(
        "tasks",
        {t: {"weight": 1.0, "start_step": 0} for t in ("mlm", "itm", "contrastive")},
    )
    return tiny_records.tiny_config(
        training={
            "steps": steps, "eval_every": 4, "decay": "constant",
            "learning_rate": 1e-2, "ridge_warm_start": True,
        },
        data={"batch_size": 8},
        **options,
    )


def pretrain(config, record_set, folder):
    strategy = distribution.make_strategy("one_device", ["/cpu:0"])
    return pretraining.pretrain(config, record_set, str(folder), strategy)


def lines_of(folder):
    return read_lines(str(folder / "metrics.jsonl"))


def without_clock(lines):
    return [{k: v for k, v in x.items() if k not in CLOCK} for x in lines]


def weights_of(folder):
    _, networks, step = workdir.load_networks(str(folder))
    models = (networks.joint, networks.text, networks.image)
    return step, [w for model in models for w in model.get_weights()]


@pytest.fixture(scope="module")
def whole(record_set, tmp_path_factory):
    """Eight steps at once."""
    folder = tmp_path_factory.mktemp("whole")
    pretrain(tiny_run(), record_set, folder)
    return folder


class Killed(BaseException):
    pass


def kill_at(monkeypatch, step):
    class Killing(callbacks.ProgressLine):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == step:
                raise Killed

    monkeypatch.setattr(callbacks, "ProgressLine", Killing)


def check_same_run(folder, whole):
    (step, weights), (expected_step, expected) = weights_of(folder), weights_of(whole)
    assert step == expected_step == 8
    assert max(np.abs(a - b).max() for a, b in zip(weights, expected)) < 1e-6
    received = without_clock(lines_of(folder))
    assert [line["step"] for line in received] == [0, 4, 8]
    for line, other in zip(received, without_clock(lines_of(whole))):
        assert line == pytest.approx(other, abs=1e-5)


# The tests below take 3 to 20 s each: a run traces training and validation.
slow = pytest.mark.slow


@slow
def test_a_run_writes_what_it_promises(whole):
    for name in (
        "config.json", "vocab.txt", "metrics.jsonl", "chances.json", "report.html",
        "ridge_map.json", "checkpoints/checkpoint", "tensorboard/train",
    ):
        assert (whole / name).exists(), name
    lines = lines_of(whole)
    assert [line["step"] for line in lines] == [0, 4, 8]
    # Step 0 is the untrained model on validation.
    tasks = tiny_run().active_tasks()
    names = {"loss", *(f"{t}_{w}" for t in tasks for w in ("loss", "accuracy"))}
    validated = {f"val_{name}" for name in names}
    assert set(lines[0]) == {"step", "seconds"} | validated
    assert validated | names < set(lines[1])
    # Weights moved by far more than a resumed run may differ.
    untrained = pretraining.networks_for(tiny_run(), tiny_records.tiny_spec())
    _, weights = weights_of(whole)
    kernel = [w for w in weights if w.shape == (32, 96)][0]
    start = [w for w in untrained.joint.get_weights() if w.shape == (32, 96)][0]
    assert np.abs(kernel - start).max() > 1e-2


@slow
def test_a_run_that_was_killed_within_an_epoch_is_the_same_run(
    record_set, whole, tmp_path, monkeypatch
):
    """Killed twice: before the first checkpoint, and between two."""
    for step in (3, 7):
        with monkeypatch.context() as context:
            kill_at(context, step)
            with pytest.raises(Killed):
                pretrain(tiny_run(), record_set, tmp_path)
    pretrain(tiny_run(), record_set, tmp_path)
    check_same_run(tmp_path, whole)


@slow
def test_a_finished_run_is_left_as_it_is(record_set, whole, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    last = pretrain(tiny_run(), record_set, copy)
    assert last == lines_of(whole)[-1]
    check_same_run(copy, whole)


@slow
def test_dropout_draws_again_after_a_resume_and_the_rest_is_exact(
    record_set, tmp_path
):
    """What is restored: weights, optimiser, order and corruption of the data.

    Dropout is seeded by the run's seed and the step that training begins at:
    after a resume it draws numbers that the unbroken run did not draw. The same
    stops give the same run; other stops give another one, equally good.
    """
    model = {"num_layers": 1, "dropout": 0.3}
    pretrain(tiny_run(4, model=model), record_set, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    losses = []
    for name in ("a", "b"):
        pretrain(tiny_run(model=model), record_set, tmp_path / name)
        losses.append(without_clock(lines_of(tmp_path / name)))
    for one, other in zip(*losses):
        assert one == pytest.approx(other, abs=1e-5)


# 15 s: three sets of tasks, each traced anew.
@slow
def test_tasks_enter_at_their_step_within_an_epoch_and_training_ends_at_the_last(
    record_set, tmp_path
):
    starts = {"rotation": 0, "contrastive": 2, "itm": 6}
    config = tiny_run(
        steps=7,
        tasks={name: {"weight": 1.0, "start_step": s} for name, s in starts.items()},
    )
    seen = []

    class Spy(callbacks.ProgressLine):
        def on_train_batch_end(self, batch, logs=None):
            step = int(self.model.optimizer.iterations)
            seen.append((step, {k[:-5] for k in logs if k.endswith("_loss")}))

    original, callbacks.ProgressLine = callbacks.ProgressLine, Spy
    try:
        pretrain(config, record_set, tmp_path)
    finally:
        callbacks.ProgressLine = original
    # The first two steps (0 and 1) see rotation alone, and so on.
    assert seen == [
        (s + 1, {task for task, start in starts.items() if start <= s})
        for s in range(7)
    ]
    lines = lines_of(tmp_path)
    assert [line["step"] for line in lines] == [0, 4, 7]
    # The untrained model is judged on all tasks.
    assert {"val_itm_loss", "val_rotation_loss"} <= set(lines[0])
    assert "val_itm_loss" not in lines[1] and "val_contrastive_loss" in lines[1]
    assert "val_itm_loss" in lines[2]
    assert weights_of(tmp_path)[0] == 7


def test_a_split_that_is_empty_is_an_error(tmp_path):
    record_set = tiny_records.write_tiny_records(
        str(tmp_path / "records"), train=16, validation=0
    )
    with pytest.raises(ValueError, match="has no validation examples"):
        pretrain(tiny_run(), record_set, tmp_path / "run")
    assert not os.path.exists(tmp_path / "run")


def test_records_of_another_layout_are_refused(record_set, tmp_path):
    """FashionBERT's tasks would run on kaleido patches, and be something else."""
    config = tiny_records.tiny_config()
    data = dataclasses.replace(config.data, layout="grid8")
    with pytest.raises(ValueError, match="--layout=grid8.* with kaleido"):
        pretraining.pretrain(
            dataclasses.replace(config, data=data), record_set, str(tmp_path / "run"),
            tf.distribute.get_strategy(),
        )
    assert not (tmp_path / "run").exists()


def test_every_replica_gets_the_first_ones_weights():
    strategy = distribution.make_strategy("one_device", ["/cpu:0"])
    with strategy.scope():
        variables = [tf.Variable([1.0, 2.0]), tf.Variable(3.0)]
        distribution.share_weights(strategy, variables)
    assert [v.numpy().tolist() for v in variables] == [[1.0, 2.0], 3.0]
