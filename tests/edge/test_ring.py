import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ring import Ring


def _push(ring: Ring, value: float) -> None:
    ring.slot[...] = value
    ring.advance()


@given(st.integers(1, 9), st.lists(st.integers(-100, 100), min_size=1, max_size=60))
def test_a_ring_equals_the_window_of_the_last_values(window: int, values: list[int]) -> None:
    ring = Ring(window, (2,), np.dtype(np.int16))
    for count, value in enumerate(values, start=1):
        _push(ring, value)
        assert ring.full == (count >= window)
        if ring.full:
            assert ring.view()[:, 0].tolist() == values[count - window : count]
            assert ring.view()[:, 1].tolist() == values[count - window : count]


def test_the_view_is_contiguous_and_no_copy() -> None:
    ring = Ring(3, (4,), np.dtype(np.float32))
    for value in range(5):
        _push(ring, value)
    view = ring.view()
    assert view.flags.c_contiguous
    assert not view.flags.owndata
    assert view.shape == (3, 4)


def test_a_ring_that_is_not_full_has_no_view() -> None:
    ring = Ring(3, (1,), np.dtype(np.float32))
    _push(ring, 1)
    with pytest.raises(ValueError, match="1 of 3"):
        ring.view()


def test_clear_starts_a_new_window() -> None:
    ring = Ring(2, (1,), np.dtype(np.float32))
    for value in (1, 2, 3):
        _push(ring, value)
    ring.clear()
    assert not ring.full
    for value in (7, 8):
        _push(ring, value)
    assert ring.view().ravel().tolist() == [7, 8]
