"""Figures with their units, as they stand in the cells of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_benchmarks.record.record import TaskFigure
    from edge_benchmarks.statistics import Summary

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


BYTES, COUNT, MS, SHARE = "bytes", "count", "ms", "share"


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
