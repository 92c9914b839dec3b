"""The one face that frames show, found by a detector."""

from dataclasses import dataclass

import numpy as np

from edge.detector import Detector
from edge.scene.person import region_around
from edge.stream import Region

_CLEARLY_LARGER = 2.0  # than all other faces, by area: who is behind does not matter


@dataclass
class FaceFinder:
    """aspect: width and height of the input of the network that looks at the face.

    without_face, with_several: frames of which none could be taken.
    """

    detector: Detector
    aspect: tuple[int, int]
    without_face: int = 0
    with_several: int = 0

    def __call__(self, pixels: np.ndarray) -> Region | None:
        """Where the face is, if there is one, or one that is clearly larger than all others."""
        height, width = pixels.shape[:2]
        boxes = self.detector.find(pixels).boxes
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        if not len(boxes):
            self.without_face += 1
            return None
        largest, *others = np.argsort(-areas, kind="stable")
        if others and not areas[largest] >= _CLEARLY_LARGER * areas[others[0]]:
            self.with_several += 1
            return None
        return region_around(boxes[largest], self.detector.spec.margin, self.aspect, width, height)

    def problem(self, frames: int) -> str:
        """Why none of so many frames gave a face; empty if that is not the reason."""
        if self.with_several >= max(self.without_face, 1):
            return f"{self.with_several} of {frames} frames show several faces: be alone in them"
        if self.without_face:
            name = self.detector.bundle.manifest.name
            return f"{self.without_face} of {frames} frames show no face that {name} finds"
        return ""
