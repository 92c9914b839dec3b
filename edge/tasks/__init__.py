"""Kinds of tasks: what an output of each means, when it is right, how it is learnt.

A new kind is one file here and its line in `KINDS`; `edge_models.evaluation` adds what a
training's report shows of it.
"""

from collections.abc import Sequence

import numpy as np

from edge.tasks.binary import Binary
from edge.tasks.class_index import ClassIndex
from edge.tasks.classification import Classification
from edge.tasks.confidence import UNKNOWN, UnknownRule
from edge.tasks.embedding import Embedding
from edge.tasks.kind import (
    ACCURACY,
    MEAN_ABSOLUTE_ERROR,
    Decided,
    Label,
    Metric,
    Prediction,
    PredictionFields,
    Task,
    TaskKind,
)
from edge.tasks.multi_label import MultiLabel
from edge.tasks.regression import Regression
from edge_common import console

__all__ = [
    "ACCURACY",
    "KINDS",
    "MEAN_ABSOLUTE_ERROR",
    "METRICS",
    "UNKNOWN",
    "Binary",
    "ClassIndex",
    "Classification",
    "Decided",
    "Embedding",
    "Label",
    "Metric",
    "MultiLabel",
    "Prediction",
    "PredictionFields",
    "Regression",
    "Task",
    "TaskKind",
    "UnknownRule",
    "decided",
    "inferred_kind",
    "is_share",
    "kind_of",
    "predictions",
]

KINDS: dict[str, type[TaskKind]] = {
    kind.name: kind
    for kind in (Classification, Binary, Regression, MultiLabel, ClassIndex, Embedding)
}
METRICS = {metric.name: metric for metric in (ACCURACY, MEAN_ABSOLUTE_ERROR)}


def kind_of(task: Task) -> TaskKind:
    """What the task's kind says of this task."""
    return KINDS[task.kind](task)


def inferred_kind(activation: str, width: int) -> str:
    """The kind of an output that nobody describes, by its last activation and its width."""
    return next(name for name, kind in KINDS.items() if kind.is_meant_by(activation, width))


def predictions(tasks: Sequence[Task], outputs: Sequence[np.ndarray]) -> dict[str, Prediction]:
    """All tasks' predictions by name; `outputs`, float32 (k,) each, in the order of `tasks`.

    Of what is not finite nothing is set, and that is announced once.
    """
    pairs = zip(tasks, outputs, strict=True)
    return {task.name: _prediction(task, scores) for task, scores in pairs}


def _prediction(task: Task, scores: np.ndarray) -> Prediction:
    if np.isfinite(scores).all():
        return kind_of(task).predict(scores)
    console.warn_once(
        f"the network answers NaN or infinity for '{task.name}', which is no answer: "
        "is its input what it was trained on?"
    )
    return Prediction(scores)


def decided(fields: PredictionFields) -> Decided | None:
    """What a task's fields in a JSON line come down to; None if they are neither right nor wrong."""
    for kind in KINDS.values():
        if (result := kind.from_json(fields)) is not None:
            return result
    return None


def is_share(metric: str) -> bool:
    """Whether a metric, by its name, is a share of right predictions; else it is an error."""
    return metric in METRICS and METRICS[metric].is_share
