"""The figures of two records that are not a frame's time, each before and after."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.tasks import is_share
from edge_benchmarks.judge.cells import BYTES, COUNT, MS, SHARE, total
from edge_benchmarks.judge.compare import BETTER, NO_DIFFERENCE, WORSE, difference_interval
from edge_benchmarks.record.record import Record, TaskFigure
from edge_common.statistics import wilson_interval

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
        return wilson_interval(round(figure.value * figure.n), figure.n)
    return figure.interval


def _peak(record: Record) -> int | None:
    return record.cold_start.peak_rss_bytes if record.cold_start else None


def _own_peak(record: Record) -> int | None:
    return record.memory.peak_rss_bytes if record.memory else None


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
    "peak memory, edge-run": (BYTES, False, _peak),
    "peak memory, edge-bench": (BYTES, False, _own_peak),
}
