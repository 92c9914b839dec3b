import itertools
import math

import pytest

from edge_benchmarks.measure.timing import TimerCheck, check_timer


def stepping(step_ns: int, reads_a_step: int):
    """A clock that moves by `step_ns` every so many readings."""
    reads = itertools.count()
    return lambda: next(reads) // reads_a_step * step_ns


def test_a_fine_clock_costs_a_reading() -> None:
    assert check_timer(stepping(70, 1), reads=1001) == TimerCheck(resolution_ns=70, cost_ns=70.0)


def test_a_coarse_clock_stands_still_between_its_steps() -> None:
    found = check_timer(stepping(15_000_000, 100), reads=1001)
    assert found == TimerCheck(resolution_ns=15_000_000, cost_ns=150_000.0)


def test_a_clock_that_never_moves_is_good_for_nothing() -> None:
    found = check_timer(lambda: 7, reads=100)
    assert found.resolution_ns == math.inf and found.too_coarse_for(1e9)


@pytest.mark.parametrize(
    ("check", "measured_ms", "too_coarse"),
    [
        (TimerCheck(1_000, 50), 0.2, False),
        (TimerCheck(1_000, 50), 0.05, True),
        (TimerCheck(1, 1_000), 0.05, True),
        (TimerCheck(1_000, 50), 0.1, False),  # 100 times is enough
    ],
)
def test_a_time_should_be_a_hundred_times_the_clock(
    check: TimerCheck, measured_ms: float, too_coarse: bool
) -> None:
    assert check.too_coarse_for(measured_ms) is too_coarse


def test_the_share_of_a_time_that_is_the_clock() -> None:
    assert TimerCheck(1_000, 2_000).share_of(0.1) == 0.02


def test_the_clock_of_this_machine_is_fine_enough_for_a_frame() -> None:
    assert not check_timer().too_coarse_for(1.0)
