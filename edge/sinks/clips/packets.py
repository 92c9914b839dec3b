"""Frames kept as encoded packets, from which clips are cut without encoding again (PyAV)."""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import cv2
import numpy as np

TICKS_A_SECOND = 60_000  # MPEG-4 part 2 takes no finer ones than 65535
_GOP_S = 1.0
# codec -> the encoder of FFmpeg's, and its settings
CODECS = {
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}),
    "mpeg4": ("mpeg4", {"qmin": "3", "qmax": "12"}),
    "mjpeg": ("mjpeg", {}),
}
# of `mjpeg`, whose packets are what a clip holds; and of those that are encoded again
_MJPEG_QUALITY, _JPEG_QUALITY = 80, 90


def to_jpeg(pixels: np.ndarray, quality: int = _JPEG_QUALITY) -> bytes:
    """pixels: uint8 (height, width, 3), BGR."""
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


@dataclass(frozen=True)
class Packet:
    """One encoded frame.  number: of the frame.  time: in ticks since the first one."""

    data: bytes
    number: int
    time: int
    is_key: bool = True


@dataclass(frozen=True)
class Encoding:
    """codec: of CODECS.  size: width and height, even.  rate_hz: about so many frames a second.

    is_full_range: of luminances from 0 to 255, as those of JPEG are, in place of 16 to 235.
    """

    codec: str
    size: tuple[int, int]
    rate_hz: float
    is_full_range: bool = False

    @property
    def is_full(self) -> bool:
        """What becomes of is_full_range, as not every codec has both."""
        return self.codec == "mjpeg" or (self.is_full_range and self.codec == "h264")

    def prepare(self, context: Any) -> None:
        """context: PyAV's, of a video."""
        context.width, context.height = self.size
        context.pix_fmt = "yuvj420p" if self.is_full else "yuv420p"
        context.time_base = Fraction(1, TICKS_A_SECOND)
        context.framerate = Fraction(round(self.rate_hz * 1000), 1000)
        context.gop_size = max(1, round(self.rate_hz * _GOP_S))
        context.max_b_frames = 0
        context.thread_count = 1
        context.options = CODECS[self.codec][1]
        context.flags |= av.codec.context.Flags.global_header


class JpegEncoder:
    """Each frame by itself, by OpenCV: its libjpeg-turbo is several times as fast as FFmpeg's encoder."""

    def __init__(self, codec: str) -> None:
        self._quality = _MJPEG_QUALITY if codec == "mjpeg" else _JPEG_QUALITY
        self._newest = -1

    def encode(self, pixels: np.ndarray, number: int, time: int) -> Packet:
        """pixels: uint8 (height, width, 3), BGR.  time: in ticks; made later than the one before."""
        self._newest = max(time, self._newest + 1)
        return Packet(to_jpeg(pixels, self._quality), number, self._newest)


class Encoder:
    """A frame in, its packet out, at once; frames may come at any time that is later than before.

    Raises PyAV's errors, which are OSErrors and ValueErrors.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._to_jpeg, self._newest = JpegEncoder(encoding.codec), -1
        self._context: Any = av.CodecContext.create(CODECS[encoding.codec][0], "w")
        encoding.prepare(self._context)
        self._jpegs: Any = av.CodecContext.create("mjpeg", "r")
        self._jpegs.thread_count = 1

    def encode(self, pixels: np.ndarray, number: int, time: int) -> list[Packet]:
        """pixels: uint8 (height, width, 3), BGR."""
        if self.encoding.codec == "mjpeg":
            return [self._to_jpeg.encode(pixels, number, time)]
        yuv = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        return self._encode(frame, number, time)

    def encode_again(self, jpeg: Packet) -> list[Packet]:
        """A frame that is a JPEG so far; for `mjpeg` it stays one."""
        if self.encoding.codec == "mjpeg":
            return [jpeg]
        packets = []
        for frame in self._jpegs.decode(av.Packet(jpeg.data)):
            if not self.encoding.is_full:
                frame = frame.reformat(
                    format="yuv420p", src_color_range="JPEG", dst_color_range="MPEG"
                )
            packets += self._encode(frame, jpeg.number, jpeg.time)
        return packets

    def _encode(self, frame: Any, number: int, time: int) -> list[Packet]:
        self._newest = max(time, self._newest + 1)
        frame.pts, frame.time_base = self._newest, Fraction(1, TICKS_A_SECOND)
        frame.pict_type = 0  # a decoder says what a frame was, and not what it is to be
        packets = self._context.encode(frame)
        return [Packet(bytes(each), number, self._newest, each.is_keyframe) for each in packets]


class PacketRing:
    """The newest packets, and those before them that are needed to decode them.

    is_full: whether some went for want of room.
    """

    def __init__(self, most_bytes: int = 1 << 62) -> None:
        self._most_bytes, self.is_full = most_bytes, False
        self.packets: deque[Packet] = deque()
        self._bytes = 0

    def add(self, packet: Packet, keep_from: int) -> None:
        """keep_from: a time; what is older may go."""
        self.packets.append(packet)
        self._bytes += len(packet.data)
        while self._can_lose_its_first_group(keep_from):
            self._pop()
            while not self.packets[0].is_key:
                self._pop()

    def _can_lose_its_first_group(self, keep_from: int) -> bool:
        later = itertools.islice(self.packets, 1, None)
        second = next((packet.time for packet in later if packet.is_key), None)
        if second is None or second <= keep_from:
            return second is not None
        is_too_large = self._bytes > self._most_bytes
        self.is_full |= is_too_large
        return is_too_large

    def _pop(self) -> None:
        self._bytes -= len(self.packets.popleft().data)

    def between(self, first: int, last: int) -> list[Packet]:
        """To this time, from the last key frame on that is not later than `first`."""
        packets = [packet for packet in self.packets if packet.time <= last]
        keys = [i for i, packet in enumerate(packets) if packet.is_key and packet.time <= first]
        return packets[keys[-1] if keys else 0 :]


def scaled(pixels: np.ndarray, height: int) -> np.ndarray:
    """With even sides, as 4:2:0 needs them, and no higher than this; 0: as they are."""
    rows, columns = pixels.shape[:2]
    scale = min(1.0, height / rows) if height else 1.0
    size = (round(columns * scale) // 2 * 2, round(rows * scale) // 2 * 2)
    if scale == 1.0:
        return pixels[: size[1], : size[0]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def write_mp4(file: BinaryIO, encoding: Encoding, packets: Sequence[Packet], first: int) -> None:
    """An MP4 file that shows the frames from the time `first` on, to the frame.

    What is older and needed to decode them stands before its beginning (an edit list).
    """
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


def frame_of(video: Path, index: int) -> np.ndarray | None:
    """Its shown frame number `index`, counted from 0: uint8 (height, width, 3), BGR.

    No more is decoded than from the key frame before it on.
    """
    with av.open(str(video), "r") as container:
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
