"""The source `camera:N`: a camera of this machine, by index, device file or GStreamer pipeline."""

import os
from functools import partial

import cv2

from edge.sources import connection, live, opencv_capture
from edge_common import SourceError


def open_source(
    target: str,
    *,
    width: int = 0,
    height: int = 0,
    rate: float = 0.0,
    stall_after: float = 0.0,
    give_up_after: float = 0.0,
) -> live.LiveSource:
    """width, height, rate: what the camera is asked for, pixels and frames a second; 0: its own.

    stall_after, give_up_after: seconds, see `connection.GapRules`; 0: its own.

    target: `0`, `/dev/video0` or `nvarguscamerasrc ! ... ! appsink`. A camera may give other
    frames than it is asked for. Raises SourceError if it gives none.
    """
    if min(width, height, rate) < 0:
        raise ValueError("width, height and rate are not negative")
    device, backend = _device(target)
    wishes = {"FRAME_WIDTH": width, "FRAME_HEIGHT": height, "FPS": rate}
    properties = {name: value for name, value in wishes.items() if value}
    name, wait_s = f"camera {target}", connection.FIRST_FRAME_S
    connect = partial(opencv_capture.open_capture, name, device, wait_s, backend, **properties)
    return live.LiveSource(name, connect, connection.GapRules.of(stall_after, give_up_after))


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
