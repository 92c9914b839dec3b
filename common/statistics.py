"""Statistics that several rooms need."""

import math
from collections.abc import Sequence

import numpy as np

Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution
_RESAMPLES = 1000


def wilson_interval(right: float, n: int, z: float = Z_95) -> tuple[float, float]:
    """Score interval of a share `right / n` (E. B. Wilson, 1927); 95 % unless `z` says else."""
    share, squared = right / n, z * z / n
    centre = share + squared / 2
    reach = z * math.sqrt(share * (1 - share) / n + squared / (4 * n))
    low, high = (centre - reach) / (1 + squared), (centre + reach) / (1 + squared)
    # exact at both ends, where rounding would leave the share just outside
    return (max(0.0, low) if right else 0.0), (min(1.0, high) if right < n else 1.0)


def central_95(values: np.ndarray | Sequence[float]) -> tuple[float, float]:
    """The bounds that leave 2.5 % of `values` (n,) on either side."""
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def resampled_means(values: np.ndarray) -> np.ndarray:
    """Means of 1000 resamples of `values` (n,), float (1000,); seeded, so that pairs stay pairs."""
    draws = np.random.default_rng(0).integers(0, len(values), (_RESAMPLES, len(values)))
    return np.asarray(np.asarray(values)[draws].mean(axis=1))


def bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of `values` (n,) (B. Efron, 1979), seeded."""
    return central_95(resampled_means(values))
