"""Boxes relative to anchors: "SSD", Liu et al. 2016, and "BlazeFace", Bazarevsky et al. 2019."""

import numpy as np

from edge.bundle import AnchorBoxes, AnchorGrid, DetectionSpec
from edge.detector.outputs import Outputs, Scores

_ORDERS = {"xywh": [0, 1, 2, 3], "yxhw": [1, 0, 3, 2]}


class AnchorDecoder:
    """Each row of the outputs belongs to one anchor."""

    def __init__(self, spec: DetectionSpec, form: AnchorBoxes, outputs: Outputs) -> None:
        self._outputs, self._form = outputs, form
        self._scores = Scores(outputs.tensor(form.scores), spec)
        self._anchors = anchors(form.grids, outputs.size)
        self._order = _ORDERS[form.order]
        self._scales = np.array(form.scales, np.float32)

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes in pixels of the input, and scores, the surest first."""
        contents = self._scores.of_classes(self._outputs.contents(self._form.scores))
        indices = self._scores.candidates(contents)
        indices, scores = self._scores.surest(contents, indices)
        indices //= contents.shape[-1]
        values = self._outputs.values(self._form.boxes, indices)[:, :4] / self._scales
        values, around = values[:, self._order], self._anchors[indices]
        sizes = np.exp(values[:, 2:]) if self._form.exponential else values[:, 2:]
        centres = around[:, :2] + values[:, :2] * around[:, 2:]
        half = sizes * around[:, 2:] / 2
        return np.concatenate([centres - half, centres + half], axis=1), scores


def anchors(grids: tuple[AnchorGrid, ...], size: tuple[int, int]) -> np.ndarray:
    """Centre, width and height of each anchor in an input of that size: float32 (n, 4) pixels."""
    every = []
    for grid in grids:
        across, down = grid.cells(size)
        rows, columns = np.divmod(np.arange(across * down).repeat(len(grid.sizes)), across)
        centres = np.stack([columns + 0.5, rows + 0.5], axis=1) / (across, down)
        sizes = np.tile(np.array(grid.sizes), (across * down, 1))
        every.append(np.concatenate([centres, sizes], axis=1) * (*size, *size))
    return np.concatenate(every).astype(np.float32)
