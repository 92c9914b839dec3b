"""The source `camera:N`: a camera of this machine, by index, device file or GStreamer pipeline."""

import os

import cv2

from edge.sources.live import LiveSource
from edge_common import SourceError


def open_source(target: str, *, width: int = 0, height: int = 0, rate: float = 0.0) -> LiveSource:
    """width, height, rate: what the camera is asked for, pixels and frames a second; 0: its own.

    target: `0`, `/dev/video0` or `nvarguscamerasrc ! ... ! appsink`. A camera may give other
    frames than it is asked for. Raises SourceError if it gives none.
    """
    if min(width, height, rate) < 0:
        raise ValueError("width, height and rate are not negative")
    device, backend = _device(target)
    properties = {
        cv2.CAP_PROP_FRAME_WIDTH: width,
        cv2.CAP_PROP_FRAME_HEIGHT: height,
        cv2.CAP_PROP_FPS: rate,
    }

    def open_camera() -> cv2.VideoCapture:
        capture = cv2.VideoCapture(device, backend)
        for name, value in properties.items():
            if value:
                capture.set(name, value)
        return capture

    return LiveSource(f"camera {target}", open_camera)


def _device(target: str) -> tuple[int | str, int]:
    """What OpenCV opens, and with which of its backends. Raises SourceError."""
    if " ! " in target:
        if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
            raise SourceError(
                "this OpenCV has no GStreamer, as all from pip: take the system's (python3-opencv, "
                "in an environment made with --system-site-packages)"
            )
        return target, cv2.CAP_GSTREAMER
    path = f"/dev/video{int(target)}" if target.isdecimal() else target
    if not path.startswith("/dev/"):
        raise SourceError(f"camera '{target}' is not an index: give 0 for the first camera")
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(
            f"camera {target} may not be read: sudo usermod -aG video $USER, then log in again"
        )
    return int(target) if target.isdecimal() else path, cv2.CAP_ANY
