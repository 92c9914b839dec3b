import numpy as np
import pytest

from edge_benchmarks.judge.compare import (
    FASTER,
    NO_DIFFERENCE,
    SLOWER,
    compare_apart,
    compare_interleaved,
    measured_repeatability,
)
from edge_benchmarks.measure.processes import floor_ms
from edge_common.errors import ConfigError

QUIET = [1.200, 1.204, 1.210, 1.206, 1.260]
BUSY = [1.212, 1.400, 1.222, 1.350, 1.218, 1.500]


def scaled(floors: list[float], factor: float) -> list[float]:
    return [factor * floor for floor in floors]


def test_the_floor_is_the_shortest_frame() -> None:
    assert floor_ms([[1.3, 1.2], np.array([5.0, 1.25, 1.4])]) == 1.2


def test_a_busy_run_of_the_same_is_no_difference() -> None:
    found = compare_apart(QUIET, BUSY)
    assert found.ratio == pytest.approx(1.01)
    assert found.verdict == NO_DIFFERENCE


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.05, SLOWER), (0.95, FASTER), (1.01, NO_DIFFERENCE)]
)
def test_a_change_is_found_apart(factor: float, verdict: str) -> None:
    assert compare_apart(QUIET, scaled(QUIET, factor)).verdict == verdict


def test_the_interval_adds_repeatability_and_both_depths() -> None:
    found = compare_apart([1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0 * np.exp(0.03)], 0.04)
    assert found.ratio == pytest.approx(2.0)
    assert np.log(found.interval) == pytest.approx([np.log(2) - 0.05, np.log(2) + 0.05])


def test_processes_that_lie_apart_widen_the_interval() -> None:
    apart = [1.0, 1.06, 1.07, 1.08, 1.09]
    assert compare_apart(apart, scaled(apart, 1.05)).verdict == NO_DIFFERENCE


def test_a_slow_process_counts_for_nothing() -> None:
    assert compare_apart(QUIET, [*QUIET, 9.0]) == compare_apart(QUIET, QUIET)


def test_interleaved_processes_share_their_noise() -> None:
    before = [1.2, 1.8, 1.3, 2.4, 1.5, 1.2]
    factors = [1.05, 1.04, 1.06, 1.05, 1.04, 1.06]
    found = compare_interleaved(before, [b * f for b, f in zip(before, factors)])
    assert found.ratio == pytest.approx(1.05, abs=1e-4)
    assert found.interval == pytest.approx((1.0406, 1.0594), abs=2e-4)
    assert found.verdict == SLOWER
    assert compare_apart(before, scaled(before, 1.05)).verdict == NO_DIFFERENCE


def test_the_order_of_creation_cancels_out() -> None:
    before = [1.0] * 8
    assert compare_interleaved(before, [1.01, 0.99] * 4).verdict == NO_DIFFERENCE


def test_both_directions_agree() -> None:
    there, back = compare_apart(QUIET, BUSY), compare_apart(BUSY, QUIET)
    assert there.ratio * back.ratio == pytest.approx(1)
    assert there.interval[0] * back.interval[1] == pytest.approx(1)


@pytest.mark.parametrize("compare", [compare_apart, compare_interleaved])
def test_too_few_processes_are_refused(compare) -> None:
    with pytest.raises(ConfigError, match="a run of 3 processes cannot be compared: measure again"):
        compare([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])


def test_repeatability_of_runs() -> None:
    # floors 1 and e^0.01: standard deviation 0.01 / sqrt(2), a difference of two 0.01
    found = measured_repeatability([[1.0, 1.1], [np.exp(0.01), 1.2]])
    assert found == pytest.approx(0.0196, abs=1e-6)
