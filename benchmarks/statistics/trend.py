"""The slopes between all pairs of points, on which Sen's and Kendall's methods rest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_benchmarks.statistics.intervals import effective_size


def pairwise_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n (n - 1) / 2,) in units of y over those of x, which increases."""
    early, late = np.triu_indices(len(x), 1)
    return (y[late] - y[early]) / (x[late] - x[early])


SIGNIFICANT = 0.05
RELEVANT_CHANGE = 0.02  # over the whole run; less does not matter however sure it is


@dataclass(frozen=True)
class Trend:
    """change: over the whole run, relative to the median; above 0 the rounds grow slower.
    p: how probable so monotone a series is where there is no trend."""

    change: float
    p: float

    @property
    def drifts(self) -> bool:
        """Both sure and large enough to matter."""
        return self.p < SIGNIFICANT and abs(self.change) > RELEVANT_CHANGE


def monotone_trend(medians: Sequence[float]) -> Trend:
    """Of the medians of equally long rounds, oldest first.

    Slope: the median of all pairwise slopes (P. K. Sen, 1968). Significance: the
    Mann-Kendall test (H. B. Mann, 1945; M. G. Kendall, 1975), with its correction for ties
    and, since a neighbour's burst lasts for several rounds, for autocorrelation of what the
    slope leaves over (S. Yue and C. Wang, 2004).
    """
    values = np.asarray(medians, np.float64)
    if len(values) < 2:
        return Trend(0.0, 1.0)
    rounds = np.arange(len(values))
    slopes = pairwise_slopes(rounds, values)
    slope = float(np.median(slopes))
    change = slope * (len(values) - 1) / float(np.median(values))
    alike = len(values) / effective_size(values - slope * rounds)
    return Trend(change, _mann_kendall_p(values, int(np.sign(slopes).sum()), alike))


def _mann_kendall_p(values: np.ndarray, score: int, alike: float) -> float:
    """Two-sided, by the normal approximation with continuity correction.

    alike: how many times fewer independent values there are.
    """
    _, ties = np.unique(values, return_counts=True)
    variance = alike * (_variance_term(np.array([len(values)])) - _variance_term(ties)) / 18
    if score == 0 or variance <= 0:
        return 1.0
    return math.erfc((abs(score) - 1) / math.sqrt(2 * variance))


def _variance_term(counts: np.ndarray) -> float:
    return float((counts * (counts - 1) * (2 * counts + 5)).sum())
