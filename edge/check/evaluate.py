"""How right a bundle is, on clips whose answers are known."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.bundle.archive import Bundle
from edge.bundle.manifest import Accuracy, Task
from edge.check.clips import Clips
from edge.stream.stream import EngineOptions, Stream
from edge_common.errors import ClipError
from edge_common.statistics import bootstrap_interval, wilson_interval


def stream_outputs(
    bundle: Bundle,
    windows: Sequence[np.ndarray],
    options: EngineOptions = EngineOptions(),
    on_window: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray]:
    """What the streamed bundle answers at the end of each window (T, H, W, 3) uint8 RGB.

    Gives (n, k) float32 for each task; `on_window` is called after each window.
    """
    stream = Stream(bundle, options)
    collected: dict[str, list[np.ndarray]] = {task.name: [] for task in stream.tasks}
    for window in windows:
        stream.reset()
        for frame in window:
            decision = stream.push(np.ascontiguousarray(frame[..., ::-1]))
        for task, found in decision.tasks.items():
            collected[task].append(found.scores)
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
    known = [task for task in tasks if task.name in labels and task.kind != "embedding"]
    return tuple(
        _accuracy(task, outputs[task.name], labels[task.name], graph, data) for task in known
    )


def _accuracy(
    task: Task, outputs: np.ndarray, labels: np.ndarray, graph: str, data: str
) -> Accuracy:
    n = len(labels)
    if task.kind == "regression":
        errors = np.abs(outputs[:, 0] * task.scale - labels)
        low, high = bootstrap_interval(errors)
        error = float(errors.mean())
        return Accuracy(task.name, "mean_absolute_error", error, n, graph, data, low, high)
    decided = outputs.argmax(1) if task.kind == "classification" else outputs[:, 0] >= 0.5
    right = int((decided == labels).sum())
    low, high = wilson_interval(right, n)
    return Accuracy(task.name, "accuracy", right / n, n, graph, data, low, high)


def check_labels(tasks: Sequence[Task], clips: Clips) -> None:
    """Raise ClipError where labels are of a form that could never be right.

    They would otherwise count as wrong answers, or as none.
    """
    names = [task.name for task in tasks]
    if clips.labels and not clips.labels.keys() & set(names):
        raise ClipError(
            f"{clips.name} holds labels for {', '.join(clips.labels)}, the bundle answers "
            f"{', '.join(names)}: name each array after its task"
        )
    for task in tasks:
        labels = clips.labels.get(task.name)
        if labels is None or task.kind == "embedding":
            continue
        if labels.ndim != 1 or labels.dtype.kind not in "iuf":
            raise ClipError(
                f"{clips.name}: '{task.name}' is {labels.dtype} of shape {labels.shape}; "
                "one number a clip is needed (for a class its index)"
            )
        if task.labels and not np.isin(labels, np.arange(len(task.labels))).all():
            raise ClipError(
                f"{clips.name}: '{task.name}' has labels from {labels.min()} to {labels.max()}; "
                f"the bundle knows the classes 0 to {len(task.labels) - 1}"
            )
