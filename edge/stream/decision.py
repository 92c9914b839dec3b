"""From the head's outputs to what a person or a program can read."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.bundle.manifest import Task


@dataclass(frozen=True, slots=True)
class Answer:
    """One task's answer. Which fields are set depends on the task's kind.

    classification, binary: index, label, p (probability of that label, 0 to 1).
    regression: value, in `unit`.  embedding: vector, float32 (d,); with a gallery of people
    also label (a name, or `unknown`) and similarity (cosine to the nearest of them, -1 to 1).
    scores: the head's output as it came, float32 (k,); not part of the JSON.
    """

    scores: np.ndarray
    label: str | None = None
    p: float | None = None
    index: int | None = None
    value: float | None = None
    unit: str | None = None
    vector: tuple[float, ...] | None = None
    similarity: float | None = None

    def to_json(self) -> dict[str, Any]:
        fields = {
            "label": self.label,
            "p": _rounded(self.p),
            "index": self.index,
            "value": _rounded(self.value),
            "unit": self.unit,
            "similarity": _rounded(self.similarity),
            "vector": _rounded_all(self.vector),
        }
        return {name: value for name, value in fields.items() if value is not None}

    @property
    def share(self) -> float | None:
        """How sure a label is: its probability, or its similarity where it is a name."""
        return self.p if self.similarity is None else self.similarity

    def __str__(self) -> str:
        if self.label is not None:
            return f"{self.label} {self.share:.2f}"
        if self.value is not None:
            return f"{self.value:.1f} {self.unit or ''}".rstrip()
        return f"{len(self.vector or ())} numbers"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the network says of the window that ends with frame number `frame`.

    captured_at: monotonic seconds when that frame was captured.
    age_ms: from capture to decision.  latency_ms: milliseconds of each stage.
    predicted_for: the board that was played, whose predicted latency stands in both.
    """

    frame: int
    captured_at: float
    age_ms: float
    latency_ms: Mapping[str, float]
    tasks: Mapping[str, Answer]
    predicted_for: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields: frame, captured_at, age_ms, latency_ms, tasks.

        And `predicted_for`, where a board was played.
        """
        played = {"predicted_for": self.predicted_for} if self.predicted_for else {}
        return {
            "frame": self.frame,
            "captured_at": round(self.captured_at, 6),
            "age_ms": round(self.age_ms, 3),
            "latency_ms": {stage: round(ms, 4) for stage, ms in self.latency_ms.items()},
            "tasks": {name: answer.to_json() for name, answer in self.tasks.items()},
            **played,
        }


def _rounded(value: float | None) -> float | None:
    """Four places; JSON knows no NaN and no infinity, so these are left out."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _rounded_all(vector: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Six places: those of length one have small numbers. None where one is no number."""
    if vector is None or not all(map(math.isfinite, vector)):
        return None
    return tuple(round(value, 6) for value in vector)


def answer(task: Task, scores: np.ndarray) -> Answer:
    """Read one task's output vector (float32) as its kind says."""
    return _READERS[task.kind](task, scores)


def answers(tasks: Sequence[Task], outputs: Sequence[np.ndarray]) -> dict[str, Answer]:
    """All tasks' answers under their names; `outputs` in the order of `tasks`."""
    return {task.name: answer(task, scores) for task, scores in zip(tasks, outputs, strict=True)}


def _classification(task: Task, scores: np.ndarray) -> Answer:
    index = int(scores.argmax())
    label = task.labels[index] if index < len(task.labels) else str(index)
    return Answer(scores, label=label, p=float(scores[index]), index=index)


def _binary(task: Task, scores: np.ndarray) -> Answer:
    positive = float(scores[0])
    index = int(positive >= 0.5)
    label = task.labels[index] if index < len(task.labels) else str(index)
    return Answer(scores, label=label, p=positive if index else 1.0 - positive, index=index)


def _regression(task: Task, scores: np.ndarray) -> Answer:
    return Answer(scores, value=float(scores[0]) * task.scale, unit=task.unit)


def _embedding(task: Task, scores: np.ndarray) -> Answer:
    return Answer(scores, vector=tuple(float(x) for x in scores))


_READERS: dict[str, Callable[[Task, np.ndarray], Answer]] = {
    "classification": _classification,
    "binary": _binary,
    "regression": _regression,
    "embedding": _embedding,
}
