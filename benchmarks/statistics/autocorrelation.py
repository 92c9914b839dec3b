"""How much a series tells, where neighbours resemble each other."""

import numpy as np

from benchmarks.statistics.student import Z, student_quantile

_TIMES_A_DEGREE = 8  # effective values a degree of freedom of the estimated variance


def autocovariance(series: np.ndarray) -> np.ndarray:
    """Biased autocovariance at the lags 0 .. n - 1 of `series` (n,)."""
    centred = np.asarray(series, np.float64) - np.mean(series)
    n = len(centred)
    spectrum = np.fft.rfft(centred, 1 << (2 * n - 1).bit_length())
    return np.fft.irfft(spectrum * spectrum.conj())[:n] / n


def effective_size(series: np.ndarray) -> float:
    """How many independent values would fix the mean of `series` (n,) as well; 1 to n.

    n over the integrated autocorrelation time, summed up to where pairs of neighbouring
    lags are no longer positive (C. J. Geyer, 1992, "Practical Markov chain Monte Carlo":
    the initial monotone sequence).
    """
    n = len(series)
    covariance = autocovariance(series)
    if n < 4 or covariance[0] <= 0:
        return float(n)
    pairs = covariance[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    end = int(np.argmax(pairs <= 0)) if (pairs <= 0).any() else len(pairs)
    monotone = np.minimum.accumulate(pairs[: max(end, 1)])
    time = 2 * monotone.sum() / covariance[0] - 1
    return float(np.clip(n / max(time, 1 / n), 1.0, n))


def cautious_size(series: np.ndarray) -> float:
    """The effective size, less what must be conceded because it is itself an estimate.

    Normal intervals of this size are as wide as Student's t intervals of the effective
    size (E. L. Korn and B. I. Graubard, 1998, for proportions of correlated samples).
    """
    size = effective_size(series)
    return size * (Z / student_quantile(max(size / _TIMES_A_DEGREE, 2.0))) ** 2
