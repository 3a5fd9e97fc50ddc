"""Partners are valid, evenly drawn, and bring their whole text along."""

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from kaleido import negatives


def test_different_compares_rows_with_columns():
    keys, others = tf.constant([1, 2], tf.int64), tf.constant([2, 1, 3], tf.int64)
    assert negatives.different(keys, others).numpy().tolist() == [
        [True, False, True], [False, True, True],
    ]
    # A product is not different from itself.
    assert not np.diag(negatives.different(keys).numpy()).any()


@given(
    valid=st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1,
                   max_size=6),
    draw=st.floats(0, 1, exclude_max=True, width=32),
)
def test_a_choice_is_the_nth_valid_column(valid, draw):
    chosen = negatives.choose(
        tf.constant(valid), tf.fill([len(valid)], tf.constant(draw, tf.float32))
    ).numpy()
    for row, index in zip(valid, chosen):
        columns = np.flatnonzero(row)
        if not len(columns):
            assert index == -1
        else:
            wanted = min(int(np.float32(draw) * np.float32(len(columns))),
                         len(columns) - 1)
            assert index == columns[wanted]


def test_all_valid_columns_are_equally_likely():
    draws = (np.arange(3000, dtype=np.float32) + 0.5) / 3000
    valid = np.tile([False, True, True, False, True], (3000, 1))
    counts = np.bincount(negatives.choose(tf.constant(valid), draws), minlength=5)
    assert counts.tolist() == [0, 1000, 1000, 0, 1000]


def test_the_draw_one_below_one_is_still_a_column():
    almost = np.nextafter(np.float32(1), np.float32(0))
    valid = tf.ones([1, 77], tf.bool)
    assert negatives.choose(valid, tf.constant([almost])).numpy()[0] == 76


def test_a_negative_shares_neither_product_nor_text_nor_picture():
    batch = {
        "product_key": tf.constant([1, 1, 2, 3, 4]),
        "text_key": tf.constant([5, 6, 6, 7, 8]),
        "picture_key": tf.constant([0, 1, 2, 3, 3]),
    }
    apart = negatives.foreign(batch).numpy()
    together = {(0, 1), (1, 2), (3, 4)}
    for i in range(5):
        for j in range(5):
            same = i == j or (i, j) in together or (j, i) in together
            assert apart[i, j] != same
    two = {key: value[:2] for key, value in batch.items()}
    np.testing.assert_array_equal(negatives.foreign(two, batch), apart[:2])


def texts(count, start=0):
    return {
        name: tf.range(start, start + 2 * count)[:, None][::2]
        for name in negatives.TEXT_FIELDS
    }


def test_a_text_brings_its_hidden_words_along_and_nothing_else_moves():
    batch = {**texts(3), "patch_features": tf.constant([[1.0], [2.0], [3.0]]),
             "product_key": tf.constant([7, 8, 9])}
    swapped = negatives.swap_texts(batch, tf.constant([1, 0, 2]))
    for name in ("token_ids", "masked_positions", "masked_ids", "masked_weights"):
        assert swapped[name].numpy().ravel().tolist() == [2, 0, 4]
    for name in ("patch_features", "product_key"):
        np.testing.assert_array_equal(swapped[name], batch[name])


def test_texts_may_come_from_a_larger_batch():
    swapped = negatives.swap_texts(texts(2), tf.constant([3, 0]), texts(4, 100))
    assert swapped["token_ids"].numpy().ravel().tolist() == [106, 100]
