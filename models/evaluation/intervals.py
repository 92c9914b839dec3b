"""Figures with their intervals, and how tables write them; examples of one file are not independent."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_common.statistics import central_95, wilson_interval

RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure.  low, high: its 95 % interval, NaN for none.  n: how many examples it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """As a share: `97.81% [95.62, 99.27]`, or `97.81% [–]`."""
        bounds = "–" if np.isnan(self.low) else f"{100 * self.low:.2f}, {100 * self.high:.2f}"
        return f"{self.value:.2%} [{bounds}]"


@functools.lru_cache(maxsize=1)  # of thousands of groups they take seconds, and many ask alike
def draws(count: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each of `count` groups is drawn in each resample: int64 (resamples, count)."""
    counts = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), resamples)
    counts.flags.writeable = False
    return counts


def mean_interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of `values` (n,), whole groups drawn at a time.

    The cluster bootstrap (A. C. Davison and D. V. Hinkley, 1997, section 3.8), seeded. NaN
    if there is one group: it does not say how others would differ.

    Args:
        groups: (n,), equal if values come from the same file, photo or person.
    """
    _, group = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(group, values), np.bincount(group)
    if len(counts) < 2:
        return float("nan"), float("nan")
    times = draws(len(counts))
    return central_95(times @ sums / (times @ counts))


def share_interval(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The same of a share of right answers, bool or 0 to 1 (n,).

    Where all are right, or none is, no resample can differ: then Wilson's interval, with as
    many examples as there are groups.
    """
    share, count = float(np.mean(right)), len(np.unique(groups))
    if 0 < share < 1 or count < 2:
        return mean_interval(np.asarray(right, float), groups)
    return wilson_interval(share * count, count)


NONE = "–"


def percent(share: float, places: int = 1) -> str:
    """A share; a dash if there was nothing to take it of."""
    return NONE if math.isnan(share) else f"{100 * share:.{places}f} %"


def between(interval: tuple[float, float], places: int = 1, unit: str = " %") -> str:
    """An interval of shares."""
    return _from_to(interval, lambda bound: f"{100 * bound:.{places}f}", unit)


def share_within(figure: Estimate, places: int = 1) -> str:
    """A share and its interval."""
    bounds = between((figure.low, figure.high), places, "")
    return f"{percent(figure.value, places)} ({bounds})"


def number(value: float) -> str:
    """Four digits at most."""
    size = abs(value)
    places = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    return f"{round(value, places) + 0.0:,.{places}f}"  # never -0


def numbers(interval: tuple[float, float]) -> str:
    """An interval of numbers."""
    return _from_to(interval, number)


def number_within(figure: Estimate) -> str:
    """A number and its interval."""
    return f"{number(figure.value)} ({numbers((figure.low, figure.high))})"


def _from_to(bounds: tuple[float, float], write: Callable[[float], str], unit: str = "") -> str:
    """A dash if there was too little to tell an interval from."""
    return NONE if math.isnan(bounds[0]) else f"{write(bounds[0])} to {write(bounds[1])}{unit}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
