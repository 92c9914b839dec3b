"""The questions that a network answers, and the file that tells them apart."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["classification", "binary", "regression", "embedding"]


@dataclass(frozen=True)
class Task:
    """One question.

    Attributes:
        labels: of the classes, in order; empty for a regression or an embedding.
        scale: a regression's output times this is a value in `unit`.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str = ""

    @property
    def width(self) -> int:
        """Numbers in the output."""
        return len(self.labels) if self.kind == "classification" else 1

    @property
    def activation(self) -> str:
        """Of the output layer."""
        return {"classification": "softmax", "binary": "sigmoid", "regression": "linear"}[self.kind]

    @property
    def loss(self) -> str:
        """Keras' name of the loss, for integer labels or scaled numbers."""
        return {
            "classification": "sparse_categorical_crossentropy",
            "binary": "binary_crossentropy",
            "regression": "mse",
        }[self.kind]


def classification(name: str, labels: tuple[str, ...]) -> Task:
    """One of several labels, by softmax."""
    return Task(name, "classification", tuple(labels))


def regression(name: str, unit: str, scale: float = 1.0) -> Task:
    """A number; trained on value / scale."""
    return Task(name, "regression", (), scale, unit)


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
    if task.kind == "regression":
        return {"kind": task.kind, "scale": task.scale, "unit": task.unit}
    if task.kind == "embedding":
        return {"kind": task.kind}
    return {"kind": task.kind, "labels": list(task.labels)}
