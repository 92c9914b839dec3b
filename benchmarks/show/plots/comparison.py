"""Pictures over all records: how right against how fast."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from edge.tasks import is_share
from edge_benchmarks.record import Measurement, Record, TaskFigure
from edge_benchmarks.statistics import Summary
from edge_common.figures import (
    INK,
    MARKERS,
    Axes,
    Figure,
    colours,
    far_apart,
    legend,
    log_scale,
    panel,
    svg_figure,
)

_COLUMNS = 2


@dataclass(frozen=True)
class Spot:
    """One way of one record, with the figure of one task."""

    record: str
    way: str
    p50_ms: float
    p99_ms: float
    value: float
    figure: TaskFigure


def spots(records: Mapping[str, Record]) -> dict[str, list[Spot]]:
    """Whatever has both a latency and an accuracy, by task; tasks of two units stay apart."""
    by_task: dict[str, list[Spot]] = {}
    for label, record in records.items():
        for way in record.measurements:
            for spot in _spots_of(label, way, way.total_ms) if way.total_ms else ():
                by_task.setdefault(axis_title(spot.figure), []).append(spot)
    return by_task


def _spots_of(label: str, way: Measurement, total_ms: Summary) -> Iterator[Spot]:
    estimate = way.percentiles.get("p99")
    p99_ms = estimate.value if estimate else total_ms.p99
    for figure in way.accuracy:
        if figure.value is not None:
            yield Spot(label, way.name, total_ms.p50, p99_ms, figure.value, figure)


def axis_title(figure: TaskFigure) -> str:
    """A task with what its figure means."""
    if is_share(figure.metric):
        return f"{figure.task}: right answers, %"
    unit = f", {figure.unit}" if figure.unit else ""
    return f"{figure.task}: {figure.metric.replace('_', ' ')}{unit}"


def accuracy_against_latency(by_task: Mapping[str, Sequence[Spot]]) -> str:
    """A panel a task; whiskers: 95 % interval upwards, p50 to p99 to the side."""
    every = [spot for group in by_task.values() for spot in group]
    colour = colours(list(dict.fromkeys(spot.record for spot in every)))
    ways = list(dict.fromkeys(spot.way for spot in every))
    marker = {way: MARKERS[i % len(MARKERS)] for i, way in enumerate(ways)}
    rows = ceil(len(by_task) / _COLUMNS)
    columns = min(len(by_task), _COLUMNS)

    def draw(figure: Figure) -> None:
        panels = []
        for number, (title, group) in enumerate(by_task.items(), 1):
            axes = panel(figure, (rows, columns, number))
            for spot in group:
                _spot(axes, spot, colour[spot.record], marker[spot.way])
            if far_apart([ms for spot in group for ms in (spot.p50_ms, spot.p99_ms)]):
                log_scale(axes)
            axes.set_title(title, loc="left")
            axes.set_xlabel("a frame, ms: p50, whisker to p99")
            panels.append(axes)
        for record, each in colour.items() if len(colour) > 1 else ():
            panels[0].plot([], [], color=each, linewidth=4, label=record)
        for way, each in marker.items():
            panels[0].plot([], [], each, color=INK, markersize=7, label=way)
        legend(figure, panels)

    return svg_figure(draw, height=0.7 + 3.0 * rows)


def _spot(axes: Axes, spot: Spot, colour: str, marker: str) -> None:
    scale = 100.0 if is_share(spot.figure.metric) else 1.0
    value = scale * spot.value
    low, high = (scale * x for x in spot.figure.interval or (spot.value,) * 2)
    axes.plot([spot.p50_ms, max(spot.p99_ms, spot.p50_ms)], [value] * 2, color=colour, linewidth=1)
    axes.plot([spot.p50_ms] * 2, [low, high], color=colour, linewidth=1)
    axes.plot(spot.p50_ms, value, marker, color=colour, markersize=7)
