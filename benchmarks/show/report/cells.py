"""Figures as they stand in the report's tables."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from edge.engine.delegate import label_of
from edge.tasks import is_share
from edge_benchmarks.judge.cells import NOT_MEASURED
from edge_benchmarks.record.record import Record, TaskFigure
from edge_benchmarks.statistics import PercentileEstimate, Summary
from edge_benchmarks.statistics.intervals import SHARES
from edge_common.document import Table
from edge_devices.detection.machine import Machine, differences

PERCENTILES = tuple(SHARES)


def number(value: float | None, unit: str = "") -> str:
    """Four digits at most, never in powers of ten."""
    if value is None:
        return NOT_MEASURED
    places = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{places}f} {unit}".rstrip()


def percent(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{100 * share:.2f} %"


def megabytes(size_bytes: int | None) -> str:
    return NOT_MEASURED if size_bytes is None else f"{size_bytes / 1e6:.1f} MB"


def within(value: str, interval: tuple[float, float] | None, scale: float = 1.0) -> str:
    """A figure with its 95 % interval, where there is one."""
    if interval is None:
        return value
    low, high = (number(scale * bound) for bound in interval)
    return f"{value} ({low} to {high})"


def estimates(percentiles: Mapping[str, PercentileEstimate]) -> list[str]:
    """The cells under `PERCENTILES`."""
    found = [percentiles.get(name) for name in PERCENTILES]
    return [within(number(e.value), e.interval) if e else NOT_MEASURED for e in found]


def latency(summary: Summary | None, percentiles: Mapping[str, PercentileEstimate]) -> list[str]:
    """The cells under `PERCENTILES`; of a record without estimates those of the summary."""
    if percentiles or summary is None:
        return estimates(percentiles)
    return [number(summary.p50), number(summary.p90), number(summary.p99), NOT_MEASURED]


def accuracy(figure: TaskFigure) -> str:
    """Shares of right answers in percent, errors in their unit."""
    if figure.value is None:
        return NOT_MEASURED
    if is_share(figure.metric):
        return within(f"{100 * figure.value:.2f} %", figure.interval, 100.0)
    return within(number(figure.value, figure.unit), figure.interval)


def facts(rows: Sequence[tuple[str, str]], header: tuple[str, str] = ("what", "found")) -> Table:
    """What is said in two columns."""
    return Table(header, rows, words=1)


_GENERIC = "generic"


def machine_name(machine: Machine) -> str:
    """The board, or where it has no name the processor."""
    known = machine.board != _GENERIC
    return machine.board if known else f"{machine.cpu}, {machine.cores} cores"


def machine_labels(records: Sequence[Record]) -> list[str]:
    """The machine of each record; machines that cannot be compared are called differently."""
    kinds: list[tuple[str, Machine]] = []
    labels = []
    for record in records:
        label = next((name for name, m in kinds if not differences(m, record.machine)), None)
        if label is None:
            label = _unused(machine_name(record.machine), [used for used, _ in kinds])
            kinds.append((label, record.machine))
        labels.append(label)
    return labels


def record_labels(records: Sequence[Record]) -> list[str]:
    """The bundle's name, its machine if there are several, and what else tells records apart."""
    machines = machine_labels(records)
    several = len(set(machines)) > 1
    names = [_name(record) for record in records]
    labels = [f"{n}, {m}" for n, m in zip(names, machines)] if several else names
    facts: list[Callable[[Record], str]] = [
        lambda record: threads(record.setup.threads),
        lambda record: record.setup.runtime,
        lambda record: f"delegate {label_of(record.setup.delegate)}",
        lambda record: f"bundle {record.bundle.sha256[:8]}",
        lambda record: record.created_at,
    ]
    for fact in facts:
        told = [fact(record) for record in records]
        ambiguous = [_differ(label, labels, told) for label in labels]
        labels = [
            f"{label}, {new}" if more else label
            for label, new, more in zip(labels, told, ambiguous)
        ]
    taken: list[str] = []
    for label in labels:
        taken.append(_unused(label, taken))
    return taken


def _name(record: Record) -> str:
    """Of a played board, so that no figure stands there as if it were measured."""
    played = f", predicted for {record.predicted.board}" if record.predicted else ""
    return record.bundle.name + played


def threads(number: int) -> str:
    return f"{number} thread" + ("s" if number > 1 else "")


def _differ(label: str, labels: Sequence[str], told: Sequence[str]) -> bool:
    """Whether records that are called `label` differ in what is told of them."""
    return len({fact for other, fact in zip(labels, told) if other == label}) > 1


def _unused(name: str, used: Sequence[str]) -> str:
    if name not in used:
        return name
    return next(new for i in count(2) if (new := f"{name} ({i})") not in used)
