"""Points by name, as x and y or as the peak of a map each."""

import math
from typing import ClassVar

import numpy as np

from edge.tasks import kind

# how far coordinates reach, and from where, over the input
_COORDINATES = {"normalised": (0.0, 1.0), "centred": (-1.0, 2.0), "pixels": (0.0, None)}


class Keypoints(kind.TaskKind):
    """n points, (n, 2) or (n, 3) numbers or the same flat: x, y and maybe a score, named by labels."""

    name = "keypoints"
    schema = 9
    options: ClassVar[tuple[str, ...]] = ("labels", "points")
    metric = kind.MEAN_DISTANCE
    is_placed = True
    label_dtype = "float64"
    orders: ClassVar[tuple[str, ...]] = ("xy", "yx")
    numbers: ClassVar[int] = 2  # of a point, before its score

    @classmethod
    def label_count(cls, axes: kind.Axes, stated: int = 0) -> int:
        if len(axes) == 2:
            return axes[0]
        n = cls.numbers
        return stated if axes[0] in (n * stated, (n + 1) * stated) else axes[0] // n

    @classmethod
    def takes(cls, axes: kind.Axes) -> bool:
        n = cls.numbers
        return len(axes) == 1 or (len(axes) == 2 and axes[1] in (n, n + 1))

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Never: nobody knows points from other numbers."""
        return False

    @property
    def points(self) -> kind.PointForm:
        return self.task.points or kind.PointForm()

    @property
    def label_shape(self) -> tuple[int, ...]:
        return len(self.task.labels), self.numbers

    def fits(self, width: int) -> bool:
        count = len(self.task.labels)
        return width in (self.numbers * count, (self.numbers + 1) * count)

    def problem(self, width: int) -> str:
        task, points = self.task, self.points
        ends = {name for pair in points.skeleton for name in pair}
        if len(set(task.labels)) < len(task.labels):
            return f"task '{task.name}' has a point twice"
        if points.order not in self.orders:
            orders = ", ".join(self.orders)
            return (
                f"task '{task.name}' has points in the order '{points.order}'; there are {orders}"
            )
        if points.coordinates not in _COORDINATES:
            return (
                f"task '{task.name}' has {points.coordinates} coordinates; "
                f"there are {', '.join(_COORDINATES)}"
            )
        if unknown := sorted(ends - {*task.labels}):
            return f"the skeleton of '{task.name}' names '{unknown[0]}', which is no point of it"
        return super().problem(width)

    def predict(self, scores: np.ndarray) -> kind.Prediction:
        rows = self._in_order(scores[None])[0]
        points = {
            name: tuple(map(float, row)) for name, row in zip(self.task.labels, rows, strict=True)
        }
        return kind.Prediction(scores, points=points, lines=self.points.skeleton)

    def placed(
        self, prediction: kind.Prediction, box: kind.PictureBox, size: tuple[int, int]
    ) -> kind.Prediction:
        start, extent = _COORDINATES[self.points.coordinates]
        (left, top, width, height), across = box, (extent or size[0], extent or size[1])
        wide, high = width / across[0], height / across[1]
        return prediction.placed((left - start * wide, top - start * high, wide, high))

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """x and y in the network's coordinates: float32 (N, n, 2)."""
        return self._in_order(outputs)[..., :2]

    def figures(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The mean distance of a clip's points, in the network's coordinates."""
        off = self.decide(outputs) - np.asarray(labels, np.float64)
        return np.asarray(np.linalg.norm(off, axis=2).mean(axis=1))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The share of the variance of `reference` that the mean of these keeps."""
        before, after = self.decide(reference), self.decide(other)
        spread = float(before.var(axis=0).mean()) or float(np.square(before).mean()) or 1.0
        return np.asarray(1.0 - np.square(before - after).mean(axis=(1, 2)) / spread)

    def label_problem(self, labels: np.ndarray) -> str:
        if labels.shape[1:] != self.label_shape or labels.dtype.kind not in "iuf":
            return f"is {labels.dtype} of shape {labels.shape}; {self._needed_labels}"
        return "" if np.isfinite(labels).all() else "has NaN or infinity: leave those clips out"

    @property
    def _needed_labels(self) -> str:
        count = len(self.task.labels)
        return f"x and y of {count} points a clip are needed, (N, {count}, 2), in the network's coordinates"

    def _in_order(self, outputs: np.ndarray) -> np.ndarray:
        """(N, n, 2) or (N, n, 3) of outputs (N, k): x, y and maybe a score."""
        rows = outputs.reshape(len(outputs), len(self.task.labels), -1)
        if self.points.order == "xy":
            return rows
        return rows[..., [1, 0, *range(2, rows.shape[2])]]


class HeatMaps(kind.OfMaps, Keypoints):
    """n maps (h, w, n), one a point, which is where its map is highest; that is its score."""

    name = "heat-map"
    options: ClassVar[tuple[str, ...]] = ("labels", "points", "grid")

    @property
    def points(self) -> kind.PointForm:
        stated = self.task.points or kind.PointForm()
        return kind.PointForm(skeleton=stated.skeleton)

    def problem(self, width: int) -> str:
        if self.task.points not in (None, self.points):
            return f"task '{self.task.name}' is {self.name}, of which only the skeleton can be said"
        return super().problem(width)

    def fits(self, width: int) -> bool:
        return grid_fits(self.task, width)

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The share of the variance of `reference` that each keeps: peaks of flat maps leap."""
        spread = float(reference.var(axis=0).mean()) or float(np.square(reference).mean()) or 1.0
        return np.asarray(1.0 - np.square(reference - other).mean(axis=1) / spread)

    def _in_order(self, outputs: np.ndarray) -> np.ndarray:
        height, width = self.task.grid
        maps = outputs.reshape(len(outputs), height * width, -1)
        rows, columns = np.divmod(maps.argmax(axis=1), width)
        points = (columns + 0.5) / width, (rows + 0.5) / height, maps.max(axis=1)
        return np.stack(points, axis=-1)


def grid_fits(task: kind.Task, width: int) -> bool:
    """Whether so many numbers are a map of the task's grid for each label."""
    sizes = (*task.grid, len(task.labels))
    return len(sizes) == 3 and min(sizes) > 0 and math.prod(sizes) == width
