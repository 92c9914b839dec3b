"""How images and answers were distributed when a bundle was made: its member `reference.json`.

A member and not a part of the manifest, which holds its hash: programs that do not know it read the
bundle all the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from edge.drift.image_statistics import ImageStatistics
from edge.tasks import UNKNOWN, Prediction, Task
from edge_common import decode, encode

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
IMAGE_FIELDS = tuple(each.name for each in fields(ImageStatistics))
_DIGITS = 5

Quantiles = tuple[float, ...]  # at LEVELS


@dataclass(frozen=True)
class TaskReference:
    """Of one task's answers.

    shares: of each label that was answered, `unknown` among them; of a multi-label task, how often
    each held.  certainty: quantiles of what `certainty` says.  values: of a number's.
    """

    shares: dict[str, float] = field(default_factory=dict)
    certainty: Quantiles = ()
    values: Quantiles = ()


@dataclass(frozen=True)
class DriftReference:
    """source: the clips.  image: quantiles by the names of `IMAGE_FIELDS`.

    levels: of all quantiles.
    """

    source: str
    frames: int
    decisions: int
    image: dict[str, Quantiles]
    tasks: dict[str, TaskReference] = field(default_factory=dict)
    levels: Quantiles = LEVELS

    @property
    def image_quantiles(self) -> np.ndarray:
        """float64 (4, levels)."""
        return np.array([self.image[name] for name in IMAGE_FIELDS])

    def to_bytes(self) -> bytes:
        return json.dumps(encode(self), allow_nan=False).encode()


def certainty(prediction: Prediction) -> float | None:
    """How sure an answer is, 0 to 1; None of what says nothing of it.

    The probability of the label, or of the guess behind an unknown one; of several labels that of
    the least certain one to hold or not. An answer that is no number is not sure at all: 0.
    """
    if prediction.probabilities is not None:
        return min((max(p, 1.0 - p) for p in prediction.probabilities.values()), default=0.0)
    if prediction.p is not None:
        return prediction.p
    answers = (
        prediction.label,
        prediction.value,
        prediction.vector,
        prediction.points,
        prediction.boxes,
    )
    is_answered = any(answer is not None for answer in (*answers, prediction.areas))
    return None if is_answered else 0.0


def labels_of(prediction: Prediction) -> Sequence[str]:
    """Those that it is counted under; names of a gallery's people are none."""
    if prediction.labels is not None:
        return prediction.labels
    if prediction.label is None or prediction.similarity is not None:
        return ()
    return (prediction.label,)


def measured(
    source: str,
    images: Sequence[ImageStatistics],
    predictions: Sequence[Mapping[str, Prediction]],
    tasks: Sequence[Task],
) -> DriftReference:
    """Of frames and decisions, one of each at least."""
    values = np.array([each.values for each in images])
    image = {name: _quantiles(values[:, n]) for n, name in enumerate(IMAGE_FIELDS)}
    by_task = {t.name: _of_task([each[t.name] for each in predictions]) for t in tasks}
    known = {name: each for name, each in by_task.items() if each != TaskReference()}
    return DriftReference(source, len(images), len(predictions), image, known)


def _of_task(predictions: Sequence[Prediction]) -> TaskReference:
    counts: dict[str, int] = {}
    for label in (label for each in predictions for label in labels_of(each)):
        counts[label] = counts.get(label, 0) + 1
    sure = [value for each in predictions if (value := certainty(each)) is not None]
    numbers = [each.value for each in predictions if each.value is not None]
    return TaskReference(
        {label: round(n / len(predictions), _DIGITS) for label, n in sorted(counts.items())},
        _quantiles(sure) if sure and counts else (),
        _quantiles(numbers) if numbers else (),
    )


def _quantiles(values: "Sequence[float] | np.ndarray") -> Quantiles:
    """Hyndman and Fan's type 7, as numpy's."""
    return tuple(round(float(q), _DIGITS) for q in np.quantile(np.asarray(values), LEVELS))


def from_bytes(content: bytes, tasks: Sequence[Task]) -> DriftReference:
    """Raises ValueError if it is not valid, or not of these tasks."""
    reference = decode(DriftReference, json.loads(content))
    if reference.levels != LEVELS or set(reference.image) != set(IMAGE_FIELDS):
        raise ValueError("its quantiles are of other levels or statistics than this program knows")
    labels = {task.name: {*task.labels, UNKNOWN} for task in tasks}
    for name, task in reference.tasks.items():
        if name not in labels:
            raise ValueError(f"it tells of a task '{name}', which the bundle has not")
        if not all(0 <= share <= 1 for share in task.shares.values()):
            raise ValueError(f"shares of '{name}' are not 0 to 1")
    every = [*reference.image.values()]
    every += [q for task in reference.tasks.values() for q in (task.certainty, task.values) if q]
    for quantiles in every:
        q = np.array(quantiles)
        if q.shape != (len(LEVELS),) or not np.isfinite(q).all() or (np.diff(q) < 0).any():
            raise ValueError("quantiles are not finite, ascending numbers, one a level")
    return reference
