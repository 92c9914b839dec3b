"""The source `camera:N`: a camera of this machine by number, device, CSI port or GStreamer pipeline."""

import os
import re
from collections.abc import Callable
from functools import partial

import cv2

from edge import sources
from edge.sources import connection, live, opencv_capture, programs
from edge_common import SourceAbsent, SourceError, console
from edge_devices.detection import cameras

_WAYS = "0, /dev/video0, csi:0 or a GStreamer pipeline; `edge-devices cameras` lists what there is"
_MOST_OFF = 0.1  # of a rate, for which nothing is said


def open_source(
    target: str,
    needs: sources.FrameNeeds = sources.WHOLE,
    *,
    width: int = 0,
    height: int = 0,
    rate: float = 0.0,
    fourcc: str = "",
    stall_after: float = 0.0,
    give_up_after: float = 0.0,
    wait: int = 0,
) -> live.LiveSource:
    """width, height, rate: what the camera is asked for, pixels and frames a second; 0: its own.

    fourcc: the format of a V4L device, such as MJPG.
    stall_after, give_up_after: seconds, see `connection.GapRules`; 0: its own.
    wait: 1: for one that is not connected yet.

    target: `0`, `/dev/video0`, `csi:0` or `v4l2src ! ...`. A number is a CSI camera's if there is
    one, else a V4L device's. A camera may give other frames than it is asked for, which is said.
    Raises SourceError if it gives none.
    """
    if min(width, height, rate) < 0:
        raise ValueError("width, height and rate are not negative")
    if fourcc and not re.fullmatch(r"[ -~]{4}", fourcc):
        raise ValueError("fourcc is four letters, such as MJPG")
    wishes = programs.Wishes(width, height, rate, fourcc)
    openers = list[Callable[[], connection.Capture]]()

    def connect() -> connection.Capture:
        if not openers:  # what its number means is known once it is there
            openers.append(_opener(target, wishes, needs))
        return openers[0]()

    rules = connection.GapRules.of(stall_after, give_up_after, wait)
    can_end = _is_pipeline(target) and programs.ends(target)
    return live.LiveSource(
        _name(target),
        connect,
        rules,
        can_end,
        on_first=partial(_say_differences, wishes=wishes),
    )


def _is_pipeline(target: str) -> bool:
    return " ! " in target


def _name(target: str) -> str:
    """Of a pipeline no more than its first element, as others may hold passwords."""
    return f"pipeline {target.split()[0]}" if _is_pipeline(target) else f"camera {target}"


def _opener(
    target: str, wishes: programs.Wishes, needs: sources.FrameNeeds
) -> Callable[[], connection.Capture]:
    name = _name(target)
    if _is_pipeline(target):
        if wishes:
            raise SourceError(f"{name}: its size, rate and format stand in the pipeline itself")
        return _pipeline_opener(name, target, needs)
    if match := re.fullmatch(r"csi:(\d{1,3})", target):
        return programs.csi_opener(name, int(match[1]), wishes, needs, cameras.is_jetson())
    if re.fullmatch(r"\d{1,6}", target):
        return _opener_of_number(name, int(target), wishes, needs)
    if not target.startswith("/dev/"):
        raise SourceError(f"camera '{target}' is not an index: give {_WAYS}")
    return _device_opener(name, target, wishes)


def _pipeline_opener(
    name: str, pipeline: str, needs: sources.FrameNeeds
) -> Callable[[], connection.Capture]:
    """By OpenCV only if that can and GStreamer's own program is missing."""
    if not programs.has_gstreamer() and cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        wait_s = connection.FIRST_FRAME_S
        return partial(opencv_capture.open_capture, name, pipeline, wait_s, cv2.CAP_GSTREAMER)
    return programs.pipeline_opener(name, pipeline, needs)


def _opener_of_number(
    name: str, number: int, wishes: programs.Wishes, needs: sources.FrameNeeds
) -> Callable[[], connection.Capture]:
    listing = cameras.read_cameras()
    addresses = {camera.address for camera in listing.cameras}
    if f"csi:{number}" in addresses:
        return programs.csi_opener(name, number, wishes, needs, cameras.is_jetson())
    device = f"/dev/video{number}"
    if device not in addresses and not listing.lister and cameras.is_pi():
        raise SourceAbsent(
            f"{name} gives no picture: {device} is no USB camera's, and for one on a ribbon cable "
            f"{cameras.LISTERS[0]} is missing: sudo apt install rpicam-apps"
        )
    return _device_opener(name, device, wishes)


def _device_opener(
    name: str, path: str, wishes: programs.Wishes
) -> Callable[[], connection.Capture]:
    """By OpenCV, in a child process."""
    if not os.path.exists(path):
        raise SourceAbsent(
            f"{name} gives no picture: there is no {path}; `edge-devices cameras` lists what there is"
        )
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceAbsent(  # udev gives the rights a moment after the device
            f"{name} may not be read: sudo usermod -aG video $USER, then log in again"
        )
    values = {
        "FOURCC": cv2.VideoWriter.fourcc(*wishes.fourcc) if wishes.fourcc else 0,  # before the size
        "FRAME_WIDTH": wishes.width,
        "FRAME_HEIGHT": wishes.height,
        "FPS": wishes.rate_hz,
    }
    properties = {key: value for key, value in values.items() if value}
    wait_s = connection.FIRST_FRAME_S
    return partial(opencv_capture.open_capture, name, path, wait_s, cv2.CAP_V4L2, **properties)


def _say_differences(source: live.LiveSource, wishes: programs.Wishes) -> None:
    """Other frames than those that were asked for."""
    width, height = source.size
    if (wishes.width or width, wishes.height or height) != (width, height):
        asked_for = f"{wishes.width or width}x{wishes.height or height}"
        console.note(f"{source.name}: gives {width}x{height}, not {asked_for}")
    rate_hz = source.rate_hz
    if wishes.rate_hz and rate_hz and abs(rate_hz - wishes.rate_hz) > _MOST_OFF * wishes.rate_hz:
        console.note(f"{source.name}: gives {rate_hz:g} frames a second, not {wishes.rate_hz:g}")
