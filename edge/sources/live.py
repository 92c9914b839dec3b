"""Frames that do not wait: cameras and network streams.

A thread reads them; the runner gets the newest and what it was too slow for is
dropped and counted. A lost source is opened again, ever more slowly, before it
is given up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import cv2
import numpy as np

from edge import sources, stream
from edge_common import SourceError, SourceLost

RETRY_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0)


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that a live source needs."""

    def isOpened(self) -> bool: ...
    def read(self) -> tuple[bool, np.ndarray | None]: ...
    def get(self, prop: int) -> float: ...
    def release(self) -> None: ...


class LiveSource(sources.Source):
    """The newest frame of a camera or a network stream.

    open_capture: makes a new capture, as often as the source has to be reopened.
    retry_delays_s: before each attempt to open it again.
    can_end: its end, as that of a pipe, is no loss, and nothing comes after it.
    Raises SourceError if no frame comes at first, SourceLost if they stop
    and none of the retries brings them back.
    """

    live = True

    def __init__(
        self,
        name: str,
        open_capture: Callable[[], Capture],
        retry_delays_s: tuple[float, ...] = RETRY_DELAYS_S,
        can_end: bool = False,
    ) -> None:
        super().__init__(name)
        self._open_capture = open_capture
        self._can_end = can_end
        self._retry_delays_s = () if can_end else retry_delays_s
        capture, first = self._open()
        if first is None:
            raise SourceError(
                f"{name} gives no picture: is it connected, free, and may you read it?"
            )
        self.rate_hz = max(capture.get(cv2.CAP_PROP_FPS), 0.0)
        self._changed = threading.Condition()
        self._newest: stream.Frame | None = stream.Frame(first, 0)
        self._arrived_at = time.monotonic()
        self._last_number = -1
        self._lost = False
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._read, args=(capture,), name=f"read {self.name}", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[stream.Frame]:
        while (frame := self._wait()) is not None:
            self.dropped += frame.number - self._last_number - 1
            self._last_number = frame.number
            yield frame
        if self._lost and not self._can_end:
            raise SourceLost(
                f"{self.name} stopped and did not come back: check cable, power or network"
            )

    def silence_s(self) -> float:
        return time.monotonic() - self._arrived_at

    def close(self) -> None:
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout=2.0)

    def _wait(self) -> stream.Frame | None:
        """The next frame not yet taken; None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._lost or self._closing.is_set())
            frame, self._newest = self._newest, None
            return None if self._closing.is_set() else frame

    def _read(self, capture: Capture) -> None:
        """The thread: keep the newest frame; whatever ends it, the runner learns of it."""
        try:
            self._keep_newest(capture)
        finally:
            with self._changed:
                self._lost = not self._closing.is_set()
                self._changed.notify_all()

    def _keep_newest(self, capture: Capture) -> None:
        number, restart = 1, False
        while not self._closing.is_set():
            pixels = _read_frame(capture)
            if pixels is None:
                capture.release()
                reopened = self._reopen()
                if reopened is None:
                    break
                (capture, pixels), restart = reopened, True
            with self._changed:
                # a window must not span the gap, also if this frame overtakes another
                restart = restart or (self._newest is not None and self._newest.restart)
                self._newest = stream.Frame(pixels, number, restart=restart)
                self._arrived_at = self._newest.captured_at
                self._changed.notify()
            number, restart = number + 1, False
        capture.release()

    def _reopen(self) -> tuple[Capture, np.ndarray] | None:
        """Try again after each of the delays; None if all were in vain."""
        for delay_s in self._retry_delays_s:
            if self._closing.wait(delay_s):
                break
            capture, pixels = self._open()
            if pixels is not None:
                return capture, pixels
        return None

    def _open(self) -> tuple[Capture, np.ndarray | None]:
        """A new capture and its first frame: an opened one may still not read."""
        capture = self._open_capture()
        pixels = _read_frame(capture) if capture.isOpened() else None
        if pixels is None:
            capture.release()
        return capture, pixels


def _read_frame(capture: Capture) -> np.ndarray | None:
    """The next frame, or None if the capture fails, by its result or by an exception."""
    try:
        readable, pixels = capture.read()
    except cv2.error:
        return None
    return pixels if readable else None
