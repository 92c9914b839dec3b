"""The four outputs of SSD's post-processing: boxes, classes, scores, and how many there are."""

import numpy as np

from edge.bundle import DetectionSpec, SsdBoxes
from edge.detector.outputs import Outputs, Scores

_ORDERS = {"yxyx": [1, 0, 3, 2], "xyxy": [0, 1, 2, 3]}


class SsdDecoder:
    """Boxes that are finished but for their score, class and unit."""

    def __init__(self, spec: DetectionSpec, form: SsdBoxes, outputs: Outputs) -> None:
        self._outputs, self._form, self._classes = outputs, form, spec.classes
        self._scores = Scores(outputs.tensor(form.scores), spec)
        self._order = _ORDERS[form.order]
        self._unit = (
            np.ones(4, np.float32) if form.pixels else np.array(outputs.size * 2, np.float32)
        )

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes in pixels of the input, and scores, the surest first."""
        contents = self._outputs.contents(self._form.scores).ravel()
        indices = self._scores.candidates(contents)
        if self._form.count:
            count = self._outputs.values(self._form.count, np.array([0]))[0, 0]
            indices = indices[indices < count]
        if self._form.classes and self._classes:
            classes = self._outputs.values(self._form.classes, indices)[:, 0]
            indices = indices[np.isin(np.rint(classes), self._classes)]
        indices, scores = self._scores.surest(contents, indices)
        boxes = self._outputs.values(self._form.boxes, indices)[:, self._order] * self._unit
        return boxes, scores
