import numpy as np
import pytest

from edge_benchmarks.statistics import PercentileEstimate, percentile_estimates, percentile_interval
from edge_benchmarks.statistics.intervals import (
    autocovariance,
    beta_cdf,
    effective_size,
    rank_below,
    student_quantile,
)
from tests.benchmarks.statistics.coverage import autoregressive, coverage


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (0.3, 1.0, 1.0, 0.3),
        (0.5, 3.0, 4.0, 0.65625),  # P(Bin(6, 1/2) >= 3)
        (0.9, 2.0, 1.0, 0.81),
        (0.0, 2.0, 3.0, 0.0),
        (1.0, 2.0, 3.0, 1.0),
    ],
)
def test_the_beta_distribution(x: float, a: float, b: float, expected: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(expected, abs=1e-12)


def test_an_order_statistic_lies_below_the_median_as_often_as_the_binomial_says() -> None:
    exactly_the_second = 1 - (1 + 10) / 1024  # of ten, fewer than two lie below it
    assert rank_below(0.5, 10, exactly_the_second) == pytest.approx(2.0, abs=1e-5)


def test_no_order_statistic_bounds_what_the_sample_does_not_reach() -> None:
    assert rank_below(0.99, 100, 0.025) is None
    assert rank_below(0.99, 400, 0.025) < 400


@pytest.mark.parametrize(("degrees", "t"), [(4, 2.776), (9, 2.262), (30, 2.042), (1e9, 1.95996)])
def test_students_t(degrees: float, t: float) -> None:
    assert student_quantile(degrees) == pytest.approx(t, rel=5e-3)


def test_autocovariance_of_literal_values() -> None:
    assert autocovariance(np.array([1.0, 2.0, 3.0])) == pytest.approx([2 / 3, 0.0, -1 / 3])


def test_independent_values_count_fully_and_alike_ones_less() -> None:
    rng = np.random.default_rng(0)
    assert effective_size(rng.standard_normal(4000)) > 3500
    # the correlation time of an AR(1) is (1 + phi) / (1 - phi) = 9
    alike = np.log(autoregressive(0.8)(rng, 40_000))
    assert effective_size(alike) == pytest.approx(40_000 / 9, rel=0.15)


def test_percentiles_are_given_only_where_the_sample_bounds_them() -> None:
    found = percentile_estimates(np.random.default_rng(1).permutation(300) + 1.0)
    assert {name: round(p.value, 3) for name, p in found.items()} == {
        "p50": 150.5, "p90": 270.1, "p99": 297.01, "p99.9": 299.701,
    }  # fmt: skip
    low, high = found["p50"].interval
    assert (low, high) == (pytest.approx(133, abs=2), pytest.approx(168, abs=2))
    assert found["p90"].interval is not None
    assert found["p99"].interval is None and found["p99.9"].interval is None


def test_rounds_that_lie_apart_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    still = rng.standard_normal(2000) + 10
    moving = still + np.repeat(rng.permutation(40), 50)
    mixed = rng.permutation(moving)
    widths = [np.ptp(percentile_interval(sample, 0.5)) for sample in (mixed, moving)]
    assert widths[1] > 3 * widths[0]


def test_a_constant_sample_has_no_width() -> None:
    assert percentile_estimates([4.0] * 50)["p50"] == PercentileEstimate(4.0, (4.0, 4.0))


@pytest.mark.parametrize("sample", [[3.0], [3.0, 4.0], [3.0, 4.0, 5.0, 6.0]])
def test_a_handful_of_values_bounds_nothing(sample: list[float]) -> None:
    assert {p.interval for p in percentile_estimates(sample).values()} == {None}


@pytest.mark.parametrize(
    ("name", "n", "share"),
    [
        ("lognormal", 1000, 0.99),
        ("shifted exponential", 1000, 0.5),
        ("bimodal", 1000, 0.9),
        ("AR(1), phi 0.8", 1000, 0.5),
    ],
)
def test_intervals_hold_the_truth(name: str, n: int, share: float) -> None:
    found = coverage(name, n, share, trials=300)
    assert found.given >= 0.95 * found.trials
    assert 0.92 <= found.share <= 0.98  # 300 trials: the full table is `coverage.py`'s


def test_a_single_value_lies_below_the_median_with_a_probability_of_a_half() -> None:
    assert rank_below(0.5, 1, 0.5) == 1.0
    assert rank_below(0.5, 1, 0.51) is None and rank_below(0.5, 1, 0.49) is None


def test_values_are_taken_as_the_numbers_that_they_are() -> None:
    tenths = np.arange(60, dtype=np.float32)[::-1] / 10
    assert percentile_estimates(tenths) == percentile_estimates(tenths.tolist())


def test_one_burst_of_slow_frames_does_not_bound_p99() -> None:
    """Its 40 frames tell of p99 about as much as one, however many tell of the median."""
    fast, slow = np.arange(3960.0), np.arange(3960.0, 4000.0)
    shuffled = np.random.default_rng(0).permutation
    at_once = np.concatenate([shuffled(fast), slow])
    assert percentile_interval(at_once, 0.99) is None
    assert percentile_interval(at_once, 0.5) is not None
    assert percentile_interval(shuffled(at_once), 0.99) is not None


def test_values_that_equal_the_median_count_as_below_it() -> None:
    """Long runs of one of two values leave it open which of the two the median is."""
    runs = ([4.0] * 30 + [5.0] * 20) * 8
    assert percentile_interval(runs, 0.5) == (4.0, 5.0)
    alternating = ([4.0] * 3 + [5.0] * 2) * 80
    assert percentile_interval(alternating, 0.5) == (4.0, 4.0)


def test_autocovariance_of_narrow_numbers_is_computed_in_wide_ones() -> None:
    tenths = np.array([0.1, 0.2, 0.4, 0.7], np.float32)
    assert autocovariance(tenths).tolist() == autocovariance(tenths.astype(np.float64)).tolist()
