"""Values far from the rest: counted and kept, never dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
