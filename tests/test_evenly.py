"""Evenly chosen rows: exactly as many as asked for, from end to end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kaleido.evenly import evenly


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
