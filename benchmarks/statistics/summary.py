"""A sample in short."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.latency import percentiles


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
    """Summarise at least one value; percentiles as in `edge.latency`."""
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
