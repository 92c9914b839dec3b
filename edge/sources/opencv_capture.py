"""What OpenCV captures, written to standard output for `capture_process`; its child process."""

import functools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import cv2
import numpy as np

from edge.sources.capture_process import CaptureProcess
from edge.sources.formats import FRAME, START
from edge_common import children, console

_REQUEST = "EDGE_CAPTURE"
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
    return start(name, __name__, (target, backend, properties), timeout_s)


def start(name: str, module: str, arguments: Sequence[object], timeout_s: float) -> CaptureProcess:
    """A child process that runs a module of ours, whose `request` gives it the arguments.

    They go through the environment, as a command line, with the passwords in it, is everybody's.
    Raises SourceError if it opens nothing.
    """
    environment = {_REQUEST: json.dumps([os.getpid(), *arguments])}
    command = children.module_command(module)
    return CaptureProcess(name, command, timeout_s, environment=environment)


def request() -> list[Any]:
    """What this child is to do; it ends once its parent is gone."""
    arguments: list[Any]
    parent, *arguments = json.loads(os.environ.pop(_REQUEST))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return arguments


def writer() -> Callable[[bytes | memoryview], None]:
    """What writes to the parent; all else that is printed goes to standard error."""
    pipe = os.dup(1)
    os.dup2(2, 1)  # libraries write there as well
    return functools.partial(_write, pipe)


def end() -> NoReturn:
    """At once, whatever threads of libraries are doing."""
    os._exit(0)


def main() -> int:
    target, backend, properties = request()
    write = writer()
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = _ERRORS
    capture = cv2.VideoCapture(
        console.valid_text(target) if isinstance(target, str) else target, backend
    )
    for name, value in properties.items():
        capture.set(getattr(cv2, f"CAP_PROP_{name}"), value)
    if not capture.isOpened():
        return 1
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    rate_hz = max(capture.get(cv2.CAP_PROP_FPS), 0.0)
    write(START.pack(rate_hz, int(count) if count > 0 else -1))
    pixels = _read(capture)
    while pixels is not None:
        write(FRAME.pack(*pixels.shape[:2]))
        write(np.ascontiguousarray(pixels).data.cast("B"))
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
    end()


def _write(pipe: int, content: bytes | memoryview) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe, view) :]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the runner has enough
        end()
