import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.stream.ring import Ring


def _push(ring: Ring, value: float) -> None:
    ring.slot[...] = value
    ring.advance()


def _window_of(ring: Ring) -> np.ndarray:
    out = np.full(ring.shape, -1.0)
    ring.copy_to(out)
    return out


@given(st.integers(1, 9), st.lists(st.integers(-100, 100), min_size=1, max_size=60))
def test_a_ring_equals_the_window_of_the_last_values(window: int, values: list[int]) -> None:
    ring = Ring(window, (2,), "int16")
    for count, value in enumerate(values, start=1):
        _push(ring, value)
        assert ring.full == (count >= window)
        if ring.full:
            window_now = _window_of(ring)
            assert window_now[:, 0].tolist() == values[count - window : count]
            assert window_now[:, 1].tolist() == values[count - window : count]


def test_a_ring_that_is_not_full_gives_nothing_out() -> None:
    ring = Ring(3, (1,), "float32")
    _push(ring, 1)
    with pytest.raises(ValueError, match="1 of 3"):
        _window_of(ring)


def test_clear_starts_a_new_window() -> None:
    ring = Ring(2, (1,), "float32")
    for value in (1, 2, 3):
        _push(ring, value)
    ring.clear()
    assert not ring.full
    for value in (7, 8):
        _push(ring, value)
    assert _window_of(ring).ravel().tolist() == [7, 8]


def test_a_ring_holds_what_its_features_are() -> None:
    ring = Ring(3, (2, 5), "int8")
    assert ring.shape == (3, 2, 5)
    assert (ring.slot.shape, ring.slot.dtype) == ((2, 5), np.int8)


def test_a_cleared_ring_is_full_when_a_whole_window_has_come_again() -> None:
    ring = Ring(2, (1,), "float32")
    for value in (1, 2):
        _push(ring, value)
    ring.clear()
    _push(ring, 3)
    assert not ring.full
    with pytest.raises(ValueError, match="^the ring holds 1 of 2 features$"):
        _window_of(ring)
