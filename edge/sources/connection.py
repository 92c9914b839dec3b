"""A connection to what frames come from, opened again whenever it is silent or gone."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge.sources.arrivals import Arrivals
from edge_common import SourceAbsent, SourceError, console

WHY_NOT = "is it connected, free, and may you read it?"
FIRST_FRAME_S = 10.0  # for a camera or a server to give its first frame
_SHORTEST_STALL_S, _STALL_FRAMES = 1.0, 5
_SHORTEST_DELAY_S, _LONGEST_DELAY_S, _DELAY_OF_OUTAGE = 1.0, 30.0, 0.1
_REPORT_S = 60.0  # a source that comes and goes is told of so often at most


class Capture(Protocol):
    """One connection.

    rate_hz: frames a second that it announces; 0 if it does not.
    """

    rate_hz: float

    def read(self, timeout_s: float) -> np.ndarray | None:
        """The next frame; None at the end. Raises TimeoutError if none comes for so long."""

    def close(self) -> None:
        """Let it go, from any thread; a read that waits returns. May be called twice."""


@dataclass(frozen=True)
class GapRules:
    """When a source counts as silent, and how long it is waited for.

    stall_after_s: without a frame; None: five frame times, and at least 1 s.
    give_up_after_s: of a source that does not come back; None: never, 0: it cannot be opened again.
    waits: also for one that gives nothing at first, as a camera that starts later than this machine.
    """

    stall_after_s: float | None = None
    give_up_after_s: float | None = None
    waits: bool = False

    @classmethod
    def of(cls, stall_after_s: float, give_up_after_s: float, wait: int = 0) -> "GapRules":
        """As options say it: 0 is for None. Raises ValueError."""
        if not (0 <= stall_after_s < math.inf and 0 <= give_up_after_s < math.inf):
            raise ValueError("stall_after and give_up_after are seconds, 0 or more")
        return cls(stall_after_s or None, give_up_after_s or None, bool(wait))


@dataclass
class Gaps:
    """When a live source gave no frames.

    stalls: times it went silent with its connection open.  reconnects: times it came back.
    longest_s: from the last frame before a gap to the first one behind it, or to now.
    """

    stalls: int = 0
    reconnects: int = 0
    longest_s: float = 0.0

    def __bool__(self) -> bool:
        return self.longest_s > 0

    def __str__(self) -> str:
        counts = (self.stalls, "stall"), (self.reconnects, "reconnect")
        texts = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts]
        return f"{', '.join(texts)}, longest gap {self.longest_s:.1f} s"


def retry_delay_s(outage_s: float) -> float:
    """Between two attempts: what is back is seen at most so much later."""
    return min(max(_SHORTEST_DELAY_S, _DELAY_OF_OUTAGE * outage_s), _LONGEST_DELAY_S)


class Connection:
    """Frames of one capture after the other.

    open_capture: raises SourceError if it cannot be opened, SourceAbsent if that may change.
    explain: a better reason for that, if there is one; "": none.  clock: monotonic seconds.
    on_absence: called, from the thread that reads, when a source is waited for from now on.
    """

    def __init__(
        self,
        name: str,
        open_capture: Callable[[], Capture],
        rules: GapRules,
        clock: Callable[[], float] = time.monotonic,
        explain: Callable[[], str] = lambda: "",
        on_absence: Callable[[], object] = lambda: None,
    ) -> None:
        self.name, self.gaps, self.arrivals = name, Gaps(), Arrivals()
        self._open_capture, self._rules, self._clock = open_capture, rules, clock
        self._explain, self._on_absence = explain, on_absence
        self._began_at, self._has_begun, self._reason = clock(), False, ""
        self._closing = threading.Event()
        self._capture: Capture | None = None
        self._is_silent, self.in_gap = False, rules.waits
        self.gap_before_s = 0.0  # the newest frame
        self._opened_at = self._told_at = -math.inf
        self._untold = 0  # gaps

    @property
    def rate_hz(self) -> float:
        return self._capture.rate_hz if self._capture else 0.0

    def frames(self) -> Iterator[tuple[np.ndarray, bool]]:
        """Each frame, and whether it is the first or the first behind a gap, until closed.

        Ends if the rules say to give up. Raises SourceError if there is no first one, unless that is
        waited for.
        """
        pixels, restart = self._begin(), True
        while pixels is not None:
            self._has_begun = True
            self.arrivals.add(self._clock(), restart)
            yield pixels, restart
            pixels = self._next_frame()
            restart = pixels is None
            if pixels is None:
                pixels = self._frame_behind_gap()

    def close(self) -> None:
        """From any thread: whatever is waited for ends."""
        self._closing.set()
        if self._capture is not None:
            self._capture.close()

    def silence_s(self) -> float:
        return self._clock() - max(self.arrivals.newest, self._began_at)

    @property
    def stall_after_s(self) -> float:
        """Without a frame, until the connection counts as silent."""
        if self._rules.stall_after_s is not None:
            return self._rules.stall_after_s
        if not self.arrivals.settled:
            return FIRST_FRAME_S
        return max(_SHORTEST_STALL_S, _STALL_FRAMES * self.arrivals.interval_s)

    def _next_frame(self) -> np.ndarray | None:
        """None if the connection ended, or is silent."""
        self._is_silent, self.gap_before_s = False, 0.0
        if self._capture is None:
            return None
        try:
            return self._capture.read(self.stall_after_s)
        except TimeoutError:
            self.gaps.stalls += 1
            self._is_silent = True
            return None

    def _frame_behind_gap(self) -> np.ndarray | None:
        """None if there will be none."""
        is_once = self._rules.give_up_after_s == 0
        if self._closing.is_set() or (is_once and not self._is_silent):
            return None
        remedy = "waiting for more" if is_once else "opening it again"
        self._tell_gap(remedy)
        self.in_gap = True
        # at once, unless it was opened just now: some servers end after each frame
        delay_s = max(self._opened_at + _SHORTEST_DELAY_S - self._clock(), 0.0)
        pixels = self._wait() if is_once else self._retry(delay_s)
        self._end_gap(pixels is not None, "back")
        self.gaps.reconnects += not is_once and pixels is not None
        return pixels

    def _end_gap(self, is_over: bool, word: str) -> None:
        """is_over: a frame came; else it was given up."""
        self.in_gap, self.gap_before_s = False, self.silence_s()
        self.gaps.longest_s = max(self.gaps.longest_s, self.gap_before_s)
        if is_over and self._told_at >= self._clock() - self.gap_before_s:
            console.note(f"{self.name}: {word} after {self.gap_before_s:.1f} s")

    def _begin(self) -> np.ndarray | None:
        """The first frame of all; None if it was waited for and given up. Raises SourceError."""
        try:
            if (pixels := self._first_frame()) is not None:
                self.in_gap, self.gap_before_s = False, self.silence_s() if self.in_gap else 0.0
                return pixels
            absence = SourceAbsent(f"{self.name} gives no picture: {WHY_NOT}")
        except SourceAbsent as error:
            absence = error
        if reason := self._explain():
            absence = SourceAbsent(f"{self.name} {reason}")
        if not self._rules.waits or self._closing.is_set():
            raise absence from None
        self._tell_absence(str(absence))
        self._on_absence()
        pixels = self._retry(retry_delay_s(self.silence_s()))
        self._end_gap(pixels is not None, "there")
        return pixels

    def _tell_absence(self, reason: str) -> None:
        self._told_at, self._reason = self._clock(), reason
        console.note(f"{reason}; waiting for it", console.WARNING)

    def _note_reason(self, error: SourceError) -> None:
        """Of another failure of one that never gave a frame: it is up by now, and refuses a login."""
        if self._has_begun or self._clock() - self._told_at < _REPORT_S:
            return
        explained = self._explain()
        reason = f"{self.name} {explained}" if explained else str(error)
        if reason != self._reason:
            self._tell_absence(reason)

    def _tell_gap(self, remedy: str) -> None:
        """Unless one was told of just now: what comes and goes shall not fill a log."""
        if self._clock() - self._told_at < _REPORT_S:
            self._untold += 1
            return
        more = f"; {self._untold} more gaps since the last such line" if self._untold else ""
        self._told_at, self._untold = self._clock(), 0
        why = (
            f"no frame for {self.silence_s():.1f} s" if self._is_silent else "its connection ended"
        )
        text = f"{self.name}: {why}, {remedy}{more}"
        console.note(text, console.WARNING)

    def _wait(self) -> np.ndarray | None:
        """Of what cannot be opened again, however long it takes; None at its end."""
        assert self._capture is not None
        return self._capture.read(math.inf)

    def _retry(self, delay_s: float) -> np.ndarray | None:
        """Open it after so long, then ever more slowly; None if it is given up.

        Raises SourceError if it never gave a frame, and never will.
        """
        most_s = self._rules.give_up_after_s
        while not self._closing.wait(delay_s):
            try:
                if (pixels := self._first_frame()) is not None:
                    return pixels
            except SourceError as error:  # it may be back next time
                if not (self._has_begun or isinstance(error, SourceAbsent)):
                    raise
                self._note_reason(error)
            if most_s is not None and self.silence_s() >= most_s:
                break
            delay_s = retry_delay_s(self.silence_s())
        return None

    def _first_frame(self) -> np.ndarray | None:
        """That of a new capture in place of the old one, None if it gives none."""
        if self._capture is not None:
            self._capture.close()
        self._capture = self._open_capture()
        self._opened_at = self._clock()
        if self._closing.is_set():  # meanwhile, when only the old one could be closed
            self._capture.close()
        with contextlib.suppress(TimeoutError):
            return self._capture.read(FIRST_FRAME_S)
        return None
