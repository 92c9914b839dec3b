"""How right a bundle is, on clips whose answers are known."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Accuracy
from edge.check.clips import Clips
from edge.stream import Stream, StreamOptions
from edge.tasks import Metric, Task, kind_of
from edge_common import ClipError, statistics


def stream_outputs(
    bundle: Bundle,
    windows: Sequence[np.ndarray],
    options: StreamOptions = StreamOptions(),
    on_window: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray]:
    """What the streamed bundle answers at the end of each window (T, H, W, 3) uint8 RGB.

    Gives (n, k) float32 for each task; `on_window` is called after each window.
    """
    stream = Stream(bundle, options.for_clips())
    collected: dict[str, list[np.ndarray]] = {task.name: [] for task in stream.tasks}
    for window in windows:
        stream.reset()
        for frame in window:
            decision = stream.push(np.ascontiguousarray(frame[..., ::-1]))
        for task, prediction in decision.tasks.items() if decision else ():
            collected[task].append(prediction.scores)
        on_window()
    return {task: np.stack(scores) for task, scores in collected.items()}


def accuracies(
    tasks: Sequence[Task],
    outputs: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    graph: str,
    data: str,
) -> tuple[Accuracy, ...]:
    """Accuracy (share of right labels), or mean absolute error in the task's unit."""
    return tuple(
        _accuracy(task, metric, outputs[task.name], labels[task.name], graph, data)
        for task in tasks
        if task.name in labels and (metric := kind_of(task).metric)
    )


def _accuracy(
    task: Task, metric: Metric, outputs: np.ndarray, labels: np.ndarray, graph: str, data: str
) -> Accuracy:
    n, figures = len(labels), kind_of(task).figures(outputs, labels)
    if metric.is_share:
        low, high = statistics.wilson_interval(int(figures.sum()), n)
    else:
        low, high = statistics.bootstrap_interval(figures)
    return Accuracy(task.name, metric.name, float(figures.mean()), n, graph, data, low, high)


def check_labels(tasks: Sequence[Task], clips: Clips) -> None:
    """Raise ClipError if labels are of a form that could never be right.

    They would otherwise count as wrong answers, or as none.
    """
    names = [task.name for task in tasks]
    if clips.labels and not clips.labels.keys() & set(names):
        raise ClipError(
            f"{clips.name} holds labels for {', '.join(clips.labels)}, the bundle answers "
            f"{', '.join(names)}: name each array after its task"
        )
    for task in tasks:
        if task.name not in clips.labels:
            continue
        if problem := kind_of(task).label_problem(clips.labels[task.name]):
            raise ClipError(f"{clips.name}: '{task.name}' {problem}")
