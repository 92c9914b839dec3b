"""How sure the network was, second by second: what the page draws as charts, beside each alert's limits."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge import stream, tasks
from edge.events import alert as rules, evidence as evidences
from edge.web.watch import SourceWatch

SECONDS = 3600  # that are kept
_MOST_SERIES, _MOST_LABELS, _MOST_A_SECOND = 48, 4, 16
Value = Callable[[stream.Decision], float]


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    task: whose chart.  name: of the line.  unit: "" is a probability, 0 to 1.
    lines: values at which an alert begins or ends, with what happens there.
    """

    task: str
    name: str
    unit: str = ""
    source: str | None = None
    lines: tuple[tuple[float, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        lines = [{"value": value, "name": name} for value, name in self.lines]
        name = f"{self.name} · {self.source}" if self.source else self.name
        return {"task": self.task, "name": name, "unit": self.unit, "lines": lines}


@dataclass(frozen=True)
class _Recorder:
    series: Series
    watch: SourceWatch
    value: Value | None  # None: how many people are there
    reduce: Callable[[Iterable[float]], float]


class AnswerHistory:
    """Values of each second: of several decisions the one that an alert would act on.

    A second without one has NaN. Adds a point a second, from the thread that serves the page.
    """

    def __init__(self, watches: Sequence[SourceWatch]) -> None:
        self._watches = watches
        several = len(watches) > 1
        recorders = [r for watch in watches for r in _recorders(watch, several)][:_MOST_SERIES]
        self._recorders = recorders
        self.points = np.full((SECONDS, len(recorders)), np.nan, np.float32)
        self.count = 0

    @property
    def series(self) -> list[Series]:
        return [recorder.series for recorder in self._recorders]

    def tick(self) -> list[float | None]:
        """Add the second that has passed; its values, None for none."""
        decisions = {id(watch): _drained(watch) for watch in self._watches}
        row = [_value(each, decisions[id(each.watch)]) for each in self._recorders]
        self.points[self.count % SECONDS] = row
        self.count += 1
        return [None if math.isnan(value) else round(value, 4) for value in row]

    def to_bytes(self) -> bytes:
        """float32, little-endian: each second's values, the oldest second first."""
        if self.count <= SECONDS:
            return self.points[: self.count].astype("<f4").tobytes()
        return np.roll(self.points, -self.count, axis=0).astype("<f4").tobytes()


def _drained(watch: SourceWatch) -> list[stream.Decision]:
    """What was decided since the last time, evenly thinned out."""
    groups = [watch.decisions.popleft() for _ in range(len(watch.decisions))]
    decisions = [decision for group in groups for decision in group]
    step = math.ceil(len(decisions) / _MOST_A_SECOND) or 1
    return decisions[::-step]


def _value(recorder: _Recorder, decisions: Sequence[stream.Decision]) -> float:
    if recorder.value is None:
        view = recorder.watch.view
        return math.nan if view is None else float(view.presence.count)
    values = [value for value in map(recorder.value, decisions) if math.isfinite(value)]
    return recorder.reduce(values) if values else math.nan


def _recorders(watch: SourceWatch, several: bool) -> Iterator[_Recorder]:
    source = watch.run.origin if several else None
    for task in watch.run.bundle.tasks if watch.run.bundle else ():
        alerts = [
            each
            for each in watch.run.alerts
            if each.task == task.name and each.source in (None, watch.run.origin)
        ]
        yield from (_of_alert(watch, task, alert, source) for alert in alerts)
        if not alerts:
            yield from _of_task(watch, task, source)
    yield _Recorder(Series("people", "people", "people", source), watch, None, max)


def _of_alert(
    watch: SourceWatch, task: tasks.Task, alert: rules.Alert, source: str | None
) -> _Recorder:
    evidence = evidences.AlertEvidence(alert, task)

    def value(decision: stream.Decision) -> float:
        prediction = decision.tasks.get(task.name)
        return evidence.of(prediction, evidences.AlertShares())[0] if prediction else math.nan

    is_low = alert.under is not None and alert.over is None
    unit = task.unit if alert.is_number else ""
    name = f"{task.name} ({alert})" if alert.is_number else str(alert)
    series = Series(task.name, name, unit, source, tuple(_limits(alert)))
    return _Recorder(series, watch, value, min if is_low else max)


def _limits(alert: rules.Alert) -> Iterator[tuple[float, str]]:
    """Where it begins and where it ends."""
    if not alert.is_number:
        yield alert.above, f"{alert} begins"
        if alert.release != alert.above:
            yield alert.release, f"{alert} ends"
    for limit, away in ((alert.over, -1), (alert.under, 1)):
        if limit is not None:
            yield limit, f"{alert} begins"
            if alert.hysteresis:
                yield limit + away * alert.hysteresis, f"{alert} ends"


def _of_task(watch: SourceWatch, task: tasks.Task, source: str | None) -> Iterator[_Recorder]:
    if tasks.KINDS[task.kind].is_placed:
        return
    if task.kind == tasks.Regression.name:
        series = Series(task.name, task.name, task.unit or "value", source)
        yield _Recorder(series, watch, _number_of(task), _mean)
    elif task.kind == tasks.Embedding.name:
        yield _Recorder(Series(task.name, "similarity", "", source), watch, _share_of(task), max)
    elif 0 < len(task.labels) <= _MOST_LABELS:
        for label in task.labels:
            value = _probability_of(task, label)
            yield _Recorder(Series(task.name, label, "", source), watch, value, max)
    else:
        series = Series(task.name, "surest answer", "", source)
        yield _Recorder(series, watch, _share_of(task), max)


def _number_of(task: tasks.Task) -> Value:
    def value(decision: stream.Decision) -> float:
        prediction = decision.tasks.get(task.name)
        return math.nan if prediction is None or prediction.value is None else prediction.value

    return value


def _share_of(task: tasks.Task) -> Value:
    def value(decision: stream.Decision) -> float:
        prediction = decision.tasks.get(task.name)
        share = prediction.share if prediction else None
        return math.nan if share is None else share

    return value


def _probability_of(task: tasks.Task, label: str) -> Value:
    def value(decision: stream.Decision) -> float:
        prediction = decision.tasks.get(task.name)
        if prediction is None:
            return math.nan
        return tasks.label_probabilities(task, prediction).get(label, math.nan)

    return value


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
