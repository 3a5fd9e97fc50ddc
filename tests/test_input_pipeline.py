"""Order and batches: reproducible and resumable."""


import numpy as np
import pytest
import tensorflow as tf

from kaleido import input_pipeline, records
from tests import fake_records
from tests.drawn_batches import (
    PER_EPOCH,
    TRAIN,
    make_config,
    train,
    write_record_set,
)


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    return write_record_set(tmp_path_factory.mktemp("records"))


def assert_same(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def epochs(record_set):
    """Four epochs of batches, random order."""
    return train(record_set, 4 * PER_EPOCH)


@pytest.mark.parametrize("group_size", [1, 4])
def test_each_epoch_visits_each_example_once_in_an_order_of_its_own(
    record_set, group_size
):
    batches = train(record_set, 3 * PER_EPOCH, group_size=group_size)
    visits = np.concatenate([b["product_key"] for b in batches]).reshape(3, TRAIN)
    for visit in visits:
        assert sorted(visit) == list(range(TRAIN))
    assert (visits[0] != visits[1]).any() and (visits[1] != visits[2]).any()
    # Not the stored order either.
    assert (visits[0] != np.arange(TRAIN)).mean() > 0.5


@pytest.mark.parametrize(
    "group_size, start_step",
    [(1, 2), (1, PER_EPOCH), (4, PER_EPOCH + 5)],
)
def test_a_resumed_run_goes_on_where_it_left_off(record_set, group_size, start_step):
    count = start_step + 4  # over the end of an epoch
    tf.random.set_seed(1)
    whole = train(record_set, count, group_size=group_size)
    # Another process: its global generator stands elsewhere.
    tf.random.set_seed(2)
    resumed = train(record_set, 4, start_step=start_step, group_size=group_size)
    for one, other in zip(whole[start_step:], resumed):
        assert_same(one, other)


def test_another_seed_is_another_run(record_set):
    one, other = (train(record_set, 1, seed=seed)[0] for seed in (3, 4))
    assert (one["product_key"] != other["product_key"]).any()


def test_groups_hold_one_subcategory(record_set):
    batches = train(record_set, PER_EPOCH, group_size=4, shuffle_buffer=TRAIN)
    groups = np.concatenate([b["product_key"] for b in batches]).reshape(-1, 4) % 3
    # 48 examples of three sub-categories, 16 each: no group need be mixed.
    assert (groups == groups[:, :1]).all()
    # And groups are shuffled: not all of one kind first.
    assert (np.diff(groups[:, 0]) != 0).sum() > 3
    alone = train(record_set, PER_EPOCH, group_size=1)
    mixed = np.concatenate([b["product_key"] for b in alone]).reshape(-1, 4) % 3
    assert (mixed == mixed[:, :1]).all(axis=1).mean() < 0.3


def test_too_few_examples_for_a_batch_are_refused(record_set):
    with pytest.raises(ValueError, match="48 train examples.*batch_size=64"):
        train(record_set, 1, batch_size=64)


def test_validation_is_the_same_at_each_call(record_set):
    config = make_config()

    def validate(seed=3):
        dataset = input_pipeline.validation_batches(record_set, config, seed)
        return list(dataset.as_numpy_iterator())

    first = validate()
    tf.random.set_seed(77)
    second = validate()
    assert len(first) == 2  # 8 and 2 examples: none is left out
    for one, other in zip(first, second):
        assert_same(one, other)
    keys = np.concatenate([b["product_key"] for b in first])
    assert sorted(keys) == list(range(TRAIN, TRAIN + 10))
    other = np.concatenate([b["product_key"] for b in validate(seed=4)])
    assert sorted(other) == sorted(keys) and (other != keys).any()


def test_what_validation_leaves_out_changes_nothing_else(record_set):
    config = make_config()

    def keys(**more):
        dataset = input_pipeline.validation_batches(record_set, config, 3, **more)
        return [key for b in dataset.as_numpy_iterator() for key in b["product_key"]]

    (ids,) = records.read_strings(record_set, "validation", "image_id")
    without = [ids.numpy()[i].decode() for i in (0, 7)]
    left = set(keys()) - {TRAIN, TRAIN + 7}
    assert sorted(keys(without=without)) == sorted(left) and len(left) == 8


def test_clean_batches_come_in_stored_order_and_uncorrupted(record_set):
    dataset = input_pipeline.clean_batches(
        record_set, make_config(), "validation", 4, with_strings=True
    )
    batches = list(dataset.as_numpy_iterator())
    keys = np.concatenate([b["product_key"] for b in batches])
    assert keys.tolist() == list(range(TRAIN, TRAIN + 10))
    features = np.concatenate([b["patch_features"] for b in batches])
    assert (features[..., 0] == keys[:, None]).all()
    assert (features[..., 1] == fake_records.SPEC.patch_layout.clean_rows).all()
    items = fake_records.items_of(10, TRAIN)
    np.testing.assert_array_equal(
        np.concatenate([b["token_ids"] for b in batches]), [i.token_ids for i in items]
    )
    assert batches[0]["text"][0] == f"text {TRAIN}".encode()
