"""A number in a unit, without an activation."""

import math

import numpy as np

from edge.tasks.kind import MEAN_ABSOLUTE_ERROR, Axes, Prediction, PredictionFields, Task, TaskKind


class Regression(TaskKind):
    """One number; times the task's scale, it is a value in the task's unit."""

    name = "regression"
    fixed_width = 1
    options = ("scale", "unit")
    in_tables = True
    metric = MEAN_ABSOLUTE_ERROR
    loss = "mse"
    training_metric = "mae"
    training_dtype = "float32"
    label_dtype = "float64"

    @classmethod
    def label_count(cls, axes: Axes, stated: int = 0) -> int:
        return 0

    def predict(self, scores: np.ndarray) -> Prediction:
        return Prediction(scores, value=float(scores[0]) * self.task.scale, unit=self.task.unit)

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """Values in the task's unit."""
        return outputs[:, 0] * self.task.scale

    def figures(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Absolute errors in the task's unit."""
        return np.asarray(np.abs(self.decide(outputs) - labels))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The share of the variance of `reference` that the mean of these keeps."""
        spread = float(reference.var()) or float(np.square(reference).mean()) or 1.0
        return np.asarray((1.0 - np.square(reference - other) / spread)[:, 0])

    @classmethod
    def cell_problem(cls, cell: str, labels: tuple[str, ...] = ()) -> str:
        if not cell:
            return "is empty"
        try:
            finite = math.isfinite(float(cell))
        except ValueError:
            finite = False
        return "" if finite else f"is {cell}, which is no number"

    @classmethod
    def from_cells(cls, name: str, cells: tuple[str, ...], labels: tuple[str, ...] = ()) -> Task:
        """Trained on the share of the largest value."""
        largest = max((abs(float(cell)) for cell in cells), default=1.0)
        return Task(name, cls.name, scale=largest or 1.0)

    def parse(self, cell: str) -> float:
        return float(cell)

    @classmethod
    def from_json(cls, fields: PredictionFields) -> float | None:
        return fields.value
