"""A heatmap of centres with sizes and offsets: "Objects as Points", Zhou et al. 2019 (CenterNet).

Boxes by their distances to four sides are those of "Training-Time-Friendly Network for Real-Time
Object Detection", Liu et al. 2019.
"""

import numpy as np

from edge.bundle import CentreMaps, DetectionSpec
from edge.detector.outputs import Outputs, Scores


class CentreDecoder:
    """A centre is where the heatmap is as high as all places around it.

    Equal neighbours are all centres: suppression keeps one of them.
    """

    def __init__(self, spec: DetectionSpec, form: CentreMaps, outputs: Outputs) -> None:
        self._outputs, self._form = outputs, form
        self._scores = Scores(outputs.tensor(form.heatmap), spec)
        _, height, width, _ = outputs.tensor(form.heatmap).shape
        self._stride = (np.array(outputs.size) / (width, height)).astype(np.float32)

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes in pixels of the input, and scores, the surest first."""
        heatmap = self._scores.of_classes(self._outputs.contents(self._form.heatmap))
        indices = self._scores.candidates(heatmap)
        indices = indices[_peaks(heatmap).ravel()[indices]]
        indices, scores = self._scores.surest(heatmap, indices)
        places = indices // heatmap.shape[-1]
        rows, columns = np.divmod(places, heatmap.shape[1])
        centres = np.stack([columns, rows], axis=1).astype(np.float32)
        if self._form.offset:
            centres += self._outputs.values(self._form.offset, places)
        centres *= self._stride
        sides = self._outputs.values(self._form.size, places) * np.float32(self._form.scale)
        if sides.shape[1] == 2:
            sides = np.tile(sides / 2, 2)
        return np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], 1), scores


def _peaks(heatmap: np.ndarray) -> np.ndarray:
    """Where nothing next to a place of (H, W, classes) is higher: bool, of its shape."""
    above = heatmap.copy()
    np.maximum(above[1:], heatmap[:-1], out=above[1:])
    np.maximum(above[:-1], heatmap[1:], out=above[:-1])
    around = above.copy()
    np.maximum(around[:, 1:], above[:, :-1], out=around[:, 1:])
    np.maximum(around[:, :-1], above[:, 1:], out=around[:, :-1])
    peaks: np.ndarray = heatmap == around
    return peaks
