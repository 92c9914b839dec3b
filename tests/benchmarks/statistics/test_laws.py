"""Laws that hold for every sample: symmetries, bounds, and what other sums give."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge_benchmarks.statistics import (
    CHECKS,
    Evidence,
    Outliers,
    PercentileEstimate,
    Summary,
    Trend,
    Verdict,
    judge,
    monotone_trend,
    percentile_estimates,
    percentile_interval,
    spread,
    tukey_outliers,
)
from edge_benchmarks.statistics.intervals import (
    autocovariance,
    beta_cdf,
    cautious_size,
    effective_size,
    rank_below,
    student_quantile,
)

latencies = st.floats(0.5, 50.0).map(lambda value: round(value, 2))
samples = st.lists(latencies, min_size=2, max_size=60)
shapes = st.floats(0.5, 40.0)
shares = st.floats(0.01, 0.99)


@settings(deadline=None)
@given(shares, shapes, shapes)
def test_the_beta_distribution_mirrors_itself(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) + beta_cdf(1 - x, b, a) == pytest.approx(1.0, abs=1e-9)
    assert 0.0 <= beta_cdf(x, a, b) <= beta_cdf(min(1.0, x + 0.01), a, b) + 1e-12 <= 1.0 + 1e-9


@settings(deadline=None)
@given(shares, st.integers(1, 25), st.data())
def test_the_beta_distribution_sums_the_binomial(x: float, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    tail = sum(math.comb(n, i) * x**i * (1 - x) ** (n - i) for i in range(k, n + 1))
    assert beta_cdf(x, k, n - k + 1) == pytest.approx(tail, abs=1e-10)


@pytest.mark.parametrize(("x", "expected"), [(-0.5, 0.0), (0.0, 0.0), (1.0, 1.0), (1.5, 1.0)])
def test_the_beta_distribution_ends_at_0_and_1(x: float, expected: float) -> None:
    assert beta_cdf(x, 2.0, 3.0) == expected


def test_the_beta_distribution_far_out() -> None:
    assert beta_cdf(0.5, 5000.0, 5000.0) == pytest.approx(0.5, abs=1e-9)
    assert beta_cdf(0.01, 5000.0, 5000.0) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(shares, st.integers(5, 3000), st.sampled_from([0.025, 0.2, 0.5, 0.8, 0.975]))
def test_ranks_mirror_themselves(share: float, n: int, confidence: float) -> None:
    low, high = rank_below(share, n, confidence), rank_below(1 - share, n, 1 - confidence)
    assert (low is None) == (high is None)
    if low is not None and high is not None:
        assert low + high == pytest.approx(n + 1, abs=1e-4)
        assert 1 <= low <= n
        assert beta_cdf(share, low, n + 1 - low) == pytest.approx(confidence, abs=1e-4)


@pytest.mark.parametrize(
    ("degrees", "t"), [(5, 2.570582), (10, 2.228139), (30, 2.042272), (100, 1.983972)]
)
def test_students_t_is_close_from_5_degrees_on(degrees: float, t: float) -> None:
    assert student_quantile(degrees) == pytest.approx(t, rel=2e-3 if degrees < 10 else 1e-4)


@pytest.mark.parametrize(
    ("degrees", "four_terms"), [(2, 4.17120546356), (3, 3.15899311785), (4, 2.76937310684)]
)
def test_students_t_is_the_sum_of_four_terms(degrees: float, four_terms: float) -> None:
    assert student_quantile(degrees) == pytest.approx(four_terms, rel=1e-9)


def test_students_t_of_two_degrees() -> None:
    assert student_quantile(2) == pytest.approx(4.303, rel=0.032)


@given(st.lists(latencies, min_size=2, max_size=40))
def test_autocovariance_is_the_sum_of_products(values: list[float]) -> None:
    n, centred = len(values), np.array(values) - np.mean(values)
    sums = [float((centred[: n - lag] * centred[lag:]).sum()) / n for lag in range(n)]
    assert autocovariance(np.array(values)) == pytest.approx(sums, abs=1e-8)


@given(samples)
def test_a_sample_holds_at_least_one_and_at_most_all_of_its_values(values: list[float]) -> None:
    series = np.array(values)
    assert 1.0 <= effective_size(series) <= len(values)
    assert effective_size(series[::-1]) == pytest.approx(effective_size(series))
    assert effective_size(3.0 * series + 7.0) == pytest.approx(effective_size(series), rel=1e-5)
    assert cautious_size(series) <= effective_size(series)


def test_effective_sizes_of_literal_series() -> None:
    assert effective_size(np.array([1.0, 2.0, 3.0])) == 3.0  # too short to tell
    assert effective_size(np.full(10, 4.0)) == effective_size(np.zeros(10)) == 10.0
    assert effective_size(np.full(5, 1.62)) == 5.0  # whose mean is not quite 1.62
    rounded = np.array([0.3, 0.3, 0.1 + 0.2, 0.1 + 0.2])
    assert effective_size(rounded) == effective_size(1e6 * rounded) == 4.0
    # pairs of covariances 1.6875, 0.1875, -0.5625 ..., over 1.3125
    steps = np.array([1.0, 2.0, 3.0, 4.0])
    assert effective_size(steps) == pytest.approx(4 / (2 * 1.5625 / 1.25 - 1))
    assert effective_size(np.array([0.0, 1.0] * 8)) == pytest.approx(16.0)  # never more than n
    # the last of its four pairs of lags is the first that is not positive
    rising = np.array([0.0, 0.0, 2.0, 1.0, 2.0, 1.0, 2.0, 4.0])
    assert effective_size(rising) == pytest.approx(64 / 11)


def test_cautious_sizes_concede_what_student_concedes() -> None:
    series = np.array([1.0, 2.0, 3.0, 4.0])
    size = effective_size(series)
    assert cautious_size(series) == pytest.approx(
        size * (1.959963984540054 / student_quantile(2.0)) ** 2
    )
    long = np.random.default_rng(5).standard_normal(800)
    degrees = effective_size(long) / 8
    assert cautious_size(long) == pytest.approx(
        effective_size(long) * (1.959963984540054 / student_quantile(degrees)) ** 2
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(10, 200), st.sampled_from([0.5, 0.9, 0.99]))
def test_an_interval_encloses_its_percentile_and_moves_along(
    seed: int, pairs: int, share: float
) -> None:
    n = 2 * pairs  # even: no value is the percentile itself, which would count as below it twice
    values = np.random.default_rng(seed).lognormal(size=n)
    interval = percentile_interval(values, share)
    mirrored = percentile_interval(-values, 1 - share)
    assert (interval is None) == (mirrored is None)
    if interval is None or mirrored is None:
        return
    low, high = interval
    assert values.min() <= low <= np.quantile(values, share) <= high <= values.max()
    assert percentile_interval(2 * values + 3, share) == pytest.approx((2 * low + 3, 2 * high + 3))


def test_an_interval_of_independent_values_is_that_of_the_binomial() -> None:
    values = np.random.default_rng(11).permutation(400) + 1.0
    low, high = percentile_interval(values, 0.5) or (0.0, 0.0)
    # ranks 200.5 -+ 1.96 x 10 for independent values; a little wider, for their size is estimated
    assert 176 <= low <= 181 and 220 <= high <= 225


def test_the_shares_of_the_percentiles() -> None:
    estimates = percentile_estimates(np.arange(1.0, 1002.0))
    assert {name: p.value for name, p in estimates.items()} == pytest.approx(
        {"p50": 501.0, "p90": 901.0, "p99": 991.0, "p99.9": 1000.0}
    )


def test_too_few_values_for_a_percentile_give_no_interval() -> None:
    values = np.random.default_rng(3).permutation(60) + 1.0
    assert percentile_interval(values, 0.5) is not None
    assert percentile_interval(values, 0.95) is None
    assert percentile_interval(values, 0.05) is None


@given(st.lists(latencies, min_size=2, max_size=30))
def test_a_reversed_series_has_the_opposite_trend(medians: list[float]) -> None:
    trend, backwards = monotone_trend(medians), monotone_trend(medians[::-1])
    assert backwards.change == pytest.approx(-trend.change)
    assert backwards.p == pytest.approx(trend.p)
    assert 0.0 <= trend.p <= 1.0
    scaled = monotone_trend([4.0 * value for value in medians])
    assert (scaled.change, scaled.p) == (pytest.approx(trend.change), pytest.approx(trend.p))


def test_two_rounds_change_and_prove_nothing() -> None:
    assert monotone_trend([10.0, 11.0]) == Trend(pytest.approx(1 / 10.5), 1.0)


def test_neighbours_that_move_together_make_a_trend_less_sure() -> None:
    # a slow wave about the rising line: 20 rounds tell as little as far fewer
    wave = [10 + 0.05 * i + 0.5 * math.sin(i / 3) for i in range(20)]
    rng = np.random.default_rng(0)
    noise = [10 + 0.05 * i + 0.5 * math.sin(j / 3) for i, j in enumerate(rng.permutation(20))]
    assert monotone_trend(wave).p > monotone_trend(noise).p


@pytest.mark.parametrize(
    ("trend", "drifts"),
    [
        (Trend(0.02, 0.0), False),
        (Trend(0.021, 0.0), True),
        (Trend(-0.021, 0.049), True),
        (Trend(0.5, 0.05), False),
    ],
)
def test_a_drift_is_sure_and_large(trend: Trend, drifts: bool) -> None:
    assert trend.drifts is drifts


def test_two_rounds_have_a_spread() -> None:
    assert spread([9.0, 11.0]) == pytest.approx(0.16)


def test_a_value_on_the_lower_fence_is_no_outlier() -> None:
    assert tukey_outliers([-1.0, 2.0, 3.0, 4.0, 7.0]) == Outliers(5, 0, 0, -1.0, 7.0)
    assert tukey_outliers([-1.1, 2.0, 3.0, 4.0, 7.0]).below == 1


@given(samples)
def test_outliers_mirror_themselves(values: list[float]) -> None:
    outliers = tukey_outliers(values)
    mirrored = tukey_outliers([-value for value in values])
    assert mirrored.low_fence == pytest.approx(-outliers.high_fence)
    assert outliers.n == len(values) and outliers.low_fence <= outliers.high_fence


@pytest.mark.parametrize(
    ("evidence", "stable"),
    [
        (Evidence(clock=0.01), True),
        (Evidence(clock=0.0101), False),
        (Evidence(waiting=0.10), True),
        (Evidence(waiting=0.11), False),
        (Evidence(outliers=0.10), True),
        (Evidence(outliers=0.11), False),
    ],
)
def test_a_limit_is_allowed_and_more_is_not(evidence: Evidence, stable: bool) -> None:
    assert judge(evidence).stable is stable


@pytest.mark.parametrize(
    ("figure", "field"),
    [
        (Summary(1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), "n"),
        (Outliers(1, 0, 0, 0.0, 1.0), "n"),
        (Trend(0.0, 1.0), "p"),
        (PercentileEstimate(1.0), "value"),
        (Evidence(), "clock"),
        (CHECKS[0], "limit"),
        (Verdict(), "failed"),
    ],
)
def test_a_figure_cannot_be_changed(figure: object, field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(figure, field, 0)
