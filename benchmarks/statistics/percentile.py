"""Percentiles of a latency sample, with intervals that hold though neighbours are alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_benchmarks.statistics.intervals import cautious_size, rank_below

SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99.9": 0.999}
_CONFIDENCE = 0.95
_ONE_SIDED = 0.01  # how probable all values on one side of a quantile may be


@dataclass(frozen=True)
class PercentileEstimate:
    """A percentile in the sample's unit.

    interval: 95 %; None where the sample is too small, or too alike, to bound it.
    """

    value: float
    interval: tuple[float, float] | None = None


def percentile_estimates(sample: Sequence[float] | np.ndarray) -> dict[str, PercentileEstimate]:
    """p50, p90, p99 and p99.9 of a sample in the order in which it was taken.

    Rounds of one subject are simply joined.
    """
    ordered = _Ordered(sample)
    return {
        name: PercentileEstimate(ordered.quantile(share), ordered.interval(share))
        for name, share in SHARES.items()
    }


def percentile_interval(
    sample: Sequence[float] | np.ndarray, share: float
) -> tuple[float, float] | None:
    """95 % interval of the `share` quantile of a sample in the order in which it was taken.

    The two order statistics that enclose it (Hahn and Meeker, 1991, 5.2), at fractional
    ranks (A. D. Hutson, 1999), of as many values as the sample effectively holds
    (R. S. Woodruff, 1952, for samples that are not independent).
    """
    return _Ordered(sample).interval(share)


class _Ordered:
    """A sample both as it was taken and sorted."""

    def __init__(self, sample: Sequence[float] | np.ndarray) -> None:
        self._series = np.asarray(sample, np.float64)
        self._values = np.sort(self._series)
        self._overall = self._size(0.5)

    def quantile(self, share: float) -> float:
        return float(np.quantile(self._values, share))

    def interval(self, share: float) -> tuple[float, float] | None:
        if max(share, 1 - share) ** self._overall > _ONE_SIDED:
            return None
        size = self._size(share)
        low = rank_below(share, size, (1 + _CONFIDENCE) / 2)
        high = rank_below(share, size, (1 - _CONFIDENCE) / 2)
        if low is None or high is None:
            return None
        scale = (len(self._values) + 1) / (size + 1)
        return self._at(low * scale), self._at(high * scale)

    def _size(self, share: float) -> float:
        """Of the indicator of being below the quantile: what the rank intervals rest on."""
        return cautious_size(self._series <= self.quantile(share))

    def _at(self, rank: float) -> float:
        ranks = np.arange(1, len(self._values) + 1)
        return float(np.interp(rank, ranks, self._values))
