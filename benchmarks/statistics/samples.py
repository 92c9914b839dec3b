"""A sample in short, and its values far from the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.summary import percentiles


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
        return (self.below + self.above) / self.n


def tukey_outliers(sample: Sequence[float] | np.ndarray) -> Outliers:
    """Beyond 1.5 interquartile ranges from the quartiles (J. W. Tukey, 1977, 2C)."""
    values = np.asarray(sample, np.float64)
    lower, upper = np.quantile(values, [0.25, 0.75])
    low, high = lower - _REACH * (upper - lower), upper + _REACH * (upper - lower)
    below, above = int((values < low).sum()), int((values > high).sum())
    return Outliers(len(values), below, above, float(low), float(high))
