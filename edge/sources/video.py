"""The source `video:PATH`: a recorded video, of which no frame is dropped."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2

from edge import sources, stream
from edge_common import SourceError, console

# one damaged stretch: three minutes of film at 25 frames/s, or this long on a slow disk
_MOST_REFUSED, _PATIENCE_S = 4500, 10.0
_BEYOND_END = 12  # a length that is estimated may be too short by so much
_UNKNOWN_LENGTH = 250  # frames that may be refused if nobody says how many there are
# these do not count their frames: OpenCV multiplies their duration by their rate, and what is
# damaged in them is passed over without a word
_ESTIMATED = (".m2ts", ".mkv", ".mpeg", ".mpg", ".mts", ".ts", ".vob", ".webm")
_STREAMS = (".m2ts", ".mts", ".ts")
_PACKETS = ((188, 0), (192, 4))  # bytes of a packet, and where its first byte, 0x47, stands
_GAP, _STEADY, _TOLERANCE = 4, 0.9, 0.02
_LONGEST_LOSS_S = 86_400.0  # what is more is a clock that was set, as that of a recorder


def open_source(target: str, needs: sources.FrameNeeds = sources.WHOLE) -> "VideoFile":
    """Raises SourceError if it is not there, may not be read, or is not a video."""
    if not Path(target).is_file():
        raise SourceError(
            f"there is no source {target}: give a video, an image folder, a glob or a URL"
        )
    return VideoFile(target)


class VideoFile(sources.Source):
    """All frames of a recorded video (a path or a URL), as fast as they are asked for.

    What the decoder refuses is counted as skipped, and the next readable frame restarts the
    window; `warning` says at the end what was lost.
    capture: what was opened there already, if anything was. Raises SourceError if
    it is not a video, or holds no readable frame.
    """

    def __init__(self, uri: str, capture: cv2.VideoCapture | None = None) -> None:
        super().__init__(uri)
        self._capture = open_capture(uri) if capture is None else capture
        self.recording = uri if os.path.isfile(uri) else ""
        self.rate_hz = max(self._capture.get(cv2.CAP_PROP_FPS), 0.0)
        self.total = frame_count(self._capture)
        self._cut_short = _ends_inside_a_packet(uri)
        estimated = Path(uri).suffix.lower() in _ESTIMATED
        self._clock = _Clock(self.rate_hz) if estimated and self.rate_hz else None
        self._times = _Times(self.rate_hz)
        first = self._next(0)
        if first is None:
            codec = _codec(self._capture)
            self._capture.release()
            raise SourceError(_why_unreadable(uri, codec))
        self._first, self.skipped = first, first.number

    def __iter__(self) -> Iterator[stream.Frame]:
        frame: stream.Frame | None = self._first
        frames = 0
        while frame is not None:
            yield frame
            frames += 1
            expected = frames + self.skipped
            frame = self._next(expected)
            self.skipped += frame.number - expected if frame is not None else 0
        self.warning = self._losses(frames)

    def close(self) -> None:
        self._capture.release()

    def is_intact(self, positions_ms: Sequence[float]) -> bool:
        """Whether frames at these positions, of all that it holds, would be read without a loss.

        Their times are their positions then, and their numbers count them.
        """
        if self.skipped or self._cut_short or self.total is None:
            return False
        if self._clock is None:
            return self.total == len(positions_ms)
        clock = _Clock(self.rate_hz)
        is_gapless = not any(map(clock.lost_before, positions_ms))
        early = self.total - len(positions_ms)
        return is_gapless and early <= max(2.0, _TOLERANCE * self.total)

    def _next(self, number: int) -> stream.Frame | None:
        """The next readable frame, `number` or one behind those that are lost; None at the end."""
        attempts = _UNKNOWN_LENGTH
        if self.total is not None:
            attempts = min(max(self.total - number, 0) + _BEYOND_END, _MOST_REFUSED)
        until = time.monotonic() + _PATIENCE_S
        for refused in range(attempts if self._capture.isOpened() else 0):
            readable, pixels = self._capture.read()
            if readable:
                position_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
                silent = self._clock.lost_before(position_ms) if self._clock else 0
                lost, time_s = max(refused, silent), self._times.of_next(position_ms)
                restart = lost > 0
                if silent > _LONGEST_LOSS_S * self.rate_hz:
                    lost, self.total = refused, None
                return stream.Frame(pixels, number + lost, restart=restart, time_s=time_s)
            if time.monotonic() > until:
                break
        return None

    def _losses(self, frames: int) -> str:
        """What a user should know once all that can be read was read; "" if nothing is missing."""
        reasons = [f"{self.skipped} are damaged"] if self.skipped else []
        if self._cut_short:
            reasons.append("it ends inside of a packet: it was cut off while copying")
        if self.total is None:
            return f"warning: of {self.name} {'; '.join(reasons)}" if reasons else ""
        early = self.total - frames - self.skipped
        unsure = 0.0 if self._clock is None else max(2.0, _TOLERANCE * self.total)
        if early > unsure and not self._cut_short and (self._clock is None or self._clock.steady):
            reasons.append(f"{early} are not there: it is damaged, or was cut off while copying")
        if not reasons:
            return ""
        return (
            f"warning: {self.name} announces {self.total} frames, {frames} could be read; "
            + "; ".join(reasons)
        )


def _ends_inside_a_packet(uri: str) -> bool:
    """Whether a transport stream, which says nowhere how long it is, ends in none of its packets."""
    try:
        with open(uri, "rb") as file:
            head = file.read(5)
            size_bytes = file.seek(0, os.SEEK_END)
    except (OSError, ValueError):  # a URL, or a pipe
        return False
    sizes = [size for size, at in _PACKETS if head[at : at + 1] == b"\x47"]
    return Path(uri).suffix.lower() in _STREAMS and bool(sizes) and size_bytes % sizes[0] > 0


class _Times:
    """When frames were captured, s; a container may not say it of all of them, or of none."""

    def __init__(self, rate_hz: float) -> None:
        self._step_s = 1 / rate_hz if rate_hz else 0.0
        self._latest_s = -math.inf

    def of_next(self, position_ms: float) -> float | None:
        """Of the frame that is said to stand there; None if nobody knows."""
        if position_ms / 1e3 > self._latest_s:
            self._latest_s = position_ms / 1e3
        elif self._step_s:
            self._latest_s += self._step_s
        else:
            return None
        return self._latest_s


class _Clock:
    """Sees frames that a container passed over, by the time that each frame stands at."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._latest_ms = 0.0
        self._steps = self._regular = 0

    @property
    def steady(self) -> bool:
        """Whether the frames follow each other at the film's rate; phones and screens vary it."""
        return self._steps >= _BEYOND_END and self._regular >= _STEADY * self._steps

    def lost_before(self, position_ms: float) -> int:
        """How many frames are missing between the one before and the one at this time."""
        step = (position_ms - self._latest_ms) * self._rate_hz / 1e3
        if step <= 0:
            return 0
        self._latest_ms = position_ms
        is_gap = step >= _GAP and self.steady
        self._steps += 1
        self._regular += is_gap or step < 1.5
        return round(step) - 1 if is_gap else 0


def frame_count(capture: cv2.VideoCapture) -> int | None:
    """How many frames a recording holds; None for a stream, which has no end."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if count > 0 else None


def open_capture(uri: str, threads: int = 0) -> cv2.VideoCapture:
    """threads: of the decoder; 0: as many as it likes.  Raises SourceError for a name not in UTF-8."""
    path = os.path.abspath(uri) if os.path.exists(uri) else uri
    if console.valid_text(path) != path:  # OpenCV would end the process
        raise SourceError(f"{console.valid_text(path)} is not UTF-8: rename it to open it")
    # FFmpeg takes what stands before a colon for a protocol, except in a whole path
    if threads:
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
        if capture.isOpened():
            return capture
    return cv2.VideoCapture(path)


def _codec(capture: cv2.VideoCapture) -> str:
    """The codec of what was opened, such as `AV01`; "" if nothing was."""
    if not capture.isOpened():
        return ""
    letters = (int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little")
    return letters.decode("ascii", "replace").strip("\0 ")


def _why_unreadable(uri: str, codec: str) -> str:
    if os.path.isfile(uri):
        try:
            with open(uri, "rb") as file:
                if not file.read(1):
                    return f"{uri} is empty: was it copied to its end?"
        except OSError as error:
            return f"{uri} may not be read ({error.strerror}): check its rights and its disk"
    if codec:
        return (
            f"{uri} holds no readable frame: this OpenCV has no decoder for its codec ({codec}), it is "
            "damaged, or its edit list leaves all of it out; convert it: ffmpeg -i IN -c:v libx264 "
            "-pix_fmt yuv420p OUT.mp4, with -ignore_editlist 1 before -i if that gives no frames either"
        )
    return f"{uri} holds no readable frame: it is no video, or cut short"
