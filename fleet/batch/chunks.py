"""Stretches of one video that several workers decide on as if one had, and reading each exactly.

A container's packets say at which time each frame stands, without decoding one. A chunk is read from
the key frame before it, each frame is held against that table, and neighbours compare the frames that
both have decoded: as many as a decoder of H.264 or HEVC may refer to.
"""

import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import av
import cv2
import numpy as np

from edge import stream
from edge.sources import video
from edge_common import EdgeError

COMPARED = 16  # frames that two neighbours both decode: the most that H.264 and HEVC refer to
_SEEK_BACK = 16  # OpenCV looks for a key frame so many frames before
_RETRIES = (0.0, 2_000.0, 20_000.0)  # milliseconds further back, if a seek went too far
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


class Inseparable(EdgeError):
    """A recording whose frames cannot be reached exactly: it is one chunk."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Frames `start` to `end` (not with it) of a recording, and what of it goes before.

    positions_ms: where frames `first` to `end` stand, float64.  pushed: which of them the network gets.
    is_last: whether the recording ends with it.
    """

    start: int
    end: int
    first: int = 0
    positions_ms: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pushed: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    is_last: bool = True


@dataclass(frozen=True)
class Lookback:
    """What the answer to a frame depends on: `window` pushed frames, of `rate_hz`, every `hop`."""

    window: int
    hop: int = 1
    rate_hz: float = 0.0

    def pushed(self, positions_ms: Sequence[float]) -> list[int]:
        """The numbers of the frames that a network gets, all of them read without a loss."""
        sampler = stream.FrameSampler(self.rate_hz)
        frames = (
            stream.Frame(_NO_PIXELS, n, 0.0, time_s=position / 1e3)
            for n, position in enumerate(positions_ms)
        )
        return [frame.number for frame in frames if sampler.takes(frame)]

    def first_pushed(self, start: int) -> int:
        """The first pushed frame, by its place among these, that counts for those from `start` on.

        One more than a window, as the first frame's difference from the one before is unknown, and as
        a window's first decision says `restart`; in step with the hop.
        """
        return max((start - self.window) // self.hop * self.hop, 0)


def cut(path: str, lookback: Lookback, length: int) -> list[Chunk]:
    """Chunks of about `length` frames, which begin where seeking is cheap; none if there is no need.

    Raises Inseparable with the reason, SourceError if the file cannot be read.
    """
    positions, keys = _table(path)
    bounds = [0, *_bounds(len(positions), length, keys, lookback), len(positions)]
    if len(bounds) == 2:
        return []
    with video.VideoFile(path) as opened:
        if not opened.is_intact(positions):
            raise Inseparable(
                "its container does not count its frames exactly, or some are missing"
            )
    pushed = lookback.pushed(positions)
    return [
        _chunk(start, end, positions, pushed, lookback) for start, end in zip(bounds, bounds[1:])
    ]


def _chunk(
    start: int, end: int, positions: Sequence[float], pushed: Sequence[int], lookback: Lookback
) -> Chunk:
    place = bisect_left(pushed, start)
    earliest = lookback.first_pushed(place)
    first_pushed = pushed[earliest] if earliest < len(pushed) else start
    first = max(min(first_pushed, start - COMPARED), 0)
    flags = np.zeros(end - first, bool)
    flags[[n - first for n in pushed[earliest : bisect_left(pushed, end)]]] = True
    return Chunk(start, end, first, np.array(positions[first:end]), flags, end == len(positions))


def _bounds(total: int, length: int, keys: Sequence[int], lookback: Lookback) -> Iterator[int]:
    """Behind a key frame by what is read before a chunk, if one is near."""
    before = _SEEK_BACK + 1 + max(COMPARED, lookback.window + lookback.hop)
    start = 0
    while total - start > 1.5 * length:
        place = bisect_left(keys, start + length - before)
        near = keys[place] + before if place < len(keys) else total
        start = near if near <= start + 1.5 * length else start + length
        if start < total:
            yield start


def _table(path: str) -> tuple[list[float], list[int]]:
    """Milliseconds at which frames are shown, as OpenCV says them; the numbers of key frames."""
    try:
        with av.open(path) as container:
            packets = container.streams.video[0]
            base, origin = packets.time_base, packets.start_time or 0
            rows: list[tuple[Any, bool]] = [
                (each.pts, each.is_keyframe)
                for each in container.demux(packets)
                if each.size and not each.is_discard
            ]
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise Inseparable(f"its packets cannot be listed ({error})") from error
    if base is None or not rows or any(time is None for time, _ in rows):
        raise Inseparable("its container does not say when each frame is shown")
    seconds = base.numerator / base.denominator
    rows.sort()
    positions = [(time - origin) * seconds * 1000 for time, _ in rows]
    if any(after <= before for before, after in zip(positions, positions[1:])):
        raise Inseparable("several of its frames are shown at the same time")
    return positions, [n for n, (_, is_key) in enumerate(rows) if is_key]


class ChunkReader:
    """The frames of a chunk, with those before it.

    head, tail: of the frames before `start`, and of the last ones: equal if two neighbours saw the same.
    """

    def __init__(self, path: str, chunk: Chunk) -> None:
        self._chunk = chunk
        self._capture = video.open_capture(path, threads=1)
        self._path, self.head, self.tail = path, "", ""

    def __iter__(self) -> Iterator[stream.Frame]:
        """Raises Inseparable if a frame is not where the container has it."""
        chunk, digests = self._chunk, deque[bytes](maxlen=COMPARED)
        self._seek()
        for number, position_ms in enumerate(chunk.positions_ms.tolist(), chunk.first):
            if number > chunk.first and not self._capture.grab():
                raise Inseparable(f"frame {number} cannot be read from within it")
            readable, pixels = self._capture.retrieve()
            if not readable or self._capture.get(cv2.CAP_PROP_POS_MSEC) != position_ms:
                raise Inseparable(f"frame {number} is not at its time if it is read from within")
            if number == chunk.start:
                self.head = _joined(digests)
            if chunk.start - COMPARED <= number < chunk.start or number >= chunk.end - COMPARED:
                digests.append(hashlib.blake2b(pixels.tobytes(), digest_size=16).digest())
            yield stream.Frame(pixels, number, 0.0, time_s=position_ms / 1e3)
        self.tail = _joined(digests)
        if chunk.is_last and self._capture.grab():
            raise Inseparable("it holds more frames than its container says")

    def close(self) -> None:
        self._capture.release()

    def _seek(self) -> None:
        """Grab frame `first`."""
        chunk, first_ms = self._chunk, float(self._chunk.positions_ms[0])
        for back_ms in _RETRIES if chunk.first else ():
            self._capture.set(cv2.CAP_PROP_POS_MSEC, max(first_ms - back_ms, 0.0))
            if self._grab_until(first_ms):
                return
        self._capture.release()
        self._capture = video.open_capture(self._path, threads=1)
        if not self._grab_until(first_ms):
            raise Inseparable(f"frame {chunk.first} cannot be found by its time")

    def _grab_until(self, position_ms: float) -> bool:
        while self._capture.grab():
            reached_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            if reached_ms >= position_ms:
                return bool(reached_ms == position_ms)
        return False


def _joined(digests: Sequence[bytes] | deque[bytes]) -> str:
    return hashlib.blake2b(b"".join(digests), digest_size=16).hexdigest()
