"""Faster, slower or no difference: two runs minutes apart, or two bundles alternating.

Other programs, caches and clocks can only add time to a frame, and how much they add
changes from minute to minute, so medians of the same thing differ by 10 % and more
between runs. The shortest time, the *floor*, is what a frame costs undisturbed; it comes
back within a few per cent (J. Chen and J. Revels, 2016, "Robust benchmarking in noisy
environments").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_benchmarks.statistics.intervals import student_quantile
from edge_common.errors import ConfigError
from edge_common.statistics import Z_95

FASTER, SLOWER, NO_DIFFERENCE = "faster", "slower", "no difference"

# 95 % of log ratios between floors of one bundle, measured minutes apart, are smaller
# (tests/benchmarks/repeatability.py, two shared cores, 20 processes a run)
REPEATABILITY = 0.025
MIN_PROCESSES = 4
_DEPTH_RANK = 4  # a resampled minimum is among the 4 least with 98 %, whatever their number


@dataclass(frozen=True)
class Comparison:
    """ratio: the time of the one after over that of the one before.  interval: its 95 %."""

    ratio: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """Of the one after: faster, slower or no difference."""
        low, high = self.interval
        if low > 1:
            return SLOWER
        return FASTER if high < 1 else NO_DIFFERENCE


def compare_apart(
    before_ms: Sequence[float], after_ms: Sequence[float], repeatability: float = REPEATABILITY
) -> Comparison:
    """Compare two runs by the floors of their processes, milliseconds.

    Each run is several fresh processes, one after the other, because a process keeps its
    luck with memory and caches for life (T. Kalibera and R. Jones, 2013, "Rigorous
    benchmarking in reasonable time"). The run's floor is the least of its processes'.

    The interval holds what a bootstrap over the processes tells of each floor, and
    `repeatability`, which no single run can tell: by how much, as a log ratio, two runs
    of the same thing differ. Raises ConfigError for runs of fewer than 4 processes.
    """
    _check(before_ms, after_ms)
    ratio = math.log(min(after_ms) / min(before_ms))
    return _around(ratio, math.hypot(repeatability, _depth(before_ms), _depth(after_ms)))


def compare_interleaved(before_ms: Sequence[float], after_ms: Sequence[float]) -> Comparison:
    """Compare two subjects that took turns (A B A B ...) in each of several fresh processes.

    before_ms, after_ms: the floors of both in each process, in the same order. Create the
    one first in one process and the other first in the next: the second to be created
    has other memory, which makes up to 1 % of difference by itself.

    Noise hits both alike and no `repeatability` is needed: Student's interval of the
    mean log ratio over the processes. Intervals over the rounds of one process would be
    far too narrow. Raises ConfigError for fewer than 4 processes.
    """
    _check(before_ms, after_ms)
    ratios = np.log(after_ms) - np.log(before_ms)
    error = float(ratios.std(ddof=1)) / math.sqrt(len(ratios))
    return _around(float(ratios.mean()), student_quantile(len(ratios) - 1) * error)


def _check(*runs_ms: Sequence[float]) -> None:
    for run in runs_ms:
        if len(run) < MIN_PROCESSES:
            raise ConfigError(
                f"a run of {len(run)} processes cannot be compared: "
                f"measure again with at least {MIN_PROCESSES}"
            )


def _around(log_ratio: float, reach: float) -> Comparison:
    return Comparison(
        math.exp(log_ratio), (math.exp(log_ratio - reach), math.exp(log_ratio + reach))
    )


def _depth(floors_ms: Sequence[float]) -> float:
    """How far, in logarithms, the true floor may lie below the least that was seen.

    The basic bootstrap interval of a minimum (B. Efron, 1979; A. C. Davison and
    D. V. Hinkley, 1997), in closed form: as far as the fourth least lies above it.
    """
    ordered = sorted(floors_ms)
    return math.log(ordered[_DEPTH_RANK - 1] / ordered[0])


def measured_repeatability(runs_ms: Sequence[Sequence[float]]) -> float:
    """`repeatability` of this machine, from at least two runs of the same thing.

    runs_ms: the floors of the processes of each run, milliseconds.
    """
    floors = np.log([min(run) for run in runs_ms])
    return Z_95 * math.sqrt(2) * float(np.std(floors, ddof=1))


BETTER, WORSE = "better", "worse"
Interval = tuple[float, float]


def difference_interval(
    before: float, before_interval: Interval, after: float, after_interval: Interval
) -> Interval:
    """95 % interval of `after - before`, from the 95 % interval of each.

    Of shares with Wilson's intervals this is method 10 of R. G. Newcombe, 1998, "Interval
    estimation for the difference between independent proportions"; of any other figures its
    generalisation (G. Y. Zou and A. Donner, 2008). Answers to the same clips are no
    independent samples; their difference is known better than this says.
    """
    low = math.hypot(after - after_interval[0], before_interval[1] - before)
    high = math.hypot(after_interval[1] - after, before - before_interval[0])
    return after - before - low, after - before + high
