"""Frames without a head: pixels of a known size, and JPEG images one behind the other."""

import re
import struct
from dataclasses import dataclass

import cv2
import numpy as np

from edge.sources import WHOLE, FrameNeeds
from edge.sources.formats import MOST_PIXELS, Pipe, bgr_of_i420
from edge_common import SourceError

_LAYOUTS = {"bgr": (3, None), "rgb": (3, cv2.COLOR_RGB2BGR), "gray": (1, cv2.COLOR_GRAY2BGR)}
_I420, _J420 = "i420", "j420"
_FORM = re.compile(
    rf"(\d{{1,5}})x(\d{{1,5}})(?:@(\d{{1,4}}(?:\.\d{{1,9}})?))?(?::({'|'.join((*_LAYOUTS, _I420, _J420))}))?"
)
_MOST_BYTES = 1 << 27  # of a JPEG image
_CHUNK_BYTES, _MOST_BETWEEN = 1 << 16, 1 << 15
_SOI, _EOI, _SOS = b"\xff\xd8", 0xD9, 0xDA
# in coded pixels, what is neither a stuffed 0xff nor a restart begins the next segment
_SEGMENT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FILL = re.compile(rb"\xff+")  # that may stand before a marker
_FRAME_HEADS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SIZE = struct.Struct(">HH")  # height and width
# by how often they halve the size
_READINGS = (
    cv2.IMREAD_COLOR,
    cv2.IMREAD_REDUCED_COLOR_2,
    cv2.IMREAD_REDUCED_COLOR_4,
    cv2.IMREAD_REDUCED_COLOR_8,
)
_NO_LENGTH = (0x01, *range(0xD0, 0xD9))


@dataclass(frozen=True)
class PixelLayout:
    """How the pixels of a frame stand in a pipe.

    name: `bgr`, `rgb`, `gray` or `i420`, whose planes of colour have half the size.
    rate_hz: frames a second; 0: not told.  full_range: of i420, 0..255, as rpicam-vid writes it.
    """

    width: int
    height: int
    name: str = "bgr"
    rate_hz: float = 0.0
    full_range: bool = False

    @classmethod
    def parse(cls, text: str) -> "PixelLayout":
        """Of `640x480` or `640x480@25:i420`; j420 is i420 in full range. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if not match:
            raise ValueError(
                f"{text!r} is no WxH[@HZ][:bgr|rgb|gray|i420|j420], such as 640x480@25:bgr"
            )
        width, height = int(match[1]), int(match[2])
        if not 0 < width * height <= MOST_PIXELS:
            raise ValueError(f"{width}x{height} is no size of a frame")
        name, rate_hz = match[4] or "bgr", float(match[3] or 0)
        if name in (_I420, _J420):
            if width % 2 or height % 2:
                raise ValueError(f"{width}x{height} is no size for {name}, which has even ones")
            return cls(width, height, _I420, rate_hz, full_range=name == _J420)
        return cls(width, height, name, rate_hz)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the bytes of a frame."""
        if self.name == _I420:
            return (self.height * 3 // 2, self.width)
        channels = _LAYOUTS[self.name][0]
        return (self.height, self.width, channels) if channels > 1 else (self.height, self.width)

    def bgr(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 BGR (H, W, 3) of a frame of that shape."""
        if self.name == _I420:
            return bgr_of_i420(pixels, self.full_range)
        code = _LAYOUTS[self.name][1]
        return pixels if code is None else cv2.cvtColor(pixels, code)


class RawFrames:
    """Frames of one layout, one behind the other."""

    count: int | None = None

    def __init__(self, layout: PixelLayout) -> None:
        self._layout, self.rate_hz = layout, layout.rate_hz
        self._first: np.ndarray | None = None

    def begin(self, pipe: Pipe) -> bool:
        """Nothing stands before the first frame, so that one is awaited."""
        self._first = self.frame(pipe)
        return self._first is not None

    def frame(self, pipe: Pipe) -> np.ndarray | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        pixels = np.empty(self._layout.shape, np.uint8)
        return self._layout.bgr(pixels) if pipe.fill(pixels.data.cast("B")) else None


class JpegFrames:
    """JPEG images, one behind the other, as cameras and ffmpeg's `-f mjpeg` write them.

    They are decoded at half, quarter or eighth size if that is as large as needed. Those that
    cannot be decoded are passed over.
    """

    def __init__(self, needs: FrameNeeds = WHOLE) -> None:
        self._needs, self._reading = needs, cv2.IMREAD_COLOR
        self.rate_hz, self.count = 0.0, None  # type: float, int | None
        self._bytes = bytearray()

    def begin(self, pipe: Pipe) -> bool:
        return self._starts(pipe)

    def frame(self, pipe: Pipe) -> np.ndarray | None:
        while self._starts(pipe) and (size := self._size(pipe)):
            encoded = np.frombuffer(bytes(self._bytes[:size]), np.uint8)
            del self._bytes[:size]
            pixels = cv2.imdecode(encoded, self._reading)
            if pixels is not None:
                return pixels
        return None

    def _starts(self, pipe: Pipe) -> bool:
        """Come to where an image starts; False at the end. Raises SourceError for other things."""
        skipped = 0
        while self._has(pipe, len(_SOI)):
            start = self._bytes.find(_SOI)
            if start >= 0:
                del self._bytes[:start]
                return True
            skipped += len(self._bytes) - 1
            if skipped > _MOST_BETWEEN:
                raise SourceError("no JPEG images came")
            del self._bytes[:-1]  # which may be the first half of a start
            if not self._has(pipe, len(_SOI)):
                break
        return False

    def _size(self, pipe: Pipe) -> int:
        """Bytes of the image that starts the buffer; 0 if the end comes before its own."""
        at = len(_SOI)
        while self._has(pipe, at + 4):
            marker = self._bytes[at + 1]
            if self._bytes[at] != 0xFF or marker == _EOI:
                return at + 2  # of what is damaged, too, which no decoder takes
            if marker == 0xFF:
                fill = _FILL.match(self._bytes, at)
                assert fill is not None
                at = fill.end() - 1
                continue
            if marker in _NO_LENGTH:
                at += 2
                continue
            if marker in _FRAME_HEADS and self._has(pipe, at + 9):
                height, width = _SIZE.unpack_from(self._bytes, at + 5)
                self._reading = _READINGS[self._needs.jpeg_halvings(width, height)]
            at += 2 + int.from_bytes(self._bytes[at + 2 : at + 4], "big")
            if marker == _SOS:
                at = self._end_of_pixels(pipe, at)
                if self._has(pipe, at + 2) and self._bytes[at + 1] == _EOI:
                    return at + 2
        return 0

    def _end_of_pixels(self, pipe: Pipe, start: int) -> int:
        """Where the segment behind coded pixels starts; the end of all if there is none."""
        while not (match := _SEGMENT.search(self._bytes, start)):
            start = max(start, len(self._bytes) - 1)
            if not self._has(pipe, len(self._bytes) + 1):
                return len(self._bytes)
        return match.start()

    def _has(self, pipe: Pipe, size: int) -> bool:
        """Whether so many bytes came before the end. Raises SourceError if they are too many."""
        while len(self._bytes) < size:
            if size > _MOST_BYTES:
                raise SourceError("a JPEG image without an end came")
            if not (some := pipe.take(_CHUNK_BYTES)):
                return False
            self._bytes += some
        return True
