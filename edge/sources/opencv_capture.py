"""What OpenCV captures, written to standard output for `capture_process`; its child process."""

import json
import os
import sys
import threading
import time

import cv2
import numpy as np

from edge.sources.capture_process import CaptureProcess
from edge.sources.formats import FRAME, START
from edge_common import children, console

_LOOK_S = 1.0
_ERRORS = "16"  # what FFmpeg tells of


def open_capture(
    name: str, target: str | int, timeout_s: float, backend: int, **properties: float
) -> CaptureProcess:
    """Open it in a child process.

    name: for messages.  backend: of OpenCV.
    properties: what a camera is asked for, by OpenCV's names: `FRAME_WIDTH=640`.
    Raises SourceError if it opens nothing.
    """
    request = json.dumps([target, backend, properties, os.getpid()])
    return CaptureProcess(name, children.module_command(__name__, request), timeout_s)


def main() -> int:
    target, backend, properties, parent = json.loads(sys.argv[1])
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    pipe = os.dup(1)
    os.dup2(2, 1)  # libraries write there as well
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = _ERRORS
    capture = cv2.VideoCapture(
        console.valid_text(target) if isinstance(target, str) else target, backend
    )
    for name, value in properties.items():
        capture.set(getattr(cv2, f"CAP_PROP_{name}"), value)
    if not capture.isOpened():
        return 1
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    start = START.pack(max(capture.get(cv2.CAP_PROP_FPS), 0.0), int(count) if count > 0 else -1)
    _write(pipe, start)
    pixels = _read(capture)
    while pixels is not None:
        _write(pipe, FRAME.pack(*pixels.shape[:2]))
        _write(pipe, np.ascontiguousarray(pixels).data.cast("B"))
        pixels = _read(capture)
    return 0


def _read(capture: cv2.VideoCapture) -> np.ndarray | None:
    try:
        readable, pixels = capture.read()
    except cv2.error as error:
        sys.exit(str(error))
    return pixels if readable else None


def _end_with(parent: int) -> None:
    """End once the runner is gone, also in the middle of a read that hangs."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(0)


def _write(pipe: int, content: bytes | memoryview) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe, view) :]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the runner has enough
        os._exit(0)
