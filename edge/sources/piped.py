"""The source `fifo:PATH`: frames that come through a pipe, standard input (`-`) or a named one."""

import ctypes
import io
import math
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from edge import sources, stream
from edge.sources import connection, formats, live, raw
from edge_common import SourceError, console

STDIN = "-"
_Y4M, _MJPEG, _RAW = "y4m", "mjpeg", "raw:"
_FIRST_BYTES = {b"YU": _Y4M, b"\xff\xd8": _MJPEG}
_LOOK_S = 0.2  # how soon a pipe that is silent can be closed
_SHORT_S, _SOON_S = 0.01, 1.0


def open_source(
    target: str,
    needs: sources.FrameNeeds = sources.WHOLE,
    *,
    stdin_format: str = "",
    stall_after: float = 0.0,
) -> sources.Source:
    """stdin_format: `y4m`, `mjpeg` or `raw:640x480@25:bgr`; "": recognised by its first bytes.

    stall_after: seconds, see `connection.GapRules`; 0: its own. A pipe that is silent is waited for.
    What is none of these is read by FFmpeg. Its end is the end. Raises SourceError.
    """
    name = "standard input" if target == STDIN else target
    frame_format = _format(stdin_format, needs)  # before a pipe is waited for
    pipe = _open(target, name)
    frame_format = frame_format or _format(_recognised(pipe.fileno(), name), needs)
    if frame_format is None:
        try:
            source = _by_ffmpeg(pipe, needs)
            source.rename(name)
            source.address = name  # not that of the child's end
            return source
        except SourceError as error:
            raise SourceError(
                f"{name} gives no picture: it is no YUV4MPEG2, no JPEG and nothing else that FFmpeg "
                "reads; bare pixels need --stdin-format raw:WxH:bgr"
            ) from error
    if stat.S_ISREG(os.fstat(pipe.fileno()).st_mode):
        return RecordedPipe(name, pipe, frame_format)
    rules = connection.GapRules.of(stall_after, 0)
    return live.LiveSource(name, lambda: PipeCapture(name, pipe, frame_format), rules, can_end=True)


def _format(text: str, needs: sources.FrameNeeds) -> formats.FrameFormat | None:
    """Raises ValueError for what is no format; None for "", which FFmpeg has to look at."""
    if text.startswith(_RAW):
        return raw.RawFrames(raw.PixelLayout.parse(text.removeprefix(_RAW)))
    if text == _Y4M:
        return formats.Yuv4Mpeg()
    if text == _MJPEG:
        return raw.JpegFrames(needs)
    if text:
        raise ValueError(
            f"stdin_format is y4m, mjpeg or raw:WxH[@HZ][:bgr|rgb|gray|i420|j420], not {text}"
        )
    return None


def _open(target: str, name: str) -> io.FileIO:
    if target == STDIN and sys.stdin is None:  # and 0 may be any other file by now
        raise SourceError(f"{name} is closed: pipe frames into it")
    try:
        handle = 0 if target == STDIN else os.open(target, os.O_RDONLY | os.O_NONBLOCK)
        mode = os.fstat(handle).st_mode
    except OSError as error:
        raise SourceError(f"{name} may not be read: {error.strerror}") from error
    if stat.S_ISCHR(mode) and os.isatty(handle):
        raise SourceError(
            f"{name} is a terminal: pipe frames into it, as in ffmpeg ... -f yuv4mpegpipe - | edge-run "
            "--source -"
        )
    if handle and stat.S_ISFIFO(mode):
        _await_writer(handle, name)
    return io.FileIO(handle, closefd=target != STDIN)


def _await_writer(handle: int, name: str) -> None:
    """Until somebody has written, which a line says if nobody has within a moment."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if not poll.poll(_SOON_S * 1000):
        console.note(f"{name}: waiting for a program that writes frames into it")
        poll.poll()
    os.set_blocking(handle, True)


def _recognised(handle: int, name: str) -> str:
    """The format that begins with the pipe's first bytes, which stay in it; "" if none does."""
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        first = os.pread(handle, 2, os.lseek(handle, 0, os.SEEK_CUR))
    elif stat.S_ISFIFO(mode):
        first = _peeked(handle, 2)
    else:
        return ""
    if not first:
        raise SourceError(f"{name} ended before it gave a frame")
    return _FIRST_BYTES.get(first, "")


def _peeked(handle: int, size: int) -> bytes:
    """A pipe's next bytes, once they are there; fewer at its end."""
    library = ctypes.CDLL(None, use_errno=True)
    reader, writer = os.pipe()
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        while True:
            has_ended = bool(poll.poll()[0][1] & select.POLLHUP)
            count = library.tee(handle, writer, ctypes.c_size_t(size), 0)
            content = os.read(reader, size) if count > 0 else b""
            if has_ended or count < 1 or len(content) == size:
                return content
            time.sleep(_SHORT_S)  # a writer that began with a single byte
    finally:
        os.close(reader)
        os.close(writer)


def _by_ffmpeg(pipe: io.FileIO, needs: sources.FrameNeeds) -> sources.Source:
    """What its child process reads as standard input."""
    with _as_stdin(pipe.fileno()):
        if stat.S_ISREG(os.fstat(0).st_mode):
            return sources.open_source("video:/dev/stdin", needs)
        return sources.open_source("pipe:0", needs)


@contextmanager
def _as_stdin(handle: int) -> Iterator[None]:
    if handle == 0:
        yield
        return
    before = os.dup(0)
    os.dup2(handle, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


class PatientPipe(formats.Pipe):
    """Keeps what came of a frame before its deadline for the next attempt to read it."""

    def __init__(self, frames: io.FileIO) -> None:
        super().__init__(frames)
        self._parts: list[memoryview] = []
        self._kept = b""

    def resume(self, read_frame: Callable[[formats.Pipe], np.ndarray | None]) -> np.ndarray | None:
        """Read a frame, or go on with the one before. Raises TimeoutError."""
        self._parts.clear()
        try:
            return read_frame(self)
        except TimeoutError:
            self._kept = b"".join(self._parts) + self._kept
            raise

    def fill_some(self, view: memoryview) -> int:
        if self._kept:
            part, self._kept = self._kept[: len(view)], self._kept[len(view) :]
            view[: len(part)] = part
            count = len(part)
        else:
            count = super().fill_some(view)
        self._parts.append(view[:count])
        return count


class PipeCapture:
    """Frames from a pipe that somebody else writes, who can be silent also in the middle of one.

    Raises SourceError if it ends or brings garbage before there is one.
    """

    def __init__(self, name: str, file: io.FileIO, frame_format: formats.FrameFormat) -> None:
        self._name, self._format, self._closed = name, frame_format, False
        self._pipe = PatientPipe(file)
        self._pipe.deadline = math.inf
        try:
            has_begun = frame_format.begin(self._pipe)
        except SourceError as error:
            raise SourceError(f"{name} gives no picture: {error}") from error
        if not has_begun:
            raise SourceError(f"{name} ended before it gave a frame")
        self.rate_hz = frame_format.rate_hz

    def read(self, timeout_s: float) -> np.ndarray | None:
        """The next frame; None at the end, or behind garbage, which is said. Raises TimeoutError."""
        until = time.monotonic() + timeout_s
        while not self._closed:
            self._pipe.deadline = min(until, time.monotonic() + _LOOK_S)
            try:
                return self._pipe.resume(self._format.frame)
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
            except SourceError as error:
                console.note(f"{self._name}: {error}")
                return None
        return None

    def close(self) -> None:
        self._closed = True


class RecordedPipe(sources.Source):
    """All frames of a file that is standard input."""

    def __init__(self, name: str, file: io.FileIO, frame_format: formats.FrameFormat) -> None:
        super().__init__(name)
        self._capture = PipeCapture(name, file, frame_format)
        self.rate_hz = self._capture.rate_hz

    def __iter__(self) -> Iterator[stream.Frame]:
        number = 0
        while (pixels := self._capture.read(math.inf)) is not None:
            time_s = number / self.rate_hz if self.rate_hz else None
            yield stream.Frame(pixels, number, time_s=time_s)
            number += 1

    def close(self) -> None:
        self._capture.close()
