"""Percentiles of a latency sample, with intervals that hold for autocorrelated neighbours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_common.statistics import Z_95


def student_quantile(degrees: float) -> float:
    """Two-sided 95 %, of at least 2 degrees of freedom; within 3.1 %, from 4 on within 0.5 %.

    The expansion of Abramowitz and Stegun, 1964, 26.7.5, first four terms.
    """
    z = Z_95
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / degrees**power for power, term in enumerate(terms))


_TERMS = 10_000
_TINY, _EXACT = 1e-300, 1e-14
_RANK_ERROR = 1e-6


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) of a Beta(a, b) variable: the regularised incomplete beta function.

    By its continued fraction (W. J. Lentz, 1976; Press et al., Numerical Recipes, 6.4).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1.0 - math.exp(log_front) * _fraction(1 - x, b, a) / b
    return math.exp(log_front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _nonzero(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            d = 1.0 / _nonzero(1.0 + numerator * d)
            c = _nonzero(1.0 + numerator / c)
            value *= c * d
        if abs(c * d - 1.0) < _EXACT:
            break
    return value


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def rank_below(share: float, n: float, confidence: float) -> float | None:
    """The fractional rank k whose order statistic of `n` lies below the `share` quantile
    with probability `confidence`; None if no order statistic does.

    F(X_(k)) is Beta(k, n + 1 - k), with k continuous (A. D. Hutson, 1999, "Calibrating
    nonparametric quantile confidence intervals using fractional order statistics").
    """
    if beta_cdf(share, 1.0, n) < confidence or beta_cdf(share, n, 1.0) > confidence:
        return None
    low, high = 1.0, float(n)
    while high - low > _RANK_ERROR:
        middle = (low + high) / 2
        if beta_cdf(share, middle, n + 1 - middle) >= confidence:
            low = middle
        else:
            high = middle
    return low


_TIMES_A_DEGREE = 8  # effective values a degree of freedom of the estimated variance
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # relative; a series that varies less is constant


def autocovariance(series: np.ndarray) -> np.ndarray:
    """Biased autocovariance at the lags 0 .. n - 1 of `series` (n,)."""
    values = np.asarray(series, np.float64)
    centred = values - values.mean()
    n = len(centred)
    spectrum = np.fft.rfft(centred, 1 << (2 * n - 1).bit_length())
    return np.fft.irfft(spectrum * spectrum.conj())[:n] / n


def effective_size(series: np.ndarray) -> float:
    """How many independent values would fix the mean of `series` (n,) as well; 1 to n.

    n over the integrated autocorrelation time, summed up to where pairs of neighbouring
    lags are no longer positive (C. J. Geyer, 1992, "Practical Markov chain Monte Carlo":
    the initial monotone sequence).
    """
    values = np.asarray(series, np.float64)
    n = len(values)
    if n < 4 or np.ptp(values) <= _ROUNDING * np.abs(values).max():
        return float(n)
    covariance = autocovariance(values)
    pairs = covariance[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    end = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    monotone = np.minimum.accumulate(pairs[: max(end, 1)])
    time = 2 * monotone.sum() / covariance[0] - 1
    return float(n / max(time, 1.0))


def cautious_size(series: np.ndarray) -> float:
    """The effective size, less what must be conceded because it is itself an estimate.

    Normal intervals of this size are as wide as Student's t intervals of the effective
    size (E. L. Korn and B. I. Graubard, 1998, for proportions of correlated samples).
    """
    size = effective_size(series)
    return size * (Z_95 / student_quantile(max(size / _TIMES_A_DEGREE, 2.0))) ** 2


SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99.9": 0.999}
_CONFIDENCE = 0.95
_ONE_SIDED = 0.01  # how probable all values on one side of a quantile may be


@dataclass(frozen=True)
class PercentileEstimate:
    """A percentile in the sample's unit.

    interval: 95 %; None if the sample is too small, or too autocorrelated, to bound it.
    """

    value: float
    interval: tuple[float, float] | None = None


def percentile_estimates(sample: Sequence[float] | np.ndarray) -> dict[str, PercentileEstimate]:
    """p50, p90, p99 and p99.9 of a sample in the order in which it was taken.

    Rounds of one subject are simply joined.
    """
    ordered = _Ordered(sample)
    return {
        name: PercentileEstimate(ordered.quantile(share), ordered.interval(share))
        for name, share in SHARES.items()
    }


def percentile_interval(
    sample: Sequence[float] | np.ndarray, share: float
) -> tuple[float, float] | None:
    """95 % interval of the `share` quantile of a sample in the order in which it was taken.

    The two order statistics that enclose it (Hahn and Meeker, 1991, 5.2), at fractional
    ranks (A. D. Hutson, 1999), of as many values as the sample effectively holds
    (R. S. Woodruff, 1952, for samples that are not independent).
    """
    return _Ordered(sample).interval(share)


class _Ordered:
    """A sample both as it was taken and sorted."""

    def __init__(self, sample: Sequence[float] | np.ndarray) -> None:
        self._series = np.asarray(sample, np.float64)
        self._values = np.sort(self._series)
        self._overall = self._size(0.5)

    def quantile(self, share: float) -> float:
        return float(np.quantile(self._values, share))

    def interval(self, share: float) -> tuple[float, float] | None:
        if max(share, 1 - share) ** self._overall > _ONE_SIDED:
            return None
        size = self._size(share)
        low = rank_below(share, size, (1 + _CONFIDENCE) / 2)
        high = rank_below(share, size, (1 - _CONFIDENCE) / 2)
        if low is None or high is None:
            return None
        scale = (len(self._values) + 1) / (size + 1)
        return self._at(low * scale), self._at(high * scale)

    def _size(self, share: float) -> float:
        """Of the indicator of being below the quantile: what the rank intervals rest on."""
        return cautious_size(self._series <= self.quantile(share))

    def _at(self, rank: float) -> float:
        ranks = np.arange(1, len(self._values) + 1)
        return float(np.interp(rank, ranks, self._values))
