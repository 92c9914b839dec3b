"""Kinds of tasks: what an output of each means, when it is right, how it is learnt.

A new kind is one file here and its line in `KINDS`; `edge_models.evaluation` adds what a
training's report shows of it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from edge.tasks.binary import Binary
from edge.tasks.box import Boxes
from edge.tasks.class_index import ClassIndex
from edge.tasks.classification import Classification
from edge.tasks.confidence import UNKNOWN, UnknownRule, tempered
from edge.tasks.embedding import Embedding
from edge.tasks.keypoints import HeatMaps, Keypoints
from edge.tasks.kind import (
    ACCURACY,
    BOX_ERROR,
    MEAN_ABSOLUTE_ERROR,
    MEAN_DISTANCE,
    PIXEL_ERROR,
    Decided,
    Label,
    Metric,
    PictureBox,
    PointForm,
    Prediction,
    PredictionFields,
    Task,
    TaskKind,
)
from edge.tasks.maps import Map
from edge.tasks.multi_label import MultiLabel
from edge.tasks.ordinal import OrderedLabels
from edge.tasks.regression import Regression
from edge_common import console

__all__ = [
    "ACCURACY",
    "BOX_ERROR",
    "KINDS",
    "MEAN_ABSOLUTE_ERROR",
    "MEAN_DISTANCE",
    "METRICS",
    "PIXEL_ERROR",
    "UNKNOWN",
    "Binary",
    "Boxes",
    "ClassIndex",
    "Classification",
    "Decided",
    "Embedding",
    "HeatMaps",
    "Keypoints",
    "Label",
    "Map",
    "Metric",
    "MultiLabel",
    "OrderedLabels",
    "PictureBox",
    "PointForm",
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
    "label_probabilities",
    "predictions",
]

KINDS: dict[str, type[TaskKind]] = {
    kind.name: kind
    for kind in (
        Classification,
        Binary,
        Regression,
        MultiLabel,
        ClassIndex,
        OrderedLabels,
        Keypoints,
        HeatMaps,
        Map,
        Boxes,
        Embedding,
    )
}
METRICS = {
    metric.name: metric
    for metric in (ACCURACY, MEAN_ABSOLUTE_ERROR, MEAN_DISTANCE, PIXEL_ERROR, BOX_ERROR)
}


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


def label_probabilities(task: Task, prediction: Prediction) -> Mapping[str, float]:
    """The calibrated probability of each label, also of those that are not the answer.

    Empty if there is no answer, or nobody knows.
    """
    label, p, scores = prediction.label, prediction.p, prediction.scores
    if prediction.probabilities is not None:
        return prediction.probabilities
    if label not in task.labels or p is None:
        return {}
    if len(task.labels) == 2 and task.kind == Binary.name:
        return {each: p if each == label else 1.0 - p for each in task.labels}
    if task.kind == OrderedLabels.name and len(scores) == len(task.labels) - 1:
        return OrderedLabels(task).label_shares(scores)
    if len(scores) != len(task.labels):
        return {}
    shares = scores if task.temperature == 1 else tempered(scores, task.temperature)
    return dict(zip(task.labels, shares.tolist()))


def decided(fields: PredictionFields) -> Decided | None:
    """What a task's fields in a JSON line come down to; None if they are neither right nor wrong."""
    for kind in KINDS.values():
        if (result := kind.from_json(fields)) is not None:
            return result
    return None


def is_share(metric: str) -> bool:
    """Whether a metric, by its name, is a share of right predictions; else it is an error."""
    return metric in METRICS and METRICS[metric].is_share
