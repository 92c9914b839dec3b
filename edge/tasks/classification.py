"""One of several labels, by softmax."""

import math
from typing import ClassVar

import numpy as np

from edge.tasks import confidence
from edge.tasks.kind import UNDECIDED, Label, Prediction, PredictionFields, Task, TaskKind


class Classification(TaskKind):
    """k probabilities, one a label; the highest is the answer.

    temperature: what the logits behind them are divided by, so that a probability is the share
    that is right; it changes no answer.  unknown: when none of the labels is the answer.
    """

    name = "classification"
    activation = "softmax"
    options: ClassVar[tuple[str, ...]] = ("labels", "temperature", "unknown")
    in_tables = True
    has_classes = True
    loss = "sparse_categorical_crossentropy"

    def predict(self, scores: np.ndarray) -> Prediction:
        task, index = self.task, int(scores.argmax())
        label, p = label_at(task, index), float(scores[index])
        if task.temperature != 1:
            p = float(confidence.tempered(scores, task.temperature)[index])
        if confidence.is_unknown(task.unknown, scores):
            return Prediction(scores, label=confidence.UNKNOWN, p=p, guess=label)
        return Prediction(scores, label=label, p=p, index=index)

    def problem(self, width: int) -> str:
        task, rule = self.task, self.task.unknown
        if not (math.isfinite(task.temperature) and task.temperature > 0):
            return f"task '{task.name}' has temperature {task.temperature}: it must be above 0"
        if rule and rule.by not in confidence.FAMILIARITY:
            methods = ", ".join(confidence.FAMILIARITY)
            return f"task '{task.name}' tells unknown by '{rule.by}'; there are {methods}"
        if rule and not math.isfinite(rule.threshold):
            return f"task '{task.name}' has {rule.threshold} as the threshold of unknown"
        if rule and confidence.UNKNOWN in task.labels:
            return f"task '{task.name}' has a label '{confidence.UNKNOWN}' and a rule for it"
        return super().problem(width)

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        return np.asarray(outputs.argmax(1))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """1 if the same label wins, or one that `reference` cannot tell from its own."""
        winners = np.take_along_axis(reference, other.argmax(1)[:, None], 1)[:, 0]
        return np.asarray(winners >= (1.0 - UNDECIDED) * reference.max(1))

    def margin(self, outputs: np.ndarray) -> np.ndarray | None:
        """By how much the best of k classes leads."""
        ordered = np.sort(outputs, axis=1)
        return ordered[:, -1] - ordered[:, -2] if outputs.shape[1] > 1 else ordered[:, -1]

    def lead(self, outputs: np.ndarray, decisions: np.ndarray) -> np.ndarray | None:
        if outputs.shape[1] < 2:
            return None
        log_p = confidence.logarithms(outputs.astype(np.float64))
        decided = np.asarray(decisions, np.int64)[:, None]
        own = np.take_along_axis(log_p, decided, 1)[:, 0]
        np.put_along_axis(log_p, decided, -np.inf, 1)
        return np.asarray(own - log_p.max(1))

    @classmethod
    def from_cells(cls, name: str, cells: tuple[str, ...], labels: tuple[str, ...] = ()) -> Task:
        labels = labels or tuple(sorted(set(cells)))
        if len(set(cells)) == 1:
            raise ValueError(f"every clip's {name} is {cells[0]}, which leaves nothing to learn")
        return Task(name, cls.name, labels)

    def classes(self, label: Label) -> frozenset[int]:
        return frozenset() if isinstance(label, tuple) else frozenset({int(label)})

    @classmethod
    def from_json(cls, fields: PredictionFields) -> str | None:
        return fields.label


def label_at(task: Task, index: int) -> str:
    """The label of a class, or its number if the task does not name that many."""
    return task.labels[index] if 0 <= index < len(task.labels) else str(index)
