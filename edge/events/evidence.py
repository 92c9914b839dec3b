"""How probable it is that one of an alert's labels is the answer."""

import math

import numpy as np

from edge.events.alert import Alert
from edge.tasks import Prediction, Task, confidence

NOTHING = math.nan, None


class AlertEvidence:
    """Reads predictions of one task, for one alert."""

    def __init__(self, alert: Alert, task: Task) -> None:
        self._alert, self._task = alert, task
        self._labels = frozenset(alert.labels)
        numbers = [n for n, label in enumerate(task.labels) if label in self._labels]
        self._numbers = np.array(numbers, np.intp)

    def of(self, prediction: Prediction) -> tuple[float, str | None]:
        """A probability, 0 to 1, and which label has most of it; or a number in the task's unit.

        NaN: there is no answer. Of people's names the cosine is taken for the probability.
        """
        if self._alert.is_number:
            return (math.nan if prediction.value is None else prediction.value), None
        if prediction.probabilities is not None:
            return self._best_of_several(prediction)
        if prediction.label is None:
            return NOTHING
        has_it, label = prediction.label in self._labels, prediction.label
        if label == confidence.UNKNOWN:
            return float(has_it), label
        if prediction.similarity is not None:
            return max(prediction.similarity, 0.0) if has_it else 0.0, label
        if prediction.p is None:
            return float(has_it), label
        if len(prediction.scores) == len(self._task.labels):
            return self._sum_of_classes(prediction.scores)
        return (prediction.p if has_it else self._other(prediction.p)), label

    def _best_of_several(self, prediction: Prediction) -> tuple[float, str | None]:
        probabilities = prediction.probabilities or {}
        label = max(self._alert.labels, key=lambda each: probabilities.get(each, 0.0))
        return probabilities.get(label, math.nan), label

    def _sum_of_classes(self, scores: np.ndarray) -> tuple[float, str | None]:
        if not len(self._numbers):
            return 0.0, None
        if self._task.temperature != 1:
            scores = confidence.tempered(scores, self._task.temperature)
        shares = scores[self._numbers]
        return min(float(shares.sum()), 1.0), self._task.labels[self._numbers[shares.argmax()]]

    def _other(self, p: float) -> float:
        """Of a label that did not win, if the winner had `p`: known if there are two."""
        return 1.0 - p if self._task.kind == "binary" and len(self._numbers) else 0.0
