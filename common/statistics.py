"""Statistics that several rooms need."""

import math

import numpy as np

_RESAMPLES = 1000
_Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson_interval(right: float, n: int, z: float = _Z_95) -> tuple[float, float]:
    """Score interval of a share `right / n` (E. B. Wilson, 1927); 95 % unless `z` says else."""
    share, squared = right / n, z * z / n
    centre = share + squared / 2
    reach = z * math.sqrt(share * (1 - share) / n + squared / (4 * n))
    low, high = (centre - reach) / (1 + squared), (centre + reach) / (1 + squared)
    # exact at both ends, where rounding would leave the share just outside
    return (max(0.0, low) if right else 0.0), (min(1.0, high) if right < n else 1.0)


def bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean of `values` (n,) (B. Efron, 1979), seeded."""
    draws = np.random.default_rng(0).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(np.asarray(values)[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)
