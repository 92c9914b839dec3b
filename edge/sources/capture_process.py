"""Frames from a child process: what hangs there is killed, what crashes there is started again."""

import contextlib
import math
import re
import select
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from edge.sources.connection import WHY_NOT
from edge_common import SourceError, children

START = struct.Struct("<dq")  # frames a second, or 0; how many frames there are, or -1
FRAME = struct.Struct("<II")  # height and width, before the BGR pixels of each frame
_KILLED_S = 2.0
_SPEAKER = re.compile(r"^\[[^\]]*\]\s*")  # `[rtsp @ 0x55d0]`, as FFmpeg begins its lines


class CaptureProcess:
    """A program that writes a START, and then frames, each a FRAME and its pixels.

    rate_hz: frames a second that it announces; 0 if it does not.
    count: frames that a recording holds; None for a stream.
    Raises SourceError if the program cannot be started, or opens nothing in `timeout_s`.
    """

    def __init__(self, name: str, command: Sequence[str], timeout_s: float) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
        try:  # in a session of its own, as Ctrl-C is for the runner
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=self._log, bufsize=0, start_new_session=True
            )
        except OSError as error:
            raise SourceError(
                f"{name}: {command[0]} cannot be started: {error.strerror}"
            ) from error
        assert self._process.stdout is not None
        self._pipe = self._process.stdout
        start: bytes | None = None
        why = WHY_NOT
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            try:
                if start := self._bytes(START.size, time.monotonic() + timeout_s):
                    stack.pop_all()
            except TimeoutError:
                why = f"nothing came in {timeout_s:g} s"
        if not start:
            raise SourceError(f"{name} gives no picture: {self.reason() or why}")
        self.rate_hz, count = START.unpack(start)
        self.count = count if count >= 0 else None

    def read(self, timeout_s: float) -> np.ndarray | None:
        """The next frame, uint8 BGR (H, W, 3); None at the end. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        head = self._bytes(FRAME.size, deadline)
        if head is None:
            return None
        pixels = np.empty((*FRAME.unpack(head), 3), np.uint8)
        return pixels if self._fill(pixels.data.cast("B"), deadline) else None

    def close(self) -> None:
        """Kill it. The pipe is left to who reads it, who finds its end."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may hang in a driver
            self._process.wait(_KILLED_S)

    def reason(self) -> str:
        """What it wrote last, as its reason for ending."""
        self._log.seek(0)
        text = self._log.read().decode(errors="replace")
        return _SPEAKER.sub("", children.last_line(text)) if text.strip() else ""

    def _bytes(self, size: int, deadline: float) -> bytes | None:
        buffer = bytearray(size)
        return bytes(buffer) if self._fill(memoryview(buffer), deadline) else None

    def _fill(self, view: memoryview, deadline: float) -> bool:
        """Whether all of it came before the end. Raises TimeoutError."""
        filled = 0
        while filled < len(view):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._poll.poll(None if left_s == math.inf else left_s * 1e3):
                raise TimeoutError
            count = self._pipe.readinto(view[filled:])  # type: ignore[attr-defined]  # unbuffered
            if not count:
                return False
            filled += count
        return True
