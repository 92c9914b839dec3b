"""How right each target is, as figures for a record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Accuracy
from edge.check.clips import Clips
from edge.check.evaluate import accuracies
from edge.tasks import Task, is_share, kind_of
from edge_benchmarks.record.record import Measurement, TaskFigure
from edge_benchmarks.run import baselines
from edge_benchmarks.run.targets import Target
from edge_common.console import Progress
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
    """A figure for each task; without a value if the clips hold no labels for it."""
    by_task = {each.task: each for each in accuracies(tasks, outputs, clips.labels, "", clips.name)}
    return tuple(
        _figure(empty, by_task[empty.task]) if empty.task in by_task else empty
        for empty in unmeasured(tasks)
    )


def _figure(empty: TaskFigure, result: Accuracy) -> TaskFigure:
    interval = None
    if is_share(result.metric):
        interval = wilson_interval(round(result.value * result.n), result.n)
    return TaskFigure(result.task, result.metric, result.value, result.n, interval, empty.unit)


Outputs = Mapping[str, np.ndarray]  # task -> (n, k) float32


def evaluated(
    measurements: Sequence[Measurement],
    targets: Sequence[Target],
    bundle: Bundle,
    clips: Clips | None,
    progress: Progress,
) -> list[Measurement]:
    """The measurements with accuracy and agreement; without values if there are no clips."""
    outputs: dict[str, Outputs] = {}
    if clips is not None:
        outputs = {t.name: _outputs(t, clips, progress) for t in targets if t.outputs is not None}
    exact = next((outputs[t.name] for t in targets if t.exact and t.name in outputs), None)
    return [_evaluated(m, bundle, clips, outputs.get(m.name), exact) for m in measurements]


def _outputs(target: Target, clips: Clips, progress: Progress) -> Outputs:
    assert target.outputs is not None
    with progress.count(f"answering, {target.name}, clips", len(clips)) as on_clip:
        return target.outputs(list(clips.windows), on_clip)


def _evaluated(
    measurement: Measurement,
    bundle: Bundle,
    clips: Clips | None,
    outputs: Outputs | None,
    exact: Outputs | None,
) -> Measurement:
    tasks = bundle.manifest.tasks
    if outputs is None or clips is None:
        return replace(measurement, accuracy=unmeasured(tasks))
    agreement = {}
    if exact is not None and outputs is not exact:
        agreement = baselines.agreement(bundle, exact, outputs)
    return replace(measurement, accuracy=figures(tasks, outputs, clips), agreement=agreement)
