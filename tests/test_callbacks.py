"""Metric lines: none doubled, none lost, whatever stopped the run before."""

import json

import pytest
import tensorflow as tf

from kaleido import callbacks


def model_at(step, rate=0.25):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,))])
    model.compile(tf.keras.optimizers.SGD(rate))
    model.step = step
    return model


def write(path, *steps):
    lines = [json.dumps({"step": s, "seconds": 10.0 * s}) for s in steps]
    path.write_text("".join(f"{line}\n" for line in lines))


def steps_in(path):
    return [line["step"] for line in callbacks.read_lines(str(path))]


@pytest.mark.parametrize(
    "found, resumed_at, kept",
    [
        ([0, 2, 4, 6], 4, [0, 2, 4]),  # stopped between a line and its checkpoint
        ([0, 2, 4], 4, [0, 2, 4]),
        ([0, 2], 0, []),  # stopped before the first checkpoint
        ([], 0, []),
    ],
)
def test_lines_behind_the_checkpoint_are_dropped(tmp_path, found, resumed_at, kept):
    path = tmp_path / "metrics.jsonl"
    write(path, *found)
    callbacks.MetricLines(str(path), resumed_at, examples=8)
    assert steps_in(path) == kept


def test_a_line_says_step_rate_and_metrics_and_time_adds_up(tmp_path, monkeypatch):
    path = tmp_path / "metrics.jsonl"
    write(path, 0, 2)
    lines = callbacks.MetricLines(str(path), 2, examples=8)
    model = model_at(2)
    lines.set_model(model)
    now = 100.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    lines.on_epoch_begin(0)
    model.step = 5
    now = 104.0
    lines.on_test_begin()
    now = 190.0  # validation is not training
    lines.on_epoch_end(0, {"loss": 1.5, "val_loss": tf.constant(2.5)})
    assert callbacks.read_lines(str(path))[-1] == {
        "step": 5,
        "seconds": 24.0,  # 20 of the run before
        "examples_per_second": 3 * 8 / 4.0,
        "learning_rate": 0.25,
        "loss": 1.5,
        "val_loss": 2.5,
    }
    assert steps_in(path) == [0, 2, 5]


def test_a_missing_file_has_no_lines(tmp_path):
    assert callbacks.read_lines(str(tmp_path / "none.jsonl")) == []


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, 0, 2)
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"step": 4, "sec')
    assert steps_in(path) == [0, 2]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run(value):
    watch = callbacks.Divergence(every=2)
    watch.set_model(model_at(3))
    logs = {"loss": 1.0, "mlm_loss": value}
    watch.on_train_batch_end(0, logs)
    with pytest.raises(ValueError, match="diverged by step 3.*mlm_loss"):
        watch.on_epoch_end(0, logs)
    watch.set_model(model_at(4))
    with pytest.raises(ValueError, match="diverged by step 4"):
        watch.on_train_batch_end(0, logs)
    watch.on_epoch_end(0, {"loss": 1.0})


class Counts(tf.keras.Model):
    """Has the step and the phases of a `Pretrainer`, and a weight."""

    def __init__(self):
        super().__init__()
        self.step, self.seen = 0, []
        self.weight = tf.Variable(0.0)

    def set_step(self, step):
        self.seen.append(step)
        return False

    def train_step(self, data):
        # As a loss scale that found an overflow: the optimiser does not count.
        return {"loss": self.weight + 1.0}


def test_steps_are_counted_by_batches_not_by_the_optimizer():
    model = Counts()
    model.compile(tf.keras.optimizers.SGD(0.1), run_eagerly=True)
    model.step = 3  # resumed
    model.fit(
        tf.data.Dataset.range(100).batch(1), verbose=0, steps_per_epoch=2, epochs=9,
        callbacks=[callbacks.Phases(8)],
    )
    assert model.seen == [3, 4, 5, 6, 7]
    assert model.step == 8
    assert model.optimizer.iterations.numpy() == 0


@pytest.mark.parametrize("more_is_better, best", [(True, 2), (False, 3)])
def test_the_weights_of_the_best_validation_are_kept(tmp_path, more_is_better, best):
    # The mean of the two chooses.
    values = {1: (0.1, 0.9), 2: (0.7, 0.9), 3: (0.8, 0.0), 4: (0.8, 0.6)}
    model = model_at(0)

    def watch(step):
        checkpoint = tf.train.Checkpoint(model=model)
        watching = callbacks.Best(
            checkpoint, str(tmp_path), ["val_x", "val_y"], more_is_better, step
        )
        watching.set_model(model)
        return watching

    def validate(watching, step, x, y):
        model.step = step
        model.layers[0].kernel.assign([[float(step)]])
        watching.on_epoch_end(step, {"val_x": tf.constant(x), "val_y": y})

    def written():
        return json.loads((tmp_path / "best.json").read_text())

    watching = watch(0)
    for step, pair in values.items():
        validate(watching, step, *pair)
    kept = model_at(0)
    tf.train.Checkpoint(model=kept).restore(
        tf.train.latest_checkpoint(str(tmp_path))
    ).expect_partial()
    assert float(kept.layers[0].kernel[0, 0]) == best
    assert written()["step"] == best and written()["figures"] == ["val_x", "val_y"]
    # A resumed run knows what is there.
    validate(watch(4), 5, 0.6, 0.6)
    assert written()["step"] == best
    # What was kept after its checkpoint is not of this run.
    validate(watch(1), 2, 0.6, 0.6)
    assert written()["step"] == 2 and written()["value"] == pytest.approx(0.6)


def test_what_is_worse_than_the_start_does_not_take_its_place(tmp_path):
    model = model_at(0)
    watching = callbacks.Best(
        tf.train.Checkpoint(model=model), str(tmp_path), ["val_x"], True, 0
    )
    watching.set_model(model)
    watching.offer(0, {"val_x": 0.5})
    model.step = 3
    watching.on_epoch_end(3, {"val_x": 0.4})
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 0
