"""How far what comes of late is from a reference, in memory that does not grow."""

import math

import numpy as np

from edge.drift.reference import LEVELS

_LONGEST_STEP_S = 1.0  # a gap makes nothing older
_SHARE_OF_NONE = 1e-3  # what a label that never came counts as: its logarithm is finite


class _Ageing:
    """How much what came before still counts, by a clock that may go back, which then makes nothing older."""

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s, self._newest_s = time_constant_s, math.nan
        self.seen_s = 0.0

    def kept(self, time_s: float) -> float:
        """The share of its weight that it keeps now: 1 to 1 / e a time constant later."""
        step_s = time_s - self._newest_s
        step_s = min(step_s, _LONGEST_STEP_S) if step_s > 0 else 0.0
        self._newest_s = time_s
        self.seen_s += step_s
        return math.exp(-step_s / self._time_constant_s)


class SlidingDistances:
    """Distances of several quantities from their quantiles, over an exponentially weighted window.

    One-sided two-sample Kolmogorov-Smirnov distances, at the quantiles that are known (N. Smirnov,
    Table for Estimating the Goodness of Fit of Empirical Distributions, 1948), 0 to 1, behind a
    tolerance by which a reference of few scenes may be off: `lower` is how much more of the newest lies below
    `quantile - tolerance` than below the quantile, at most; `higher` likewise above. So one scene in
    the midst of many, whose values all lie together, is near; one outside of all is far.
    A value that is no number counts as far on both sides.

    quantiles: (n, levels).  tolerances: (n,), in the units of the values.  time_constant_s: after
    which a value counts for 1 / e of a new one.
    """

    def __init__(
        self, quantiles: np.ndarray, tolerances: np.ndarray, time_constant_s: float
    ) -> None:
        self._low, self._high = quantiles - tolerances[:, None], quantiles + tolerances[:, None]
        self._levels, self._ageing = np.array(LEVELS), _Ageing(time_constant_s)
        self._below, self._above = np.zeros_like(quantiles), np.zeros_like(quantiles)
        self._sums, self._weight, self.count = np.zeros(len(quantiles)), 0.0, 0

    def add(self, values: np.ndarray, time_s: float) -> None:
        """values: (n,).  time_s: of a clock that may go back, which then counts for nothing."""
        kept = self._ageing.kept(time_s)
        column = values[:, None]
        self._below = self._below * kept + ~(column > self._low)
        self._above = self._above * kept + ~(column < self._high)
        self._sums = self._sums * kept + np.where(np.isfinite(values), values, 0.0)
        self._weight = self._weight * kept + 1.0
        self.count += 1

    @property
    def seen_s(self) -> float:
        """For how long values came; of a gap a second."""
        return self._ageing.seen_s

    @property
    def lower(self) -> np.ndarray:
        """(n,), 0 to 1."""
        shares = self._below / max(self._weight, 1.0)
        return np.asarray(np.maximum(shares - self._levels, 0).max(1))

    @property
    def higher(self) -> np.ndarray:
        """(n,), 0 to 1."""
        shares = self._above / max(self._weight, 1.0)
        return np.asarray(np.maximum(shares - (1 - self._levels), 0).max(1))

    @property
    def means(self) -> np.ndarray:
        """Of the newest values, (n,)."""
        return self._sums / max(self._weight, 1.0)


class SlidingShares:
    """How often each label comes, over such a window."""

    def __init__(self, time_constant_s: float) -> None:
        self._ageing = _Ageing(time_constant_s)
        self._counts: dict[str, float] = {}
        self._weight = 0.0

    def add(self, labels: "tuple[str, ...]", time_s: float) -> None:
        kept = self._ageing.kept(time_s)
        self._weight = self._weight * kept + 1.0
        self._counts = {label: count * kept for label, count in self._counts.items()}
        for label in labels:
            self._counts[label] = self._counts.get(label, 0.0) + 1.0

    @property
    def shares(self) -> dict[str, float]:
        return {label: count / self._weight for label, count in self._counts.items()}


def stability_index(expected: dict[str, float], actual: dict[str, float]) -> float:
    """The population stability index of shares by their labels: 0 if they are equal.

    The sum of (actual - expected) * ln(actual / expected); up to 0.1 is usually called stable,
    from 0.25 on changed (N. Siddiqi, Credit Risk Scorecards, 2006).
    """
    total = 0.0
    for label in expected.keys() | actual.keys():
        e, a = (max(shares.get(label, 0.0), _SHARE_OF_NONE) for shares in (expected, actual))
        total += (a - e) * math.log(a / e)
    return total
