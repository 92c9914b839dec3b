import numpy as np
import pytest

from edge_benchmarks.statistics import Trend, monotone_trend


def test_a_rising_series() -> None:
    found = monotone_trend([10.0, 10.1, 10.2, 10.3, 10.4, 10.5])
    assert found.change == pytest.approx(0.5 / 10.25)
    assert found.p == pytest.approx(0.00853, abs=5e-5)  # S = 15, variance 28.33
    assert found.drifts


def test_a_falling_series_drifts_as_well() -> None:
    found = monotone_trend([10.5, 10.4, 10.3, 10.2, 10.1, 10.0])
    assert found.change < 0 and found.drifts


def test_one_round_among_others_makes_no_trend() -> None:
    found = monotone_trend([10.0, 10.0, 10.0, 30.0, 10.0, 10.0, 10.0])
    assert found == Trend(0.0, 1.0)


def test_a_sure_trend_too_small_to_matter() -> None:
    found = monotone_trend([10.0 + 0.01 * i for i in range(10)])
    assert found.p < 0.001 and not found.drifts


def test_a_large_change_that_may_be_chance() -> None:
    found = monotone_trend([10.0, 12.0, 11.0, 13.0])
    assert found.change > 0.02 and not found.drifts


def test_ties_count_for_neither_side() -> None:
    # S = 4 of 6 pairs, variance (4 * 3 * 13 - 2 * 2 * 1 * 9) / 18
    assert monotone_trend([1.0, 1.0, 2.0, 2.0]).p == pytest.approx(0.2453, abs=5e-5)


@pytest.mark.parametrize("medians", [[], [4.0]])
def test_without_two_rounds_there_is_no_trend(medians: list[float]) -> None:
    assert monotone_trend(medians) == Trend(0.0, 1.0)


def test_bytes_fall_as_well_as_they_rise() -> None:
    falling = monotone_trend(np.array([250, 200, 150, 100, 50, 0], np.uint8))
    assert falling == monotone_trend([250.0, 200.0, 150.0, 100.0, 50.0, 0.0])
    assert falling.change == pytest.approx(-2.0)
