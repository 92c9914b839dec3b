"""The questions that a network answers, and the file that tells them apart."""

import json
from pathlib import Path

from edge.tasks import Classification, Regression, Task, kind_of
from edge_common.data import encode


def classification(name: str, labels: tuple[str, ...]) -> Task:
    """One of several labels, by softmax."""
    return Task(name, Classification.name, tuple(labels))


def regression(name: str, unit: str, scale: float = 1.0) -> Task:
    """A number; trained on value / scale."""
    return Task(name, Regression.name, (), scale, unit)


def write_tasks(
    path: Path, tasks: tuple[Task, ...], *, frame_rate_hz: float, licence: str, weights_source: str
) -> None:
    """Write what a converter must know of a model but cannot read from its file."""
    content = {
        "tasks": {task.name: _described(task) for task in tasks},
        "frame_rate_hz": frame_rate_hz,
        "licence": licence,
        "weights_source": weights_source,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _described(task: Task) -> dict[str, object]:
    """The kind and what a task of this kind has to say, as a tasks file has it."""
    options = {name: getattr(task, name) for name in kind_of(task).options}
    return {"kind": task.kind, **encode(options)}
