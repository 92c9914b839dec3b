"""Boxes by name, from two corners, or from a corner or the centre and a size."""

import numpy as np

from edge.tasks import kind
from edge.tasks.keypoints import Keypoints

_CORNERS = "xyxy"
# order: from its four numbers to left, top, right, bottom: (4, 4), a row each
_TO_CORNERS = {
    _CORNERS: np.eye(4),
    "yxyx": np.eye(4)[[1, 0, 3, 2]],
    "xywh": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]),
    "cxcywh": np.array([[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]]),
}


class Boxes(Keypoints):
    """n boxes, (n, 4) or (n, 5) numbers or the same flat: four of a box and maybe a score, named by labels.

    `points` says the order of the four, `xyxy`, `yxyx`, `xywh` or `cxcywh`, and their coordinates.
    """

    name = "box"
    schema = 12
    metric = kind.BOX_ERROR
    orders = tuple(_TO_CORNERS)
    numbers = 4

    @property
    def points(self) -> kind.PointForm:
        return self.task.points or kind.PointForm(_CORNERS)

    def predict(self, scores: np.ndarray) -> kind.Prediction:
        rows = self._in_order(scores[None])[0].tolist()
        boxes = {
            name: (left, top, right - left, bottom - top, *score)
            for name, (left, top, right, bottom, *score) in zip(self.task.labels, rows, strict=True)
        }
        return kind.Prediction(scores, boxes=boxes)

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """Left, top, right, bottom in the network's coordinates: float (N, n, 4)."""
        return self._in_order(outputs)[..., :4]

    def figures(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """1 less the overlap (intersection over union) of a clip's boxes, their mean.

        labels: (N, n, 4), in the order and coordinates of the outputs.
        """
        corners = np.asarray(labels, np.float64) @ self._to_corners.T
        return np.asarray(1.0 - _overlap(self.decide(outputs), corners).mean(axis=1))

    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The mean overlap of a row's boxes."""
        return np.asarray(_overlap(self.decide(reference), self.decide(other)).mean(axis=1))

    @property
    def _needed_labels(self) -> str:
        count = len(self.task.labels)
        return f"four numbers of {count} boxes a clip are needed, (N, {count}, 4), as the network gives them"

    @property
    def _to_corners(self) -> np.ndarray:
        return _TO_CORNERS[self.points.order]

    def _in_order(self, outputs: np.ndarray) -> np.ndarray:
        """(N, n, 4) or (N, n, 5) of outputs (N, k): left, top, right, bottom and maybe a score."""
        rows = outputs.reshape(len(outputs), len(self.task.labels), -1).astype(np.float64)
        return np.concatenate([rows[..., :4] @ self._to_corners.T, rows[..., 4:]], axis=-1)


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (..., 4) as corners, of equal boxes 1: float64 (...)."""
    upper = np.maximum(boxes[..., :2], others[..., :2])
    lower = np.minimum(boxes[..., 2:], others[..., 2:])
    shared = np.prod(np.maximum(lower - upper, 0.0), axis=-1)
    areas = (
        np.prod(np.maximum(each[..., 2:] - each[..., :2], 0.0), axis=-1) for each in (boxes, others)
    )
    union = sum(areas) - shared
    equal = (boxes == others).all(axis=-1)
    return np.where(equal, 1.0, shared / np.where(union > 0, union, 1.0))
