"""Whether memory grows for as long as a process runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_benchmarks.statistics.samples import pairwise_slopes
from edge_common.statistics import Z_95

LEAK, NO_LEAK, UNCLEAR = "leak", "no leak", "unclear"
LEAK_KB_PER_H = 1000.0  # 24 MB a day
SETTLING_SHARE = 0.1  # of the time, at the start, in which pools and caches fill
# a process's resident pages are counted in batches, and the allocator takes them in arenas
RESOLUTION_KB = 512.0
_MOST_POINTS = 500
_LEAST_POINTS = 10


@dataclass(frozen=True)
class Growth:
    """Of a process's resident memory, kB (1000 bytes) an hour, with its 95 % interval.

    verdict: `leak`, `no leak`, or `unclear`: soak for longer.
    """

    kb_per_h: float | None = None
    interval: tuple[float, float] | None = None
    verdict: str = UNCLEAR


def growth(
    at_s: Sequence[float], rss_bytes: Sequence[int], leak_kb_per_h: float = LEAK_KB_PER_H
) -> Growth:
    """Judge the memory of a process at increasing times.

    A leak is growth of which the whole interval lies above the limit, that has added up
    to more than the resolution of the figure, and that goes on in the second half: a pool
    that is filled once is none. No leak is an interval below the limit, over a time in
    which a leak would have shown.
    """
    hours, kilobytes = _settled(at_s, rss_bytes)
    if len(hours) < _LEAST_POINTS:
        return Growth()
    slope, (low, high) = sen_slope(hours, kilobytes)
    half = len(hours) // 2
    recent, _ = sen_slope(hours[half:], kilobytes[half:])
    span_h = float(hours[-1] - hours[0])
    verdict = UNCLEAR
    if min(low, recent) > leak_kb_per_h and low * span_h > RESOLUTION_KB:
        verdict = LEAK
    elif high < leak_kb_per_h and leak_kb_per_h * span_h > RESOLUTION_KB:
        verdict = NO_LEAK
    return Growth(slope, (low, high), verdict)


def sen_slope(x: np.ndarray, y: np.ndarray) -> tuple[float, tuple[float, float]]:
    """The median of all pairwise slopes and its 95 % interval (P. K. Sen, 1968, section 6).

    x: increasing, at least two. Units: those of y over those of x.
    """
    slopes = np.sort(pairwise_slopes(x, y))
    n, pairs = len(x), len(slopes)
    reach = Z_95 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = round((pairs - reach) / 2), round((pairs + reach) / 2)
    bounds = float(slopes[max(low - 1, 0)]), float(slopes[min(high, pairs - 1)])
    return float(np.median(slopes)), bounds


def _settled(at_s: Sequence[float], rss_bytes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Hours and kB without the start, at most so many points."""
    hours, kilobytes = np.asarray(at_s, float) / 3600, np.asarray(rss_bytes, float) / 1e3
    first = int(len(hours) * SETTLING_SHARE)
    step = max(math.ceil((len(hours) - first) / _MOST_POINTS), 1)
    return hours[first::step], kilobytes[first::step]
