"""Figures as they stand in the page's tables."""

import math
from collections.abc import Callable

from edge_models.evaluation.intervals import Estimate
from edge_models.evaluation.results import RegressionResult, TaskResult

NONE = "–"


def percent(share: float, places: int = 1) -> str:
    """A share; a dash where there was nothing to take it of."""
    return NONE if math.isnan(share) else f"{100 * share:.{places}f} %"


def between(interval: tuple[float, float], places: int = 1, unit: str = " %") -> str:
    """An interval of shares."""
    return _from_to(interval, lambda bound: f"{100 * bound:.{places}f}", unit)


def share_within(figure: Estimate, places: int = 1) -> str:
    """A share and its interval."""
    bounds = between((figure.low, figure.high), places, "")
    return f"{percent(figure.value, places)} ({bounds})"


def number(value: float) -> str:
    """Four digits at most."""
    size = abs(value)
    places = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    return f"{round(value, places) + 0.0:,.{places}f}"  # never -0


def numbers(interval: tuple[float, float]) -> str:
    """An interval of numbers."""
    return _from_to(interval, number)


def number_within(figure: Estimate) -> str:
    """A number and its interval."""
    return f"{number(figure.value)} ({numbers((figure.low, figure.high))})"


def _from_to(bounds: tuple[float, float], told: Callable[[float], str], unit: str = "") -> str:
    """A dash where there was too little to tell an interval from."""
    return NONE if math.isnan(bounds[0]) else f"{told(bounds[0])} to {told(bounds[1])}{unit}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def summary_row(task: str, result: TaskResult | RegressionResult, files: int) -> tuple[str, ...]:
    """Of the table of tasks."""
    n = f"{len(result.truth):,}"
    if isinstance(result, RegressionResult):
        error = f"{number(result.mean_absolute_error)} {result.unit}".rstrip()
        by_source, plain = numbers(result.interval_by_source), numbers(result.interval)
        return task, "mean absolute error", error, n, f"{files:,}", by_source, plain
    accuracy = percent(result.accuracy, 2)
    by_source, plain = between(result.interval_by_source), between(result.interval)
    return task, "accuracy", accuracy, n, f"{files:,}", by_source, plain
