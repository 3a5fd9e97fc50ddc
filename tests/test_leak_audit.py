"""What training and test share is found, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kaleido.leak_audit import audit


def split(*pairs):
    """Pairs of (product, text, picture)."""
    columns = np.array(pairs, np.int64).reshape(-1, 3).T
    return dict(zip(("product_keys", "text_keys", "picture_keys"), columns))


TRAIN = split((1, 10, 100), (2, 20, 200), (3, 30, 300))


def test_each_kind_of_leak_is_counted_and_removed():
    found = audit(
        TRAIN,
        split(
            (9, 90, 900),
            (1, 91, 901),  # another view of a product of training
            (8, 92, 200),  # its picture under another number and text
            (7, 30, 300),  # and with its text
            (6, 10, 906),  # its words only
            (5, 10, 907),
        ),
    )
    assert found.leaked.tolist() == [False, True, True, True, False, False]
    assert found.counts == {
        "product": 1, "picture": 2, "picture_and_text": 1, "removed": 3,
    }


def test_a_picture_and_a_text_of_two_products_are_no_pair_of_training():
    assert audit(TRAIN, split((9, 20, 300))).counts["picture_and_text"] == 0


def test_an_empty_split_leaks_nothing():
    assert audit(TRAIN, split()).counts["removed"] == 0
    assert not audit(split(), TRAIN).leaked.any()


pairs = st.lists(st.tuples(*[st.integers(0, 12)] * 3), max_size=12)


@given(pairs, pairs)
def test_it_finds_what_a_search_by_hand_finds(train, test):
    found = audit(split(*train), split(*test))
    expected = [
        any(one[0] == other[0] or one[2] == other[2] for other in train) for one in test
    ]
    assert found.leaked.tolist() == expected
    assert found.counts["picture_and_text"] == sum(
        any(one[1:] == other[1:] for other in train) for one in test
    )
