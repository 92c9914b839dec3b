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
from edge.sources.connection import Capture, Connection, GapRules, Gaps
from edge_common import SourceError, SourceLost

_MOST_WAITING = 8  # frames in the queue
FIRST_WAIT_S = 3.0  # for a source that need not be there yet: most are by then
_COUNTED = 30  # frames that the runner took; those that are not sampled take no time
# of the time between two frames, and of the queue: from there on a moment's stall loses frames
_MOST_BUSY, _HALF = 0.8, 0.5


class LiveSource(sources.Source):
    """The frames of a camera or a network stream, as they come.

    open_capture: makes a new capture, as often as the source has to be reopened; raises
    SourceError if that fails, SourceAbsent if that may change.  clock: monotonic seconds.
    size: width and height of its first frame; (0, 0): none came yet.
    can_end: its end, as that of a pipe, is no loss, and nothing comes after it.
    explain: a better reason why no frame came at first; "": none.
    on_first: called with this source when its first frame came.
    Raises SourceError if no frame comes at first, and SourceLost if they stop and do not come back
    before the rules say to give up. If the rules say to wait, a source that is absent begins with a gap.
    """

    live = True

    def __init__(
        self,
        name: str,
        open_capture: Callable[[], Capture],
        rules: GapRules = GapRules(),
        can_end: bool = False,
        clock: Callable[[], float] = time.monotonic,
        explain: Callable[[], str] = lambda: "",
        on_first: Callable[["LiveSource"], object] = lambda source: None,
    ) -> None:
        super().__init__(name)
        self._can_end, self._clock, self._on_first = can_end, clock, on_first
        rules = replace(rules, give_up_after_s=0.0, waits=False) if can_end else rules
        self._connection = Connection(
            self.name, open_capture, rules, clock, explain, self._stop_waiting
        )
        self._frames = self._connection.frames()
        self._waiting: deque[stream.Frame] = deque()
        self._busy_s: deque[float] = deque(maxlen=_COUNTED)
        self._last_number, self._taken_at = -1, math.nan
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: SourceError | None = None
        self.size, self._is_opening, self._count = (0, 0), True, 0
        self._thread = threading.Thread(target=self._read, name=f"read {self.name}", daemon=True)
        if rules.waits:
            self._thread.start()
            self._wait_for_first()
        else:
            self._take_first()
            self._thread.start()
        self._is_opening = False

    def __iter__(self) -> Iterator[stream.Frame]:
        while (frame := self._next()) is not None:
            self.dropped += frame.number - self._last_number - 1
            self._last_number = frame.number
            self._taken_at = self._clock()
            yield frame
        if self._error and not self._closed:
            raise self._error
        if not (self._closed or self._can_end):
            gone = "stopped and did not come back" if self._count else "did not come"
            raise SourceLost(f"{self.name} {gone}: check cable, power or network")

    def rename(self, name: str) -> None:
        self.name = self._connection.name = name

    def ready(self) -> bool:
        with self._changed:
            self._count_as_idle()
            return self._has_news()

    def has_time(self, seconds: float) -> bool:
        """As `_too_slow` looks at it, and a little before; frames that wait are no haste if it is idle.

        seconds: that the frame which was taken last will take longer.
        """
        with self._changed:
            is_crowded = len(self._waiting) >= _HALF * _MOST_WAITING
            arrivals = self._connection.arrivals
            if not arrivals.settled:
                return not is_crowded
            now_s = self._clock() - self._taken_at + seconds
            busy_s = [*self._busy_s, *([] if math.isnan(now_s) else [now_s])][-_COUNTED:]
            return mean(busy_s) <= (_HALF if is_crowded else _MOST_BUSY) * arrivals.interval_s

    def begin(self) -> None:
        with self._changed:
            self._taken_at = math.nan  # of a run before this one
            if self._waiting and not self._can_end:
                self._last_number = self._waiting[0].number - 1

    def measured_hz(self) -> float:
        return self._connection.arrivals.rate_hz

    def silence_s(self) -> float:
        return self._connection.silence_s()

    def stall_after_s(self) -> float:
        return self._connection.stall_after_s

    @property
    def gaps(self) -> Gaps:
        gaps = self._connection.gaps
        return replace(gaps, longest_s=max(gaps.longest_s, self.gap_s()))

    def gap_s(self) -> float:
        return self.silence_s() if self._connection.in_gap else 0.0

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.notify()
        self._connection.close()
        self._thread.join(timeout=2.0)

    def _take_first(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._connection.close)
            self._put(*next(self._frames))
            stack.pop_all()

    def _wait_for_first(self) -> None:
        """For a moment, and no longer than it may be there. Raises SourceError if it never will."""
        with ExitStack() as stack:
            stack.callback(self.close)
            with self._changed:
                self._changed.wait_for(
                    lambda: self._has_news() or not self._is_opening, FIRST_WAIT_S
                )
                self._is_opening = False
            if self._error:
                raise self._error
            stack.pop_all()

    def _stop_waiting(self) -> None:
        with self._changed:
            self._is_opening = False
            self._changed.notify_all()

    def _put(self, pixels: np.ndarray, restart: bool) -> None:
        """Queue the frame that has just arrived."""
        is_first, arrivals = not self._count, self._connection.arrivals
        if is_first:
            self.size, self.rate_hz = pixels.shape[1::-1], self._connection.rate_hz
            self._on_first(self)
        with self._changed:
            gap_s = 0.0 if self._is_opening else self._connection.gap_before_s
            restart = restart and bool(gap_s or not is_first)
            times = arrivals.newest, restart, arrivals.time_s, gap_s
            self._waiting.append(stream.Frame(pixels, self._count, *times))
            self._count += 1
            self._keep_newest(_MOST_WAITING)
            self._changed.notify_all()
        self.notify()

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
            for pixels, restart in self._frames:
                self._put(pixels, restart)
        except SourceError as error:  # before the first frame: it can never come
            self._error = error
        finally:
            self._connection.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self.notify()
