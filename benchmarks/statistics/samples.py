"""A sample in short: its values far from the rest, whether it drifts, whether it can be trusted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.summary import percentiles
from edge_benchmarks.statistics.intervals import effective_size


@dataclass(frozen=True)
class Summary:
    """A sample of `n` values in short, in the sample's own unit."""

    n: int
    p50: float
    p90: float
    p99: float
    mean: float
    min: float
    max: float


def summarise(sample: Sequence[float] | np.ndarray) -> Summary:
    """Summarise at least one value; percentiles as in `edge.summary`."""
    values = np.asarray(sample, np.float64)
    return Summary(
        n=len(values),
        **percentiles(values),
        mean=float(values.mean()),
        min=float(values.min()),
        max=float(values.max()),
    )


def median(sample: Sequence[float] | np.ndarray) -> float:
    return float(np.median(sample))


def spread(medians: Sequence[float]) -> float:
    """How far the medians of repeated rounds lie apart: p90 - p10, relative to their median."""
    if len(medians) < 2:
        return 0.0
    low, high = np.quantile(medians, [0.1, 0.9])
    return float(high - low) / median(medians)


_REACH = 1.5  # interquartile ranges


@dataclass(frozen=True)
class Outliers:
    """How many of `n` values lie beyond the fences, which are in the sample's unit."""

    n: int
    below: int
    above: int
    low_fence: float
    high_fence: float

    @property
    def share(self) -> float:
        return (self.below + self.above) / self.n if self.n else 0.0


def tukey_outliers(sample: Sequence[float] | np.ndarray) -> Outliers:
    """Beyond 1.5 interquartile ranges from the quartiles (J. W. Tukey, 1977, 2C)."""
    values = np.asarray(sample, np.float64)
    lower, upper = np.quantile(values, [0.25, 0.75])
    low, high = lower - _REACH * (upper - lower), upper + _REACH * (upper - lower)
    below, above = int((values < low).sum()), int((values > high).sum())
    return Outliers(len(values), below, above, float(low), float(high))


def pairwise_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n (n - 1) / 2,) in units of y over those of x, which increases."""
    early, late = np.triu_indices(len(x), 1)
    return (y[late] - y[early]) / (x[late] - x[early])


SIGNIFICANT = 0.05
RELEVANT_CHANGE = 0.02  # over the whole run; less does not matter however sure it is


@dataclass(frozen=True)
class Trend:
    """change: over the whole run, relative to the median; above 0 the rounds grow slower.
    p: how probable so monotone a series is if there is no trend."""

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
    inflation = len(values) / effective_size(values - slope * rounds)
    return Trend(change, _mann_kendall_p(values, int(np.sign(slopes).sum()), inflation))


def _mann_kendall_p(values: np.ndarray, score: int, inflation: float) -> float:
    """Two-sided, by the normal approximation with continuity correction.

    inflation: how many times fewer independent values there are.
    """
    _, ties = np.unique(values, return_counts=True)
    variance = inflation * (_variance_term(np.array([len(values)])) - _variance_term(ties)) / 18
    if score == 0:  # else not all values are equal, and the variance is above 0
        return 1.0
    return math.erfc((abs(score) - 1) / math.sqrt(2 * variance))


def _variance_term(counts: np.ndarray) -> float:
    return float((counts * (counts - 1) * (2 * counts + 5)).sum())


ENOUGH = 100  # times its step and its cost; below, one per cent of a figure is the clock


@dataclass(frozen=True)
class Evidence:
    """What is known of how one subject was measured; what is not known speaks for it.

    round_p50_ms: the median of each round, oldest first.
    waiting: share of a frame's time that it spent without a core.
    outliers: share of frames beyond Tukey's fences.
    clock: the clock's own step or cost, as a share of the shortest time it measured.
    """

    round_p50_ms: tuple[float, ...] = ()
    waiting: float = 0.0
    outliers: float = 0.0
    clock: float = 0.0


@dataclass(frozen=True)
class StabilityCheck:
    """One way of being unstable: a share of the evidence that is above its limit."""

    reason: str
    next_step: str
    limit: float
    share: Callable[[Evidence], float]

    def fails(self, evidence: Evidence) -> bool:
        return self.share(evidence) > self.limit


@dataclass(frozen=True)
class Verdict:
    """failed: each check that failed, with the share that was found."""

    failed: tuple[tuple[StabilityCheck, float], ...] = ()

    @property
    def stable(self) -> bool:
        return not self.failed

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed by how much, and what to do about it."""
        return tuple(f"{c.reason} ({share:.0%}): {c.next_step}" for c, share in self.failed)

    def __str__(self) -> str:
        return "stable" if self.stable else f"unstable because {'; '.join(self.reasons)}"


def judge(evidence: Evidence) -> Verdict:
    """Every reason to doubt a measurement, the gravest first."""
    return Verdict(tuple((c, c.share(evidence)) for c in CHECKS if c.fails(evidence)))


def _drift(evidence: Evidence) -> float:
    trend = monotone_trend(evidence.round_p50_ms)
    return abs(trend.change) if trend.drifts else 0.0


CHECKS = (
    StabilityCheck(
        "the clock is coarse for what it times",
        "time several frames at once",
        1 / ENOUGH,
        lambda evidence: evidence.clock,
    ),
    StabilityCheck(
        "the machine was busy, part of the time of a frame was spent waiting",
        "long frames wait more, which distorts the ratios: close other programs",
        0.10,
        lambda evidence: evidence.waiting,
    ),
    StabilityCheck(
        "the medians of the rounds drift one way, as with heat",
        "let the machine come to a steady temperature and other programs end, then measure again",
        0.0,
        _drift,
    ),
    StabilityCheck(
        "the medians of the rounds lie apart",
        "close other programs, or measure longer with --seconds",
        0.10,
        lambda evidence: spread(evidence.round_p50_ms),
    ),
    StabilityCheck(
        "many frames take far longer or shorter than the rest",
        "look at p99 rather than the mean, and at what else runs on the machine",
        0.10,
        lambda evidence: evidence.outliers,
    ),
)
