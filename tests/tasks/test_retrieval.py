"""ITR and TIR: the lists that the match head learns to rank."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import negatives, pair_training
from tests import tiny_records
from tests.tasks.tiny_tasks import first_batch, make_task


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, train=40, validation=16, test=16)


class Watching:
    """Stands for the match head: says which pairs it was asked for."""

    def __init__(self):
        self.inputs = None

    def __call__(self, inputs, training):
        self.inputs = {k: v.numpy() for k, v in inputs.items()}
        return tf.range(len(self.inputs["token_ids"]), dtype=tf.float32)


def asked_pairs(task, batch, watching):
    """Rows (picture, text) of the batch that the match head saw."""

    def rows(name, field):
        one = watching.inputs[name].reshape(len(watching.inputs[name]), -1)
        all_ = batch[field].numpy().reshape(len(batch[field]), -1)
        equal = (one[:, None] == all_[None]).all(-1)
        assert equal.any(axis=1).all()
        return equal.argmax(axis=1)

    return rows("patch_features", "patch_features"), rows("token_ids", "token_ids")


@pytest.mark.parametrize("name", ["itr", "tir"])
def test_a_list_is_the_own_pair_and_the_most_similar_wrong_ones(
    record_set, name, monkeypatch
):
    monkeypatch.setattr(pair_training, "MINED_AMONG", 2)
    task = make_task(name, record_set, lists=2)
    batch = first_batch(task)
    # Eight products of their own, all texts unlike.
    ids = batch["token_ids"].numpy()
    ids[:, 1] = 5 + np.arange(8)
    batch["token_ids"] = tf.constant(ids)
    count = len(batch["token_ids"])
    wrong = ~np.eye(count, dtype=bool)
    near = np.random.default_rng(0).uniform(-1, 1, (count, count)).astype(np.float32)
    watching = Watching()
    task.passes["match"] = watching
    logits = task._score_lists(batch, wrong, near, tf.constant(near), True).numpy()
    pictures, texts = asked_pairs(task, batch, watching)
    queries, answers = (pictures, texts) if name == "itr" else (texts, pictures)
    by_query = near if name == "itr" else near.T
    queries, answers = queries.reshape(-1, 3), answers.reshape(-1, 3)
    assert queries[:, 0].tolist() == [0, 3]
    assert (queries == queries[:, :1]).all() and (answers[:, 0] == queries[:, 0]).all()
    for query, row in zip(queries[:, 0], answers):
        order = np.argsort(-np.where(wrong[query], by_query[query], -2))
        assert set(row[1:]) == set(order[:2])
    assert logits.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_batch_with_too_few_wrong_ones_has_shorter_lists(record_set):
    task = make_task("itr", record_set, lists=3)
    batch = first_batch(task)
    count = len(batch["token_ids"])
    wrong = np.zeros((count, count), bool)
    wrong[0, 5] = True
    near = tf.zeros((count, count))
    task.passes["match"] = Watching()
    logits = task._score_lists(batch, wrong, near, near, False).numpy()
    assert (logits[0] > -1e8).tolist() == [True, True, False, False]
    assert (logits[1] > -1e8).tolist() == [True, False, False, False]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_last_batch_may_be_smaller_than_a_list(record_set, count):
    """What a replica gets of a split's last examples."""
    task = make_task("itr", record_set, lists=3)
    batch = {name: values[:count] for name, values in first_batch(task).items()}
    near = tf.zeros((count, count))
    wrong = ~np.eye(count, dtype=bool)
    assert task._score_lists(batch, wrong, near, near, False).shape == (0, 4)
    if count:
        summed = task.losses_of(batch, False)
        assert float(summed["lists"].count) == float(summed["lists"].loss) == 0


def test_the_similarity_is_hidden_from_half_of_the_lists_in_training(record_set):
    task = make_task("itr", record_set, lists=1)
    batch = first_batch(task)
    count = len(batch["token_ids"])
    near, shares = tf.ones((count, count)), []
    for training in (True, False):
        seen = []
        for step in range(25):
            task.optimizer.iterations.assign(step)
            watching = task.passes["match"] = Watching()
            task._score_lists(batch, ~np.eye(count, dtype=bool), near, near, training)
            similarity = watching.inputs["similarity"].reshape(-1, 2)
            assert (similarity[:, 0] == similarity[:, 1]).all()
            seen.append(similarity)
        shares.append(np.mean(seen))
    # A hundred lists: six standard deviations.
    assert 0.2 < shares[0] < 0.8 and shares[1] == 1.0


def test_a_step_draws_the_same_lists_whenever_it_is_made(record_set):
    """So that a run that was stopped ends where an unbroken one does."""
    task = make_task("itr", record_set, lists=1)
    other = make_task("itr", record_set, lists=1, training={"seed": 1})
    batch = first_batch(task)
    count = len(batch["token_ids"])
    near = np.random.default_rng(0).uniform(size=(count, count)).astype(np.float32)

    def asked(task, step):
        tf.random.set_seed(step + 17)
        task.optimizer.iterations.assign(step)
        watching = task.passes["match"] = Watching()
        wrong = ~np.eye(count, dtype=bool)
        task._score_lists(batch, wrong, near, near, True)
        pairs = asked_pairs(task, batch, watching)
        return np.stack([*pairs, watching.inputs["similarity"]]).tolist()

    first = [asked(task, step) for step in range(4)]
    assert [asked(task, step) for step in (3, 2, 1, 0)] == first[::-1]
    assert len({str(pairs) for pairs in first}) == 4
    assert asked(other, 0) != first[0]


def test_without_the_contrastive_view_lists_are_of_the_subcategory(record_set):
    names = ("itm", "mlm")
    run = tiny_records.tiny_config(
        model={"num_layers": 1, "similarity_path": False},
        training={"mined_negatives": 0.0},
        tasks={name: {"weight": 1.0, "start_step": 0} for name in names},
    )
    task = make_task("itr", record_set, run=run, lists=1)
    batch = first_batch(task)
    summed = task.losses_of(batch, False)
    assert list(summed) == ["lists"] and float(summed["lists"].count) == 4
    keys = batch["subcategory_key"].numpy()
    watching = task.passes["match"] = Watching()
    wrong = negatives.foreign(batch).numpy()
    for training in (True, False):
        task.losses_of(batch, training)
        _, texts = asked_pairs(task, batch, watching)
        for owner, other in texts.reshape(-1, 2):
            alike = wrong[owner] & (keys == keys[owner])
            assert keys[other] == keys[owner] or not alike.any()
