"""Which frames a network gets: laws that hold for any rate, and cameras that change theirs."""

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.sources.arrivals import Arrivals
from edge.stream import Frame, FrameSampler

PIXELS = np.zeros((1, 1, 3), np.uint8)
rates = st.floats(1, 240)
faster = st.floats(1.11, 20)


def taken(
    sampler: FrameSampler, times_s: Iterable[float | None], restarts: Iterable[int] = ()
) -> list:
    """The numbers of the frames that are taken."""
    frames = (Frame(PIXELS, n, 0.0, n in restarts, time_s) for n, time_s in enumerate(times_s))
    return [frame.number for frame in frames if sampler.takes(frame)]


@given(rates, faster, st.floats(0, 1e6))
def test_of_a_faster_source_the_nearest_frames_are_taken(
    rate_hz: float, ratio: float, start_s: float
) -> None:
    interval_s, count = 1 / (rate_hz * ratio), 300
    times_s = [start_s + number * interval_s for number in range(count)]
    numbers = taken(FrameSampler(rate_hz), times_s)
    assert len(numbers) == pytest.approx(count / ratio, abs=1)
    for point, number in enumerate(numbers):
        distance_s = number * interval_s - point / rate_hz
        assert abs(distance_s) <= interval_s / 2 * 1.001 + 1e-6


@given(rates, st.floats(0.05, 1.09))
def test_a_slower_source_passes_whole(rate_hz: float, ratio: float) -> None:
    times_s = [number / (rate_hz * ratio) for number in range(200)]
    assert taken(FrameSampler(rate_hz), times_s) == list(range(200))


@given(st.lists(st.floats(0.001, 0.03), min_size=50, max_size=300))
def test_frames_at_uneven_times_come_out_at_the_rate(intervals_s: list[float]) -> None:
    """No window is squeezed or stretched by more than an interval and a half."""
    times_s = [0.0, *itertools.accumulate(intervals_s)]
    numbers = taken(FrameSampler(25.0), times_s)
    assert len(numbers) == pytest.approx(25 * times_s[-1], abs=2)
    for point, number in enumerate(numbers):
        assert abs(times_s[number] - point / 25) <= 0.045


@pytest.mark.parametrize("rate_hz", [0.0, 25.0])
def test_all_are_taken_if_nothing_is_known(rate_hz: float) -> None:
    times_s = [number / 100 for number in range(40)]
    assert taken(FrameSampler(0.0), times_s) == list(range(40))
    assert taken(FrameSampler(rate_hz), [None] * 40) == list(range(40))
    assert taken(FrameSampler(rate_hz), [math.nan] * 40) == list(range(40))
    assert taken(FrameSampler(rate_hz), [3.0] * 40) == list(range(40))


def test_the_grid_begins_anew_behind_a_gap() -> None:
    times_s = [*(number / 50 for number in range(10)), *(7.31 + n / 50 for n in range(10))]
    assert taken(FrameSampler(25.0), times_s, {10}) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    times_s = [*(100 + number / 50 for number in range(10)), *(n / 50 for n in range(10))]
    assert taken(FrameSampler(25.0), times_s)[5:] == [10, 12, 14, 16, 18]


def test_a_camera_may_change_its_rate() -> None:
    """In the dark many give half as many frames."""
    times_s = [0.0, *itertools.accumulate([1 / 50] * 100 + [1 / 20] * 100 + [1 / 50] * 100)]
    numbers = taken(FrameSampler(25.0), times_s)
    assert [n for n in numbers if n <= 100] == list(range(0, 101, 2))
    assert len([n for n in numbers if 100 < n <= 200]) >= 98
    assert numbers[-40:] == list(range(numbers[-40], numbers[-40] + 80, 2))


def captured(arrivals_s: Iterable[float]) -> list[float | None]:
    """When frames were captured, as their arrivals let guess."""
    arrivals, times_s = Arrivals(), []
    for number, now in enumerate(arrivals_s):
        arrivals.add(now, restart=number == 0)
        times_s.append(arrivals.time_s)
    return times_s


def bursts(size: int, rate_hz: float, count: int) -> list[float]:
    return [number // size * size / rate_hz + number % size * 5e-4 for number in range(count)]


def test_bursts_become_even_steps_and_none_of_their_frames_is_left_out() -> None:
    times_s = captured(bursts(5, 25.0, 960))
    assert taken(FrameSampler(25.0), times_s) == list(range(960))
    steps_s = np.diff(np.array(times_s[15:], np.float64))
    assert steps_s.min() > 0.036 and steps_s.max() < 0.044


@pytest.mark.parametrize("size", [1, 3, 5])
def test_of_bursts_of_a_faster_camera_as_many_are_taken_as_are_due(size: int) -> None:
    numbers = taken(FrameSampler(25.0), captured(bursts(size, 50.0, 1015)))
    assert len(numbers) == pytest.approx(15 + 500, abs=8)
    assert max(np.diff(numbers)) <= 3


def test_a_pause_puts_the_clock_right() -> None:
    arrivals_s = [*(number / 25 for number in range(60)), *(62.0 + n / 25 for n in range(60))]
    times_s = captured(arrivals_s)
    assert times_s[14] is None
    assert times_s[15] == pytest.approx(15 / 25)
    assert times_s[60] == pytest.approx(62.0)
