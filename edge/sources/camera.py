"""The source `camera:N`: a camera of this machine."""

import cv2

from edge.sources.live import LiveSource
from edge_common import SourceError


def open_source(target: str, *, width: int = 0, height: int = 0, rate: float = 0.0) -> LiveSource:
    """width, height, rate: what the camera is asked for, pixels and frames a second; 0: its own.

    A camera may give other frames than it is asked for. Raises SourceError if it gives none.
    """
    if not target.isdecimal():
        raise SourceError(f"camera '{target}' is not an index: give 0 for the first camera")
    if min(width, height, rate) < 0:
        raise ValueError("width, height and rate are not negative")
    index = int(target)
    properties = {
        cv2.CAP_PROP_FRAME_WIDTH: width,
        cv2.CAP_PROP_FRAME_HEIGHT: height,
        cv2.CAP_PROP_FPS: rate,
    }

    def open_camera() -> cv2.VideoCapture:
        capture = cv2.VideoCapture(index)
        for name, value in properties.items():
            if value:
                capture.set(name, value)
        return capture

    return LiveSource(f"camera {index}", open_camera)
