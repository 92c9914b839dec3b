"""How right each contender is, as figures for a record."""

from collections.abc import Mapping, Sequence

import numpy as np

from edge.bundle.manifest import Accuracy, Task
from edge.check.clips import Clips
from edge.check.evaluate import accuracies
from edge_benchmarks.record.record import TaskFigure
from edge_common.statistics import wilson_interval

_METRICS = {
    "classification": "accuracy",
    "binary": "accuracy",
    "regression": "mean_absolute_error",
}


def unmeasured(tasks: Sequence[Task]) -> tuple[TaskFigure, ...]:
    """A figure without a value for each task that could have one."""
    return tuple(
        TaskFigure(t.name, _METRICS[t.kind], unit=t.unit) for t in tasks if t.kind in _METRICS
    )


def figures(
    tasks: Sequence[Task], outputs: Mapping[str, np.ndarray], clips: Clips
) -> tuple[TaskFigure, ...]:
    """A figure for each task; without a value where the clips hold no labels for it."""
    measured = {
        found.task: found for found in accuracies(tasks, outputs, clips.labels, "", clips.name)
    }
    return tuple(
        _figure(empty, measured[empty.task]) if empty.task in measured else empty
        for empty in unmeasured(tasks)
    )


def _figure(empty: TaskFigure, found: Accuracy) -> TaskFigure:
    interval = None
    if found.metric == "accuracy":
        interval = wilson_interval(round(found.value * found.n), found.n)
    return TaskFigure(found.task, found.metric, found.value, found.n, interval, empty.unit)
