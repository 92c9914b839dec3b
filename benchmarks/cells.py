"""Figures with their units, as they stand in the cells of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

from edge.engine.delegate import label_of
from edge_common.document import Table
from edge_devices.detection.machine import Machine, differences

if TYPE_CHECKING:
    from edge_benchmarks.record import Record, TaskFigure
    from edge_benchmarks.statistics import PercentileEstimate, Summary

GENERIC_BOARD = "generic"


def number(value: float | None, unit: str = "") -> str:
    """Four digits at most, never in powers of ten."""
    if value is None:
        return NOT_MEASURED
    places = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{places}f} {unit}".rstrip()


def percent(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{100 * share:.2f} %"


def memory(size_bytes: int | None) -> str:
    return NOT_MEASURED if size_bytes is None else f"{size_bytes / 1e6:.1f} MB"


def within(value: str, interval: tuple[float, float] | None, scale: float = 1.0) -> str:
    """A figure with its 95 % interval, if there is one."""
    if interval is None:
        return value
    low, high = (number(scale * bound) for bound in interval)
    return f"{value} ({low} to {high})"


def estimates(percentiles: Mapping[str, PercentileEstimate]) -> list[str]:
    """The cells under the names in `statistics.intervals.SHARES`."""
    from edge_benchmarks.statistics.intervals import SHARES

    in_order = [percentiles.get(name) for name in SHARES]
    return [within(number(e.value), e.interval) if e else NOT_MEASURED for e in in_order]


def spreads(unit: str, series: Mapping[str, Sequence[float]]) -> Table:
    """Percentiles with intervals of each series that holds values."""
    from edge_benchmarks.statistics.intervals import SHARES, percentile_estimates

    rows = [
        (name, *estimates(percentile_estimates(values)), str(len(values)))
        for name, values in series.items()
        if values
    ]
    return Table((unit, *SHARES, "n"), rows, words=1)


def interrupted(complete: bool) -> list[str]:
    """The paragraph about a run that did not come to its end."""
    return [] if complete else ["**Interrupted:** this holds what was measured until then."]


def latency(summary: Summary | None, percentiles: Mapping[str, PercentileEstimate]) -> list[str]:
    """The same; of a record without estimates those of the summary."""
    if percentiles or summary is None:
        return estimates(percentiles)
    return [number(summary.p50), number(summary.p90), number(summary.p99), NOT_MEASURED]


def accuracy(figure: TaskFigure) -> str:
    """Shares of right answers in percent, errors in their unit."""
    from edge.tasks import is_share

    if figure.value is None:
        return NOT_MEASURED
    if is_share(figure.metric):
        return within(f"{100 * figure.value:.2f} %", figure.interval, 100.0)
    return within(number(figure.value, figure.unit), figure.interval)


def key_figures(rows: Sequence[tuple[str, str]]) -> Table:
    """What is said in two columns."""
    return Table(("what", "found"), rows, words=1)


def machine_name(machine: Machine) -> str:
    """The board, or if it has no name the processor."""
    has_name = machine.board != GENERIC_BOARD
    return machine.board if has_name else f"{machine.cpu}, {machine.cores} cores"


def machine_labels(records: Sequence[Record]) -> list[str]:
    """The machine of each record; machines that cannot be compared are called differently."""
    kinds: list[tuple[str, Machine]] = []
    labels = []
    for record in records:
        label = next((name for name, m in kinds if not differences(m, record.machine)), None)
        if label is None:
            label = _unused(machine_name(record.machine), [name for name, _ in kinds])
            kinds.append((label, record.machine))
        labels.append(label)
    return labels


def record_labels(records: Sequence[Record]) -> list[str]:
    """The bundle's name, its place, its machine if there are several, and what else tells records apart."""
    machines = machine_labels(records)
    several = len(set(machines)) > 1
    names = [_name(record) for record in records]
    labels = [f"{n}, {m}" for n, m in zip(names, machines)] if several else names
    distinctions: list[Callable[[Record], str]] = [
        lambda record: threads(record.setup.threads),
        lambda record: record.setup.runtime,
        lambda record: f"delegate {label_of(record.setup.delegate)}",
        lambda record: f"bundle {record.bundle.sha256[:8]}",
        lambda record: record.created_at,
    ]
    for distinction in distinctions:
        details = [distinction(record) for record in records]
        ambiguous = [_differ(label, labels, details) for label in labels]
        labels = [
            f"{label}, {detail}" if more else label
            for label, detail, more in zip(labels, details, ambiguous)
        ]
    unique: list[str] = []
    for label in labels:
        unique.append(_unused(label, unique))
    return unique


def _name(record: Record) -> str:
    """Of an emulated board, so that no figure stands there as if it were measured."""
    predicted = f", predicted for {record.predicted.board}" if record.predicted else ""
    place = f", {record.place}" if record.place else ""
    return record.bundle.name + place + predicted


def threads(number: int) -> str:
    return f"{number} thread" + ("s" if number > 1 else "")


def _differ(label: str, labels: Sequence[str], details: Sequence[str]) -> bool:
    """Whether records that are called `label` differ in a detail."""
    return len({detail for other, detail in zip(labels, details) if other == label}) > 1


def _unused(name: str, used: Sequence[str]) -> str:
    if name not in used:
        return name
    return next(new for i in count(2) if (new := f"{name} ({i})") not in used)


NOT_MEASURED = "not measured"
LATENCY = ("p50", "p90", "p99")
_P99_NEEDS = 100  # values; of fewer, p99 is little more than the largest


def amount(count: int | None) -> str:
    """A count with three digits and its magnitude: 215.7 M."""
    if count is None:
        return "unknown"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.4g} {unit}"
    return str(count)


def megabytes(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else f"{size_bytes / 1e6:.2f} MB"


def milliseconds(summary: Summary | None) -> list[str]:
    """The cells under `LATENCY`; empty ones if nothing was measured."""
    if summary is None:
        return ["", "", ""]
    p99 = f"{summary.p99:.3f}" if summary.n >= _P99_NEEDS else f"n < {_P99_NEEDS}"
    return [f"{summary.p50:.3f}", f"{summary.p90:.3f}", p99]


def value(figure: TaskFigure) -> str:
    """A task's figure with its unit."""
    if figure.value is None:
        return NOT_MEASURED
    return f"{figure.value:.4f} {figure.unit}".rstrip()


BYTES, COUNT, MS, SHARE, TIMES = "bytes", "count", "ms", "share", "x"


def total(figures: Sequence[int | None]) -> int | None:
    """The sum of all parts; None if one of them is not known."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None


def cell(unit: str, value: float | None) -> str:
    """A figure with its unit."""
    if value is None:
        return NOT_MEASURED
    return _CELLS[unit](value) if unit in _CELLS else f"{value:.4f} {unit}".rstrip()


_CELLS: dict[str, Callable[[float], str]] = {
    BYTES: lambda value: megabytes(round(value)),
    COUNT: lambda value: amount(round(value)) if value >= 1000 else f"{value:g}",
    MS: lambda value: f"{value:.3f} ms",
    SHARE: lambda value: f"{value:.4f}",
}
