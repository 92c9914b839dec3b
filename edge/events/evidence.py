"""How probable it is that one of an alert's labels is the answer."""

import math
from collections.abc import Mapping

from edge.events.alert import Alert
from edge.tasks import Prediction, Task, confidence, label_probabilities

NOTHING = math.nan, None


class AlertShares:
    """The probabilities of all labels, worked out once for all alerts of a frame."""

    def __init__(self) -> None:
        self._shares: dict[int, Mapping[str, float]] = {}

    def of(self, task: Task, prediction: Prediction) -> Mapping[str, float]:
        key = id(prediction)
        if key not in self._shares:
            self._shares[key] = label_probabilities(task, prediction)
        return self._shares[key]


class AlertEvidence:
    """Reads predictions of one task, for one alert.

    task: as the bundle that answers now has it.
    """

    def __init__(self, alert: Alert, task: Task) -> None:
        self._alert, self.task = alert, task
        self._labels = frozenset(alert.labels)

    def of(self, prediction: Prediction, shares: "AlertShares") -> tuple[float, str | None]:
        """A probability, 0 to 1, and which label has most of it; or a number in the task's unit.

        NaN: there is no answer. Of people's names the cosine is taken for the probability.
        shares: of this frame, which several alerts may ask for.
        """
        if self._alert.is_number:
            return (math.nan if prediction.value is None else prediction.value), None
        if prediction.probabilities is not None and self.task.kind == "multi-label":
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
        if by_label := shares.of(self.task, prediction):
            return self._sum_of_classes(by_label)
        return (prediction.p if has_it else 0.0), label

    def _best_of_several(self, prediction: Prediction) -> tuple[float, str | None]:
        probabilities = prediction.probabilities or {}
        label = max(self._alert.labels, key=lambda each: probabilities.get(each, 0.0))
        return probabilities.get(label, math.nan), label

    def _sum_of_classes(self, shares: Mapping[str, float]) -> tuple[float, str | None]:
        """Of a task whose label is always one."""
        labels = self._alert.labels
        if len(labels) == 1:
            return shares.get(labels[0], 0.0), labels[0]
        label = max(labels, key=lambda each: shares.get(each, 0.0))
        return min(sum(shares.get(each, 0.0) for each in self._labels), 1.0), label
