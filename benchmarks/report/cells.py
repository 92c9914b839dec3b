"""Figures as they stand in the report's tables."""

from collections.abc import Mapping, Sequence

from benchmarks.cells import NOT_MEASURED
from benchmarks.record import TaskFigure
from benchmarks.statistics import PercentileEstimate, Summary
from benchmarks.statistics.percentile import SHARES
from edge.document import Table

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
    if figure.metric == "accuracy":
        return within(f"{100 * figure.value:.2f} %", figure.interval, 100.0)
    return within(number(figure.value, figure.unit), figure.interval)


def facts(rows: Sequence[tuple[str, str]], header: tuple[str, str] = ("what", "found")) -> Table:
    """What is said in two columns."""
    return Table(header, rows, words=1)
