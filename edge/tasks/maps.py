"""A small picture of labels: where each of them holds."""

import numpy as np

from edge.tasks import kind
from edge.tasks.keypoints import grid_fits

BACKGROUND = "background"  # a label of this name is not drawn


class Map(kind.OfMaps, kind.TaskKind):
    """(h, w) probabilities of one label, or (h, w, n) of n labels.

    Of several the most probable one holds at each place; with `thresholds`, each from its own on, as one
    does from 0.5 on.
    """

    name = "map"
    schema = 9
    options = ("labels", "thresholds", "grid")
    metric = kind.PIXEL_ERROR
    is_placed = True

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Never: it has to be said."""
        return False

    @property
    def ending(self) -> str:
        return "sigmoid" if self._are_apart else "softmax"

    @property
    def of_one_answer(self) -> int:
        return len(self.task.labels)

    @property
    def _are_apart(self) -> bool:
        """Whether each label holds or not, whatever the others do."""
        return len(self.task.labels) == 1 or bool(self.task.thresholds)

    @property
    def label_shape(self) -> tuple[int, ...]:
        several = self._are_apart and len(self.task.labels) > 1
        return (*self.task.grid, len(self.task.labels)) if several else self.task.grid

    def fits(self, width: int) -> bool:
        return grid_fits(self.task, width)

    def problem(self, width: int) -> str:
        task, count = self.task, len(self.task.labels)
        if len(task.thresholds) not in (0, 1, count):
            return f"task '{task.name}' has {len(task.thresholds)} thresholds for {count} labels"
        if not all(0.0 <= t <= 1.0 for t in task.thresholds):
            return f"task '{task.name}' has thresholds beyond 0 to 1"
        return super().problem(width)

    def predict(self, scores: np.ndarray) -> kind.Prediction:
        height, width = self.task.grid
        maps = scores.reshape(height, width, -1)
        holds = self._holds(scores[None])[0]
        areas = {}
        for number, label in enumerate(self.task.labels):
            row, column = np.unravel_index(maps[..., number].argmax(), self.task.grid)
            peak = (column + 0.5) / width, (row + 0.5) / height, maps[row, column, number]
            x, y, p = map(float, peak)
            areas[label] = kind.Area(float(holds[..., number].mean()), (x, y, p))
        drawn = holds & [label != BACKGROUND for label in self.task.labels]
        best = np.where(drawn, maps, -np.inf).argmax(axis=-1) + 1
        mask = np.where(drawn.any(axis=-1), best, 0).astype(np.uint16)
        return kind.Prediction(scores, areas=areas, mask=mask)

    def placed(
        self, prediction: kind.Prediction, box: kind.PictureBox, size: tuple[int, int]
    ) -> kind.Prediction:
        return prediction.placed(box)

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """The number of the label that holds at each place, int64 (N, h, w); else 1 if it holds."""
        holds = self._holds(outputs)
        if self._are_apart:
            return holds.astype(np.int64).reshape(len(outputs), *self.label_shape)
        return np.asarray(holds.argmax(axis=-1))

    def _holds(self, outputs: np.ndarray) -> np.ndarray:
        """bool (N, h, w, n)."""
        maps = outputs.reshape(len(outputs), *self.task.grid, -1)
        if self._are_apart:
            return np.asarray(maps >= np.asarray(self.task.thresholds or (0.5,), np.float32))
        best = maps.argmax(axis=-1)[..., None]
        return np.asarray(best == np.arange(maps.shape[-1]))

    def figures(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The share of pixels that are wrong."""
        wrong = self.decide(outputs) != labels
        return np.asarray(wrong.reshape(len(wrong), -1).mean(axis=1))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The share of pixels that are decided alike."""
        equal = self.decide(reference) == self.decide(other)
        return np.asarray(equal.reshape(len(equal), -1).mean(axis=1))

    def label_problem(self, labels: np.ndarray) -> str:
        count = 2 if self._are_apart else len(self.task.labels)
        if labels.shape[1:] != self.label_shape or labels.dtype.kind not in "iub":
            return (
                f"is {labels.dtype} of shape {labels.shape}; whole numbers (N, "
                f"{', '.join(map(str, self.label_shape))}) are needed, the label of each place"
            )
        if not np.isin(labels, np.arange(count)).all():
            return (
                f"has labels from {labels.min()} to {labels.max()}; they go from 0 to {count - 1}"
            )
        return ""
