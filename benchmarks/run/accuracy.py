"""How right each contender is, as figures for a record."""

from collections.abc import Mapping, Sequence

import numpy as np

from edge.bundle.manifest import Accuracy
from edge.check.clips import Clips
from edge.check.evaluate import accuracies
from edge.tasks import Task, is_share, kind_of
from edge_benchmarks.record.record import TaskFigure
from edge_common.statistics import wilson_interval


def unmeasured(tasks: Sequence[Task]) -> tuple[TaskFigure, ...]:
    """A figure without a value for each task that could have one."""
    return tuple(
        TaskFigure(task.name, metric.name, unit=task.unit)
        for task in tasks
        if (metric := kind_of(task).metric)
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
    if is_share(found.metric):
        interval = wilson_interval(round(found.value * found.n), found.n)
    return TaskFigure(found.task, found.metric, found.value, found.n, interval, empty.unit)
