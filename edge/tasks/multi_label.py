"""Any number of labels at once, by a sigmoid each."""

import numpy as np

from edge.tasks.confidence import log_odds
from edge.tasks.kind import UNDECIDED, Label, Prediction, PredictionFields, Task, TaskKind

DEFAULT_THRESHOLD = 0.5
SEPARATOR = "|"  # between the labels of a table's cell


class MultiLabel(TaskKind):
    """k probabilities, one a label; each label holds from its threshold on.

    thresholds: one a label, one for all, or none (0.5).  top_k: at most so many labels hold,
    those of the highest probabilities; 0: any number. A prediction is right if all its labels are.
    """

    name = "multi-label"
    schema = 2
    activation = "sigmoid"
    options = ("labels", "thresholds", "top_k")
    in_tables = True
    loss = "binary_crossentropy"
    training_metric = "binary_accuracy"
    training_dtype = "float32"

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        return activation == cls.activation and width > 1

    @property
    def thresholds(self) -> np.ndarray:
        """Of each label, float32 (k,)."""
        given = self.task.thresholds or (DEFAULT_THRESHOLD,)
        return np.broadcast_to(np.asarray(given, np.float32), (self.width,))

    @property
    def label_shape(self) -> tuple[int, ...]:
        return (self.width,)

    def problem(self, width: int) -> str:
        task, count = self.task, self.width
        wrong = [t for t in task.thresholds if not 0.0 <= t <= 1.0]
        if len(set(task.labels)) < count:
            return f"task '{task.name}' has a label twice"
        if len(task.thresholds) not in (0, 1, count):
            return (
                f"task '{task.name}' has {len(task.thresholds)} thresholds for {count} labels: "
                "give one a label, or one for all"
            )
        if wrong:
            return f"task '{task.name}' has the threshold {wrong[0]:g}: it must be from 0 to 1"
        if not 0 <= task.top_k <= count:
            return f"task '{task.name}' has top_k {task.top_k}: it must be from 0 to {count}"
        return super().problem(width)

    def predict(self, scores: np.ndarray) -> Prediction:
        labels = self.task.labels
        holding = np.flatnonzero(self.decide(scores[None])[0])
        order = holding[np.argsort(-scores[holding], kind="stable")]
        probabilities = {label: float(p) for label, p in zip(labels, scores, strict=True)}
        return Prediction(
            scores, labels=tuple(labels[i] for i in order), probabilities=probabilities
        )

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """1 for each label that holds, else 0: int64 (n, k)."""
        holds = outputs >= self.thresholds
        if self.task.top_k:
            ranks = np.argsort(np.argsort(-outputs, axis=1, kind="stable"), axis=1)
            holds &= ranks < self.task.top_k
        return holds.astype(np.int64)

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """1 if the same labels hold, but for those that `reference` is undecided of."""
        undecided = np.abs(reference - self.thresholds) <= UNDECIDED / 2
        lowest, next_lower = self._cut(reference)
        tied = lowest - next_lower <= UNDECIDED * lowest
        undecided |= tied & (reference <= lowest) & (reference >= next_lower)
        alike = self.decide(reference) == self.decide(other)
        return np.asarray((alike | undecided).all(axis=1))

    def _cut(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest probability of the top k and the highest below, (n, 1) each."""
        if not 0 < self.task.top_k < outputs.shape[1]:
            return np.ones((len(outputs), 1)), np.zeros((len(outputs), 1))
        ordered = -np.sort(-outputs, axis=1)
        return ordered[:, self.task.top_k - 1, None], ordered[:, self.task.top_k, None]

    def margin(self, outputs: np.ndarray) -> np.ndarray:
        """How far the label that is nearest to its threshold is from it; 1 is as far as can be."""
        reach = np.maximum(self.thresholds, 1 - self.thresholds)
        nearest = (np.abs(outputs - self.thresholds) / reach).min(axis=1)
        too_many = (outputs >= self.thresholds).sum(axis=1) > (self.task.top_k or self.width)
        lowest, next_lower = self._cut(outputs)
        lead = (lowest - next_lower)[:, 0]
        return np.asarray(np.where(too_many, np.minimum(nearest, lead), nearest))

    def lead(self, outputs: np.ndarray, decisions: np.ndarray) -> np.ndarray | None:
        """Of the label that is nearest to its threshold."""
        if self.task.top_k:
            return None
        odds = log_odds(outputs) - log_odds(self.thresholds)
        return np.asarray((np.where(decisions, 1.0, -1.0) * odds).min(axis=1))

    def codes(self, outputs: np.ndarray) -> list[int]:
        """The labels that hold, as the bits of one number, the first label's the lowest."""
        return [sum(1 << int(i) for i in np.flatnonzero(row)) for row in self.decide(outputs)]

    def label_problem(self, labels: np.ndarray) -> str:
        if labels.ndim != 2 or labels.shape[1] != self.width or labels.dtype.kind not in "iufb":
            return (
                f"is {labels.dtype} of shape {labels.shape}; {self.width} numbers a clip are "
                "needed, 1 for each label that holds, else 0"
            )
        if not np.isin(labels, (0, 1)).all():
            return f"has values from {labels.min()} to {labels.max()}; each must be 0 or 1"
        return ""

    @classmethod
    def cell_problem(cls, cell: str, labels: tuple[str, ...] = ()) -> str:
        parts = _parts(cell)
        unknown = [part for part in parts if labels and part not in labels]
        if unknown:
            return f"names {unknown[0]}, which is none of {', '.join(labels)}"
        return "names a label twice" if len(set(parts)) < len(parts) else ""

    @classmethod
    def from_cells(cls, name: str, cells: tuple[str, ...], labels: tuple[str, ...] = ()) -> Task:
        labels = labels or tuple(sorted({part for cell in cells for part in _parts(cell)}))
        if not labels:
            raise ValueError(f"no clip's {name} names a label, which leaves nothing to learn")
        return Task(name, cls.name, labels, thresholds=(DEFAULT_THRESHOLD,))

    def parse(self, cell: str) -> tuple[float, ...]:
        parts = _parts(cell)
        return tuple(float(label in parts) for label in self.task.labels)

    def classes(self, label: Label) -> frozenset[int]:
        holds = label if isinstance(label, tuple) else ()
        return frozenset(number for number, value in enumerate(holds) if value)

    @classmethod
    def from_json(cls, fields: PredictionFields) -> frozenset[str] | None:
        return None if fields.labels is None else frozenset(fields.labels)


def _parts(cell: str) -> list[str]:
    """The labels that a cell such as `a|c` names; none of an empty one."""
    return [part.strip() for part in cell.split(SEPARATOR) if part.strip()]
