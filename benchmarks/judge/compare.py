"""Faster, slower or no difference: two runs minutes apart, or two bundles alternating.

Other programs, caches and clocks can only add time to a frame, and how much they add
changes from minute to minute, so medians of the same thing differ by 10 % and more
between runs. The shortest time, the *floor*, is what a frame costs undisturbed; it comes
back within a few per cent (J. Chen and J. Revels, 2016, "Robust benchmarking in noisy
environments").

Below: the figures of two records that are not a frame's time, each before and after.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from edge.tasks import is_share
from edge_benchmarks.cells import BYTES, COUNT, MS, SHARE, TIMES, total
from edge_benchmarks.record import Record, TaskFigure
from edge_benchmarks.scenarios import sources
from edge_benchmarks.statistics.intervals import student_quantile
from edge_common import ConfigError, statistics

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
    return statistics.Z_95 * math.sqrt(2) * float(np.std(floors, ddof=1))


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


LARGER, SMALLER = "larger", "smaller"
OTHER_CLIPS = "other clips"
_P99_NEEDS = 100  # frames; of fewer, p99 is little more than the largest


@dataclass(frozen=True)
class Change:
    """One figure in two records, in `unit`. None: not measured there.

    verdict: of the one after; empty if the figure differs between runs of the same
    thing, or if one of the two is not measured.  interval: 95 %, of `after - before`.
    """

    figure: str
    before: float | None
    after: float | None
    unit: str
    verdict: str = ""
    interval: tuple[float, float] | None = None

    @property
    def known(self) -> bool:
        return self.before is not None and self.after is not None

    @property
    def same(self) -> bool:
        return self.before == self.after and self.verdict != OTHER_CLIPS


def changes(before: Record, after: Record) -> Iterator[Change]:
    """Every figure that at least one of the records knows."""
    for figure, (unit, exact, of) in _FIGURES.items():
        change = Change(figure, of(before), of(after), unit)
        if change.before is not None or change.after is not None:
            yield _with_verdict(change) if exact else change
    yield from accuracy_changes(before, after)


def _with_verdict(change: Change) -> Change:
    if change.before is None or change.after is None or change.same:
        return change
    verdict = LARGER if change.after > change.before else SMALLER
    return Change(change.figure, change.before, change.after, change.unit, verdict)


def accuracy_changes(before: Record, after: Record) -> Iterator[Change]:
    """Of each task that both records know: better, worse or no difference at 95 %."""
    figures_before = {(f.task, f.metric): f for f in before.streamed.accuracy}
    for figure in after.streamed.accuracy:
        old = figures_before.get((figure.task, figure.metric))
        if old is None or (old.value is None and figure.value is None):
            continue
        same_clips = (before.data, old.n) == (after.data, figure.n)
        yield _task_change(old, figure, same_clips)


def _task_change(old: TaskFigure, new: TaskFigure, same_clips: bool) -> Change:
    higher_is_better = is_share(new.metric)
    name = f"{'accuracy' if higher_is_better else 'mean absolute error'} of {new.task}"
    unit = SHARE if higher_is_better else new.unit
    if old.value is None or new.value is None:
        return Change(name, old.value, new.value, unit)
    if not same_clips:
        return Change(name, old.value, new.value, unit, OTHER_CLIPS)
    interval_before, interval_after = _interval(old), _interval(new)
    if interval_before is None or interval_after is None:
        return Change(name, old.value, new.value, unit)
    low, high = difference_interval(old.value, interval_before, new.value, interval_after)
    verdict = NO_DIFFERENCE
    if low > 0 or high < 0:
        verdict = BETTER if (low > 0) == higher_is_better else WORSE
    return Change(name, old.value, new.value, unit, verdict, (low, high))


def _interval(figure: TaskFigure) -> tuple[float, float] | None:
    if (
        figure.interval is None
        and is_share(figure.metric)
        and figure.n
        and figure.value is not None
    ):
        return statistics.wilson_interval(round(figure.value * figure.n), figure.n)
    return figure.interval


def _peak(record: Record) -> int | None:
    return record.cold_start.peak_rss_bytes if record.cold_start else None


def _own_peak(record: Record) -> int | None:
    return record.memory.peak_rss_bytes if record.memory else None


def _whole_way(record: Record, codec: str) -> float | None:
    """Processor time from encoded bytes to decision over that of decoding and parts alone."""
    result = sources.Sources.result_of(record)
    ratios = result.ways[codec].ratios if result and codec in result.ways else ()
    return median(ratios) if ratios else None


def _p50(record: Record) -> float | None:
    return record.streamed.total_ms.p50 if record.streamed.total_ms else None


def _p99(record: Record) -> float | None:
    latency = record.streamed.total_ms
    return latency.p99 if latency and latency.n >= _P99_NEEDS else None


# name -> unit, whether it is the same in each run of one bundle, where it stands
_FIGURES: dict[str, tuple[str, bool, Callable[[Record], float | None]]] = {
    "size": (BYTES, True, lambda r: r.bundle.size_bytes),
    "parameters": (COUNT, True, lambda r: total([p.parameters for p in r.bundle.parts])),
    "multiply-adds": (COUNT, True, lambda r: total([p.multiply_adds for p in r.bundle.parts])),
    "p50 of a frame": (MS, False, _p50),
    "p99 of a frame": (MS, False, _p99),
    "whole way of H.264": (TIMES, False, lambda r: _whole_way(r, "h264")),
    "whole way of MJPEG": (TIMES, False, lambda r: _whole_way(r, "mjpeg")),
    "peak memory, edge-run": (BYTES, False, _peak),
    "peak memory, edge-bench": (BYTES, False, _own_peak),
}
