"""Frames from a child process: what hangs there is killed, what crashes there is started again."""

import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.sources import formats
from edge.sources.connection import WHY_NOT
from edge_common import SourceAbsent, SourceError, children

_KILLED_S = 2.0
# frames that follow each other so fast were waiting
_BACKLOG_STEP_S, _LONGEST_BACKLOG_S = 0.02, 3.0
_PIPE_BYTES = 1 << 20  # as much as Linux allows to everybody: fewer switches for large frames
SPEAKER = re.compile(r"^\[[^\]]*\]\s*")  # `[rtsp @ 0x55d0]`, as FFmpeg begins its lines


@functools.cache
def _ending_with_us() -> tuple[str, ...]:
    """What starts a program that is killed if this process is: one that is silent would not notice."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


class CaptureProcess:
    """A program that writes frames to its standard output.

    command: its arguments.  frame_format: how it writes them.
    stdin: what it reads, as subprocess takes it.  environment: beside that of this process.
    explain: a better reason for its end than the last line that it said, of all its messages; "" if
    there is none. Raises ValueError with the reason if it can never open anything.
    rate_hz: frames a second that it announces; 0 if it does not.
    is_recording: whether what it reads has an end that is known.
    Raises SourceError if the program cannot be started, SourceAbsent if it opens nothing in `timeout_s`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        timeout_s: float,
        frame_format: formats.FrameFormat | None = None,
        explain: Callable[[str], str] = lambda messages: "",
        stdin: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._name, self._explain = name, explain
        try:  # in a session of its own, as Ctrl-C is for the runner
            self._process = subprocess.Popen(
                [*_ending_with_us(), *command],
                bufsize=0, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True, env={**os.environ, **(environment or {})},
            )  # fmt: skip
        except OSError as error:
            raise SourceError(
                f"{name}: {command[0]} cannot be started: {error.strerror}"
            ) from error
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._pipe = formats.Pipe(self._process.stdout, self._process.stderr)
        self._ahead: np.ndarray | None = None  # read already
        self._format = frame_format or formats.TaggedFrames()
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._pipe.deadline = time.monotonic() + timeout_s
            try:
                has_begun, why = self._format.begin(self._pipe), self._reason() or WHY_NOT
            except TimeoutError:
                has_begun, why = False, f"nothing came in {timeout_s:g} s"
            except ValueError as error:
                raise SourceError(f"{name} gives no picture: {error}") from None
            if not has_begun:
                raise SourceAbsent(f"{name} gives no picture: {why}")
            stack.pop_all()
        self.rate_hz = self._format.rate_hz
        self.is_recording = self._format.count is not None

    @property
    def messages(self) -> str:
        """What it wrote to its standard error: the beginning and the end."""
        return self._pipe.messages

    def read(self, timeout_s: float) -> np.ndarray | None:
        """The next frame, uint8 BGR (H, W, 3); None at the end, or behind garbage.

        Raises TimeoutError.
        """
        pixels, self._ahead = self._ahead, None
        return self._next(timeout_s) if pixels is None else pixels

    def skip_backlog(self) -> None:
        """Leave out what came while it was opened, but for the newest frame."""
        until = time.monotonic() + _LONGEST_BACKLOG_S
        while time.monotonic() < until and self._pipe.has_more(_BACKLOG_STEP_S):
            try:
                pixels = self._next(_LONGEST_BACKLOG_S)
            except TimeoutError:  # in the middle of a frame: there is no way on
                self.close()
                return
            if pixels is None:
                return
            self._ahead = pixels

    def _next(self, timeout_s: float) -> np.ndarray | None:
        self._pipe.deadline = time.monotonic() + timeout_s
        try:
            return self._format.frame(self._pipe)
        except SourceError:
            self.close()
            return None

    def close(self) -> None:
        """Kill it. The pipe is left to who reads it, who finds its end."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may hang in a driver
            self._process.wait(_KILLED_S)

    def _reason(self) -> str:
        """Why it ended, as far as it said."""
        if not self.messages.strip():
            return ""
        return self._explain(self.messages) or SPEAKER.sub("", children.last_line(self.messages))
