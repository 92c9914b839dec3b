"""How much worse a converted network answers than the float one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.tasks import Task, kind_of
from edge_common.statistics import Z_95, central_95, resampled_means, wilson_interval


@dataclass(frozen=True)
class AccuracyDrop:
    """What one task loses against float.

    points: with labels, percentage points of accuracy, or percent of the mean absolute
    error; without, percent of the answers that differ (of the variance, for numbers).
    low, high: 95 % interval.  n: windows.  against: `labels` or `float`.
    """

    task: str
    points: float
    low: float
    high: float
    n: int
    against: str


def drops(
    tasks: Sequence[Task],
    reference: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
) -> tuple[AccuracyDrop, ...]:
    """The drop of each task. Outputs (n, k) float32 by task; labels (n,), if there are any."""
    return tuple(
        _drop(task, reference[task.name], outputs[task.name], labels.get(task.name))
        for task in tasks
    )


def agreement(task: Task, reference: np.ndarray, outputs: np.ndarray) -> float:
    """How far two networks' outputs (n, k) for a task mean the same, 0 to 1.

    classification, binary: share of windows decided alike; if `reference` is undecided
    (the two best within 2 % of each other) either counts.  regression: share of the variance kept.
    embedding: mean cosine of the angle between the vectors.
    """
    return float(np.clip(kind_of(task).similarity(reference, outputs).mean(), 0.0, 1.0))


def _drop(
    task: Task, reference: np.ndarray, outputs: np.ndarray, labels: np.ndarray | None
) -> AccuracyDrop:
    kind = kind_of(task)
    if labels is None or kind.metric is None:
        return _against_float(task, reference, outputs)
    before, after = (kind.figures(values, labels) for values in (reference, outputs))
    if not kind.metric.is_share:
        return _of_error(task, before, after)
    loss = 100.0 * (before - after)
    reach = Z_95 * float(loss.std()) / np.sqrt(len(loss))
    points = float(loss.mean())
    return AccuracyDrop(task.name, points, points - reach, points + reach, len(loss), "labels")


def _against_float(task: Task, reference: np.ndarray, outputs: np.ndarray) -> AccuracyDrop:
    n, share = len(reference), agreement(task, reference, outputs)
    low, high = wilson_interval(n * share, n)
    points, least, most = (100.0 * (1.0 - s) for s in (share, high, low))
    return AccuracyDrop(task.name, points, least, most, n, "float")


def _of_error(task: Task, before: np.ndarray, after: np.ndarray) -> AccuracyDrop:
    """Relative growth of the mean of errors (n,), with a bootstrap interval."""
    low, high = central_95(_growth(resampled_means(before), resampled_means(after)))
    points = float(_growth(before.mean(), after.mean()))
    return AccuracyDrop(task.name, points, low, high, len(before), "labels")


def _growth(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return 100.0 * (after / np.maximum(before, 1e-12) - 1.0)
