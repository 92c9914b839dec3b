"""How programs write frames to a pipe, and how such a pipe is read."""

import contextlib
import re
import select
import struct
import time
from typing import IO, Protocol

import cv2
import numpy as np

from edge_common import SourceError

START = struct.Struct("<dq")  # frames a second, or 0; how many frames there are, or -1
FRAME = struct.Struct("<II")  # height and width, before the BGR pixels of each frame
_HEAD_BYTES, _TAIL_BYTES = 16_384, 4096  # of what a program says
_MOST_LINE_BYTES = 4096
_SLOWEST_S, _FASTEST_HZ = 86_400, 10_000  # between two frames, and what is no camera's rate
_MOST_MS = 3_600_000  # that poll is asked to wait


class Pipe:
    """Frames that a program writes, and what it says meanwhile.

    frames, stderr: unbuffered.  deadline: monotonic seconds, for all that is read.
    """

    def __init__(self, frames: IO[bytes], stderr: IO[bytes] | None = None) -> None:
        self.deadline = 0.0
        self._frames, self._stderr = frames, stderr
        self._text = bytearray()
        self._poll = select.poll()
        for file in filter(None, (frames, stderr)):
            self._poll.register(file, select.POLLIN)

    @property
    def messages(self) -> str:
        """How it began and what it said last, so that months of messages need no room."""
        return self._text.decode(errors="replace")

    def has_more(self, wait_s: float) -> bool:
        """Whether more of the frames, or their end, is there in that time."""
        self.deadline = time.monotonic() + wait_s
        with contextlib.suppress(TimeoutError):
            self._wait_for_frames()
            return True
        return False

    def fill(self, view: memoryview) -> bool:
        """Whether all of it came before the end. Raises TimeoutError."""
        filled = 0
        while filled < len(view):
            count = self.fill_some(view[filled:])
            if not count:
                return False
            filled += count
        return True

    def fill_some(self, view: memoryview) -> int:
        """How many bytes of it came at once; 0 at the end. Raises TimeoutError."""
        self._wait_for_frames()
        count: int = self._frames.readinto(view)  # type: ignore[attr-defined]  # unbuffered
        if not count:
            self._listen_to_the_end()
        return count

    def read(self, size: int) -> bytes | None:
        """So many bytes; None if the end comes before. Raises TimeoutError."""
        buffer = bytearray(size)
        return bytes(buffer) if self.fill(memoryview(buffer)) else None

    def take(self, most: int) -> bytes:
        """What is there, at most so many bytes, as soon as there is one; none at the end.

        Who takes it keeps it, also behind a deadline. Raises TimeoutError.
        """
        self._wait_for_frames()
        content: bytes = self._frames.read(most)
        if not content:
            self._listen_to_the_end()
        return content

    def line(self) -> bytes | None:
        """A line without its end; None if there is none.

        Raises TimeoutError, and SourceError if it is too long.
        """
        text = b""
        while len(text) < _MOST_LINE_BYTES:
            letter = self.read(1)
            if letter is None or letter == b"\n":
                return (text or None) if letter is None else text
            text += letter
        raise SourceError(f"no line of YUV4MPEG2 but {text[:20]!r} and much more came")

    def _wait_for_frames(self) -> None:
        while True:
            left_s = self.deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            ready = [handle for handle, _ in self._poll.poll(min(left_s * 1e3, _MOST_MS))]
            if self._stderr and self._stderr.fileno() in ready:
                self._listen()
            if self._frames.fileno() in ready:
                return

    def _listen(self) -> bool:
        """Take what it says; False at the end of that."""
        assert self._stderr is not None
        text = self._stderr.read(_TAIL_BYTES)
        if not text:
            self._poll.unregister(self._stderr)
            self._stderr = None
            return False
        self._text += text
        del self._text[_HEAD_BYTES:-_TAIL_BYTES]
        return True

    def _listen_to_the_end(self) -> None:
        """Of a program that has ended, or is about to."""
        poll = select.poll()
        if self._stderr:
            poll.register(self._stderr, select.POLLIN)
        while self._stderr and poll.poll(1000) and self._listen():
            pass


class FrameFormat(Protocol):
    """How frames follow each other in a pipe.

    rate_hz: frames a second that are announced; 0 if they are not.
    count: frames that a recording holds; None for a stream.
    """

    rate_hz: float
    count: int | None

    def begin(self, pipe: Pipe) -> bool:
        """Read what stands before the first frame; False if nothing does. Raises SourceError."""

    def frame(self, pipe: Pipe) -> np.ndarray | None:
        """The next frame, uint8 BGR (H, W, 3); None at the end. Raises SourceError."""


class TaggedFrames:
    """A START, and then frames, each a FRAME and its BGR pixels: what our own children write."""

    def __init__(self) -> None:
        self.rate_hz, self.count = 0.0, None  # type: float, int | None

    def begin(self, pipe: Pipe) -> bool:
        start = pipe.read(START.size)
        if start is None:
            return False
        self.rate_hz, count = START.unpack(start)
        self.count = count if count >= 0 else None
        return True

    def frame(self, pipe: Pipe) -> np.ndarray | None:
        head = pipe.read(FRAME.size)
        if head is None:
            return None
        pixels = np.empty((*FRAME.unpack(head), 3), np.uint8)
        return pixels if pipe.fill(pixels.data.cast("B")) else None


_MAGIC = b"YUV4MPEG2"
_FRAME_LINE = b"FRAME\n"
# how far its two planes of colour are subsampled
_SUBSAMPLING = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}
MOST_PIXELS = 1 << 27  # of a frame


class Yuv4Mpeg:
    """YUV4MPEG2 (man 5 yuv4mpeg): planes of 8 bits, 4:2:0, 4:2:2, 4:4:4 or grey."""

    count: int | None = None

    def __init__(self) -> None:
        self.rate_hz = 0.0

    def begin(self, pipe: Pipe) -> bool:
        line = pipe.line()
        if line is None:
            return False
        magic, *fields = line.split(b" ")
        if magic != _MAGIC:
            raise SourceError(f"no YUV4MPEG2 but {line[:20]!r} came")
        values = {field[:1].decode("latin1"): field[1:].decode("latin1") for field in fields}
        try:
            self._width, self._height = int(values["W"]), int(values["H"])
            self.rate_hz = _rate_hz(values.get("F", "0:1"))
        except (KeyError, ValueError):
            raise SourceError(f"{line[:80]!r} is no head of YUV4MPEG2") from None
        sampling = values.get("C", "420")
        self._grey = sampling == "mono"
        match = re.fullmatch(r"(420|422|444)(?:jpeg|mpeg2|paldv)?", sampling)
        size_allowed = 0 < self._width * self._height <= MOST_PIXELS
        if not (match or self._grey) or min(self._width, self._height) < 1 or not size_allowed:
            raise SourceError(
                f"YUV4MPEG2 of the form C{sampling}, {self._width} x {self._height} is not read: "
                "write 8-bit 4:2:0, as ffmpeg -pix_fmt yuv420p does"
            )
        self._step = _SUBSAMPLING[match[1]] if match else (0, 0)
        self._full_range = b"XCOLORRANGE=FULL" in fields
        return True

    def frame(self, pipe: Pipe) -> np.ndarray | None:
        head = pipe.read(len(_FRAME_LINE))
        if head is None:
            return None
        if head[:-1] != _FRAME_LINE[:-1]:
            raise SourceError(f"no frame of YUV4MPEG2 but {head!r} came")
        if head != _FRAME_LINE and pipe.line() is None:  # parameters stand behind it
            return None
        height, width = self._height, self._width
        chroma = (0, 0)
        if not self._grey:
            chroma = (-(-height // self._step[0]), -(-width // self._step[1]))
        planes = np.empty(height * width + 2 * chroma[0] * chroma[1], np.uint8)
        return self._bgr(planes, chroma) if pipe.fill(planes.data.cast("B")) else None

    def _bgr(self, planes: np.ndarray, chroma: tuple[int, int]) -> np.ndarray:
        height, width = self._height, self._width
        is_even = height % 2 == width % 2 == 0
        if self._step == (2, 2) and is_even:  # in a quarter of the time
            return bgr_of_i420(planes.reshape(height * 3 // 2, width), self._full_range)
        grey = planes[: height * width].reshape(height, width)
        if self._grey:
            blue = red = np.full_like(grey, 128)
        else:
            blue, red = planes[height * width :].reshape(2, *chroma)
            if chroma != (height, width):
                blue, red = (cv2.resize(plane, (width, height)) for plane in (blue, red))
        matrix = _FULL_RANGE if self._full_range else _LIMITED_RANGE
        return cv2.transform(cv2.merge((grey, blue, red)), matrix)


def _rate_hz(text: str) -> float:
    """Of `30000:1001`; 0 if that is no camera's. Raises ValueError."""
    count, per = map(int, text.split(":"))
    return count / per if 0 < per <= count * _SLOWEST_S and count <= per * _FASTEST_HZ else 0.0


def bgr_of_i420(planes: np.ndarray, full_range: bool) -> np.ndarray:
    """uint8 BGR (H, W, 3) of planes one below the other, (H * 3 / 2, W), which are written over."""
    if full_range:  # OpenCV takes the levels 16..235 for black to white
        height = len(planes) * 2 // 3
        for plane, table in ((planes[:height], _LUMA_LEVELS), (planes[height:], _CHROMA_LEVELS)):
            cv2.LUT(plane, table, plane)
    return cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)


def _levels(start: float, middle: float, count: int) -> np.ndarray:
    """A table from 0..255 to so many levels, whose middle comes to `start`."""
    return (start + (np.arange(256.0) - middle) * count / 255).round().astype(np.uint8)


_LUMA_LEVELS, _CHROMA_LEVELS = _levels(16, 0, 219), _levels(128, 128, 224)


def _to_bgr(luma_offset: float, luma_span: float, chroma_span: float) -> np.ndarray:
    """Of Y, Cb and Cr of 8 bits, float32 (3, 4) for cv2.transform (Recommendation ITU-R BT.601)."""
    red, blue = 0.299, 0.114  # of luma
    green = 1 - red - blue
    of_ranges = np.array(
        [
            [1, 2 * (1 - blue), 0],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 0, 2 * (1 - red)],
        ]
    )
    factors = of_ranges * 255 / (luma_span, chroma_span, chroma_span)
    offsets = -factors @ (luma_offset, 128, 128)
    return np.column_stack([factors, offsets]).astype(np.float32)


_FULL_RANGE, _LIMITED_RANGE = _to_bgr(0, 255, 255), _to_bgr(16, 219, 224)
