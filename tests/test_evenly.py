"""Evenly chosen rows: exactly as many as asked for, from end to end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kaleido.evenly import evenly, stride


@given(count=st.integers(0, 5000), most=st.integers(0, 5000))
def test_as_many_as_asked_for_from_end_to_end(count, most):
    found = evenly(count, most)
    assert found.dtype == np.int64 and len(found) == min(count, most)
    steps = np.diff(found)
    # Even: no gap is more than one row wider than another.
    assert (steps >= 1).all() and (len(steps) < 2 or np.ptp(steps) <= 1)
    if len(found) > 1:
        assert found[0] == 0 and found[-1] == count - 1
    assert ((found >= 0) & (found < count)).all()


def test_by_hand():
    assert evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly(3, 5).tolist() == [0, 1, 2]
    assert evenly(9, 1).tolist() == [0] and evenly(0, 4).tolist() == []
    # Every second row would be fewer than are asked for.
    assert len(evenly(1915, 1200)) == 1200


@given(count=st.integers(0, 5000), most=st.integers(1, 5000))
def test_a_step_takes_no_more_than_asked_for_and_sees_every_view(count, most):
    step = stride(count, most)
    assert step % 2 == 1 and len(range(0, count, step)) <= most
    if count > 4 * step:
        assert {row % 4 for row in range(0, count, step)} == {0, 1, 2, 3}
    # No finer odd step would do.
    assert step == 1 or len(range(0, count, step - 2)) > most
