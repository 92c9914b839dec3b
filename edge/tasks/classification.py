"""One of several labels, by softmax."""

import numpy as np

from edge.tasks.kind import UNDECIDED, Label, Prediction, PredictionFields, Task, TaskKind


class Classification(TaskKind):
    """k probabilities, one a label; the highest is the answer."""

    name = "classification"
    activation = "softmax"
    in_tables = True
    has_classes = True
    loss = "sparse_categorical_crossentropy"

    def predict(self, scores: np.ndarray) -> Prediction:
        index = int(scores.argmax())
        return Prediction(
            scores, label=label_at(self.task, index), p=float(scores[index]), index=index
        )

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
