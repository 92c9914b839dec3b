"""How much worse a converted network answers than the float one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.bundle.manifest import Task
from edge_common.statistics import Z_95, central_95, resampled_means, wilson_interval

# float itself is undecided between answers whose probabilities differ by this share of the
# larger one; an untrained network always is
UNDECIDED = 0.02


@dataclass(frozen=True)
class Drop:
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
    found: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
) -> tuple[Drop, ...]:
    """The drop of each task. Outputs (n, k) float32 by task; labels (n,), where there are any."""
    return tuple(
        _drop(task, reference[task.name], found[task.name], labels.get(task.name)) for task in tasks
    )


def agreement(reference: np.ndarray, found: np.ndarray, kind: str) -> float:
    """How far two arrays of outputs (n, k) mean the same, 0 to 1.

    classification, binary: share of windows decided alike; where `reference` is undecided
    (the two best within 2 % of each other) either counts.  regression: share of the variance kept.
    embedding: mean cosine of the angle between the vectors.
    """
    return float(np.clip(_LIKENESS[kind](reference, found).mean(), 0.0, 1.0))


def _drop(task: Task, reference: np.ndarray, found: np.ndarray, labels: np.ndarray | None) -> Drop:
    if labels is None or task.kind == "embedding":
        return _against_float(task, reference, found)
    if task.kind == "regression":
        return _of_error(task, reference, found, labels)
    lost = 100.0 * (_right(task, reference, labels) - _right(task, found, labels))
    reach = Z_95 * float(lost.std()) / np.sqrt(len(lost))
    points = float(lost.mean())
    return Drop(task.name, points, points - reach, points + reach, len(lost), "labels")


def _against_float(task: Task, reference: np.ndarray, found: np.ndarray) -> Drop:
    n, share = len(reference), agreement(reference, found, task.kind)
    low, high = wilson_interval(n * share, n)
    lost, least, most = (100.0 * (1.0 - s) for s in (share, high, low))
    return Drop(task.name, lost, least, most, n, "float")


def _of_error(task: Task, reference: np.ndarray, found: np.ndarray, labels: np.ndarray) -> Drop:
    """Relative growth of the mean absolute error, with a bootstrap interval."""
    before, after = (np.abs(o[:, 0] * task.scale - labels) for o in (reference, found))
    low, high = central_95(_growth(resampled_means(before), resampled_means(after)))
    points = float(_growth(before.mean(), after.mean()))
    return Drop(task.name, points, low, high, len(labels), "labels")


def _growth(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return 100.0 * (after / np.maximum(before, 1e-12) - 1.0)


def _right(task: Task, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    decided = outputs.argmax(1) if task.kind == "classification" else outputs[:, 0] >= 0.5
    return (decided == labels).astype(float)


def _same_class(reference: np.ndarray, found: np.ndarray) -> np.ndarray:
    chosen = np.take_along_axis(reference, found.argmax(1)[:, None], 1)[:, 0]
    return chosen >= (1.0 - UNDECIDED) * reference.max(1)


def _same_side(reference: np.ndarray, found: np.ndarray) -> np.ndarray:
    undecided = np.abs(reference - 0.5) <= UNDECIDED / 2
    return ((reference >= 0.5) == (found >= 0.5)) | undecided


def _variance_kept(reference: np.ndarray, found: np.ndarray) -> np.ndarray:
    spread = float(reference.var()) or float(np.square(reference).mean()) or 1.0
    return 1.0 - np.square(reference - found) / spread


def _cosine(reference: np.ndarray, found: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(found, axis=1)
    return (reference * found).sum(1) / np.maximum(lengths, 1e-12)


_LIKENESS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "classification": _same_class,
    "binary": _same_side,
    "regression": _variance_kept,
    "embedding": _cosine,
}
