"""How right a bundle is, on clips whose answers are known."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.bundle import Bundle
from edge.manifest import Accuracy, Task
from edge.stream import EngineOptions, Stream


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
    if task.kind == "regression":
        error = float(np.abs(outputs[:, 0] * task.scale - labels).mean())
        return Accuracy(task.name, "mean_absolute_error", error, len(labels), graph, data)
    decided = outputs.argmax(1) if task.kind == "classification" else outputs[:, 0] >= 0.5
    right = float((decided == labels).mean())
    return Accuracy(task.name, "accuracy", right, len(labels), graph, data)
