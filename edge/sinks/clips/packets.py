"""Frames kept as encoded packets, from which clips are cut without encoding again (PyAV)."""

import io
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av
import cv2
import numpy as np

TICKS_A_SECOND = 60_000  # MPEG-4 part 2 takes no finer ones than 65535
USUAL_HZ = 25.0  # of frames that nobody says the rate of
_GOP_S = 1.0
# codec -> the encoder of FFmpeg's, and its settings
CODECS = {
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}),
    "mpeg4": ("mpeg4", {"qmin": "3", "qmax": "12"}),
    "mjpeg": ("mjpeg", {}),
}
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Packet:
    """One encoded frame.  number: of the frame.  time: in ticks since the encoder began."""

    data: bytes
    number: int
    time: int
    is_key: bool


@dataclass(frozen=True)
class Encoding:
    """codec: of CODECS.  size: width and height, even.  rate_hz: about so many frames a second."""

    codec: str
    size: tuple[int, int]
    rate_hz: float

    def prepare(self, context: Any) -> None:
        """context: PyAV's, of a video."""
        context.width, context.height = self.size
        context.pix_fmt = "yuvj420p" if self.codec == "mjpeg" else "yuv420p"
        context.time_base = Fraction(1, TICKS_A_SECOND)
        context.framerate = Fraction(round(self.rate_hz * 1000), 1000)
        context.gop_size = max(1, round(self.rate_hz * _GOP_S))
        context.max_b_frames = 0
        context.thread_count = 1
        context.options = CODECS[self.codec][1]
        context.flags |= av.codec.context.Flags.global_header

    def encoder(self) -> "FrameEncoder":
        """JPEG by OpenCV, whose libjpeg-turbo is several times as fast as FFmpeg's own encoder."""
        return JpegEncoder(self) if self.codec == "mjpeg" else Encoder(self)


class FrameEncoder(Protocol):
    """A frame in, its packet out, at once."""

    encoding: Encoding

    def encode(self, pixels: np.ndarray, number: int, time: int) -> list[Packet]:
        """pixels: uint8 (height, width, 3), BGR.  time: in ticks; later than before."""


class JpegEncoder:
    """Each frame by itself: the least work, and the largest packets."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding, self._newest = encoding, -1

    def encode(self, pixels: np.ndarray, number: int, time: int) -> list[Packet]:
        self._newest = max(time, self._newest + 1)
        jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
        return [Packet(jpeg.tobytes(), number, self._newest, True)]


class Encoder:
    """A frame in, its packet out, at once; frames may come at any time, and later than before.

    Raises SinkError through PyAV's errors, which are OSErrors and ValueErrors.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        context = av.CodecContext.create(CODECS[encoding.codec][0], "w")
        encoding.prepare(context)
        self._context: Any = context
        self._newest = -1

    def encode(self, pixels: np.ndarray, number: int, time: int) -> list[Packet]:
        """pixels: uint8 (height, width, 3), BGR."""
        self._newest = max(time, self._newest + 1)
        yuv = cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(np.asarray(yuv, np.uint8), format="yuv420p")
        frame.pts, frame.time_base = self._newest, Fraction(1, TICKS_A_SECOND)
        packets = self._context.encode(frame)
        return [Packet(bytes(each), number, self._newest, each.is_keyframe) for each in packets]


class PacketRing:
    """The newest packets of so many ticks, and those before that are needed to decode them."""

    def __init__(self, ticks: int, most_bytes: int = 64 << 20) -> None:
        self._ticks, self._most_bytes = ticks, most_bytes
        self.packets: deque[Packet] = deque()
        self._bytes = 0

    def add(self, packet: Packet) -> None:
        self.packets.append(packet)
        self._bytes += len(packet.data)
        while self._can_lose_its_first_group():
            self._pop()
            while not self.packets[0].is_key:
                self._pop()

    def _can_lose_its_first_group(self) -> bool:
        keys = [packet.time for packet in list(self.packets)[1:] if packet.is_key][:1]
        too_old = bool(keys) and keys[0] <= self.packets[-1].time - self._ticks
        return too_old or (bool(keys) and self._bytes > self._most_bytes)

    def _pop(self) -> None:
        self._bytes -= len(self.packets.popleft().data)

    def since(self, time: int) -> list[Packet]:
        """From the last key frame on that is not later than this."""
        packets = list(self.packets)
        keys = [i for i, packet in enumerate(packets) if packet.is_key and packet.time <= time]
        return packets[keys[-1] if keys else 0 :]


def scaled(pixels: np.ndarray, height: int) -> np.ndarray:
    """With even sides, as 4:2:0 needs them, and no higher than this; 0: as they are."""
    rows, columns = pixels.shape[:2]
    scale = min(1.0, height / rows) if height else 1.0
    size = (round(columns * scale) // 2 * 2, round(rows * scale) // 2 * 2)
    if scale == 1.0:
        return pixels[: size[1], : size[0]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def to_mp4(encoding: Encoding, packets: Sequence[Packet], first: int) -> bytes:
    """An MP4 file that shows the frames from the time `first` on, to the frame.

    What is older and needed to decode them stands before its beginning (an edit list).
    """
    file = io.BytesIO()
    name, options = CODECS[encoding.codec]
    rate = Fraction(round(encoding.rate_hz * 1000), 1000)
    shown = next((packet.time for packet in packets if packet.time >= first), packets[-1].time)
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(name, rate=rate, options=options)
        encoding.prepare(stream.codec_context)
        stream.time_base = Fraction(1, TICKS_A_SECOND)
        times = [packet.time for packet in packets]
        steps = [later - earlier for earlier, later in zip(times, times[1:])]
        for packet, step in zip(packets, [*steps, steps[-1] if steps else TICKS_A_SECOND // 25]):
            encoded = av.Packet(packet.data)
            encoded.pts = encoded.dts = packet.time - shown
            encoded.duration, encoded.time_base = step, Fraction(1, TICKS_A_SECOND)
            encoded.is_keyframe, encoded.stream = packet.is_key, stream
            container.mux(encoded)
    return file.getvalue()


def frame_of(video: bytes, index: int) -> np.ndarray | None:
    """Its shown frame number `index`, counted from 0: uint8 (height, width, 3), BGR.

    No more is decoded than from the key frame before it on.
    """
    with av.open(io.BytesIO(video), "r") as container:
        stream: Any = container.streams.video[0]
        pts = [each.pts for each in container.demux(stream) if each.size]
        times = sorted(time for time in pts if time is not None and time >= 0)
        if index >= len(times):
            return None
        container.seek(times[index], stream=stream)
        for frame in container.decode(stream):
            if frame.pts is not None and frame.pts >= times[index]:
                return np.asarray(frame.to_ndarray(format="bgr24"))
    return None
