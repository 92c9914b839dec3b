"""Frames that do not wait: cameras and network streams.

A thread reads them. Frames that arrive in bursts wait in a short queue, as long as the runner is
fast enough for them; else it gets the newest, and what it was too slow for is dropped and counted.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from edge import sources, stream
from edge.sources.arrivals import mean
from edge.sources.connection import WHY_NOT, Capture, Connection, GapRules
from edge_common import SourceError, SourceLost

_MOST_WAITING = 8  # frames in the queue
_COUNTED = 30  # frames that the runner took; those that are not sampled take no time


class LiveSource(sources.Source):
    """The frames of a camera or a network stream, as they come.

    open_capture: makes a new capture, as often as the source has to be reopened; raises
    SourceError if that fails.  clock: monotonic seconds.
    size: width and height of its first frame.
    can_end: its end, as that of a pipe, is no loss, and nothing comes after it.
    Raises SourceError if no frame comes at first, SourceLost if they stop and do not come back
    before the rules say to give up.
    """

    live = True

    def __init__(
        self,
        name: str,
        open_capture: Callable[[], Capture],
        rules: GapRules = GapRules(),
        can_end: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name)
        self._can_end, self._clock = can_end, clock
        rules = replace(rules, give_up_after_s=0.0) if can_end else rules
        self._connection = Connection(self.name, open_capture, rules, clock)
        self._frames = self._connection.frames()
        self._waiting = deque([self._first_frame()])
        height, width = self._waiting[0].pixels.shape[:2]
        self.size = (width, height)
        self.rate_hz, self.gaps = self._connection.rate_hz, self._connection.gaps
        self._busy_s: deque[float] = deque(maxlen=_COUNTED)
        self._last_number, self._taken_at = -1, math.nan
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._thread = threading.Thread(target=self._read, name=f"read {self.name}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[stream.Frame]:
        while (frame := self._next()) is not None:
            self.dropped += frame.number - self._last_number - 1
            self._last_number = frame.number
            self._taken_at = self._clock()
            yield frame
        if not (self._closed or self._can_end):
            raise SourceLost(
                f"{self.name} stopped and did not come back: check cable, power or network"
            )

    def rename(self, name: str) -> None:
        self.name = self._connection.name = name

    def ready(self) -> bool:
        with self._changed:
            self._count_as_idle()
            return self._has_news()

    def begin(self) -> None:
        with self._changed:
            if self._waiting and not self._can_end:
                self._last_number = self._waiting[0].number - 1

    def measured_hz(self) -> float:
        return self._connection.arrivals.rate_hz

    def silence_s(self) -> float:
        return self._connection.silence_s()

    def stall_after_s(self) -> float:
        return self._connection.stall_after_s

    def gap_s(self) -> float:
        return self.silence_s() if self._connection.in_gap else 0.0

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.notify()
        self._connection.close()
        self._thread.join(timeout=2.0)

    def _first_frame(self) -> stream.Frame:
        with ExitStack() as stack:
            stack.callback(self._connection.close)
            for pixels, _ in self._frames:
                stack.pop_all()
                return self._frame(pixels, 0, restart=False)
        raise SourceError(f"{self.name} gives no picture: {WHY_NOT}")

    def _frame(self, pixels: np.ndarray, number: int, restart: bool) -> stream.Frame:
        """The one that has just arrived."""
        arrivals = self._connection.arrivals
        gap_s = self._connection.gap_before_s
        return stream.Frame(pixels, number, arrivals.newest, restart, arrivals.time_s, gap_s)

    def _next(self) -> stream.Frame | None:
        """The next frame not yet taken; None when there will be no more."""
        with self._changed:
            self._count_as_idle()
            self._changed.wait_for(self._has_news)
            if self._closed or not self._waiting:
                return None
            if self._too_slow():
                self._keep_newest(1)
            return self._waiting.popleft()

    def _has_news(self) -> bool:
        return bool(self._waiting) or self._ended or self._closed

    def _count_as_idle(self) -> None:
        """The runner asks for another frame: so long it was busy with the one before."""
        if not math.isnan(self._taken_at):
            self._busy_s.append(self._clock() - self._taken_at)
        self._taken_at = math.nan

    def _too_slow(self) -> bool:
        """Whether frames come faster than they are used, so that a queue only makes them old."""
        arrivals = self._connection.arrivals
        return arrivals.settled and mean(self._busy_s) > arrivals.interval_s

    def _keep_newest(self, count: int) -> None:
        """Drop the oldest; a window must not span a gap, also if the first behind it is dropped."""
        while len(self._waiting) > count:
            first = self._waiting.popleft()
            if first.restart:
                self._waiting[0] = replace(self._waiting[0], restart=True, gap_s=first.gap_s)

    def _read(self) -> None:
        """The thread: queue the frames; whatever ends it, the runner learns of it."""
        try:
            for number, (pixels, restart) in enumerate(self._frames, 1):
                with self._changed:
                    self._waiting.append(self._frame(pixels, number, restart))
                    self._keep_newest(_MOST_WAITING)
                    self._changed.notify()
                self.notify()
        finally:
            self._connection.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self.notify()
