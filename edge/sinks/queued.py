"""A sink behind a queue and a thread of its own: an output that is slow or dead slows no frame."""

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from edge import sinks
from edge_common import Closable, SinkError, console

if TYPE_CHECKING:
    from edge.events import Event
    from edge.scene import SceneView
    from edge.stream import Decision, Frame

# between attempts, each twice the one before: who is back is told at most so much later
_FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 4.0
_TIDY_S = 3600.0
_REPORT_S = 60.0  # an output that comes and goes is told of so often at most
_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class QueueLimits:
    """How much may wait: frames (with their decisions) and their bytes, and apart from them events.

    drain_s: how long the end of a run waits for an output.
    """

    frames: int = 256
    frame_bytes: int = 64 << 20
    events: int = 4096
    drain_s: float = 10.0


@dataclass(frozen=True)
class QueuePolicy:
    """waits: the run waits for a full queue, as with recordings; else the oldest is dropped.

    is_fatal: the first failure ends the run; else it is reported, and tried again.
    sees_frames: whether the sink gets pixels, and frames without decisions.
    events_only: whether it gets neither frames nor decisions, so that none of them waits.
    """

    waits: bool = False
    is_fatal: bool = False
    sees_frames: bool = True
    events_only: bool = False


@dataclass
class OutputCounts:
    """What became of an output. problem: why it fails just now; "": it works.

    waiting: messages that it keeps on disk until somebody has them.
    """

    name: str
    delivered: int = 0
    dropped: int = 0
    dropped_events: int = 0
    failures: int = 0
    waiting: int = 0
    problem: str = ""
    _failing_since: float = field(default=0.0, init=False)
    _told_at: float = field(default=-_REPORT_S, init=False)

    def fail(self, problem: str, now: float, is_told: bool = True) -> None:
        """It fails from `now` on (monotonic seconds), which one line says if it is to be told."""
        if self.problem:
            return
        self.problem, self._failing_since = problem, now
        self.failures += 1
        if is_told and now - self._told_at >= _REPORT_S:
            self._told_at = now
            text = f"{self.name}: {problem}; the run goes on, and tries again"
            console.note(text, console.WARNING)

    def work(self, now: float) -> None:
        """It works from `now` on, which is told if its failure was."""
        if self.problem:
            self.problem = ""
            if self._told_at >= self._failing_since:
                console.note(f"{self.name} works again after {now - self._failing_since:.0f} s")

    def to_json(self) -> dict[str, Any]:
        counts = {key: value for key, value in vars(self).items() if key[0] != "_"}
        return {key: n for key, n in counts.items() if key not in ("problem", "waiting") or n}

    def __str__(self) -> str:
        """ "" if nothing is to be said."""
        pairs = (
            (self.dropped, "dropped"),
            (self.dropped_events, "events dropped"),
            (self.waiting, "waiting on disk"),
        )
        parts = [f"{count} {word}" for count, word in pairs if count]
        parts += ["failing"] if self.problem else []
        return f"{self.name}: {', '.join(parts)}" if parts else ""


@runtime_checkable
class CountsItself(Protocol):
    """A sink that drops or keeps some of what it took, and adds that to its counts."""

    counts: OutputCounts


@dataclass(frozen=True)
class _Item:
    order: int
    call: Callable[[], None]
    size: int = 0
    is_event: bool = False
    is_own: bool = False  # of the queue


class Queued(Closable):
    """Takes at once what its thread hands to `sink`; raises what ended that in the next call.

    Frames are copied, since sources may use their memory again. Events have room of their own, so
    that no frame takes it from them; all is handed on in the order in which it came.
    A sink whose reader left (BrokenPipeError) ends the run in every case.
    """

    def __init__(
        self,
        sink: sinks.Sink,
        name: str,
        policy: QueuePolicy = QueuePolicy(),
        limits: QueueLimits = QueueLimits(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = sink.counts if isinstance(sink, CountsItself) else OutputCounts(name)
        self.counts.name = name
        self._sink, self._policy, self._limits, self._clock = sink, policy, limits, clock
        self._frames: deque[_Item] = deque()
        self._events: deque[_Item] = deque()
        self._bytes, self._order = 0, itertools.count()
        self._changed, self._closing = threading.Condition(), threading.Event()
        self._error: Exception | None = None
        self._has_ended = self._is_stuck = False
        self._tidy_at = clock() + _TIDY_S if isinstance(sink, sinks.Tidies) else math.inf
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def take(self, frame: "Frame", decisions: "Sequence[Decision]") -> None:
        if self._policy.events_only:
            return self._check()
        if self._policy.sees_frames:
            frame = replace(frame, pixels=frame.pixels.copy())
        elif decisions:
            frame = replace(frame, pixels=_NO_PIXELS)
        else:
            return self._check()
        windows = sum(image.nbytes for each in decisions for image in each.window_pixels)
        self._put(partial(self._sink.take, frame, decisions), frame.pixels.nbytes + windows)

    def take_event(self, event: "Event", frame: "Frame") -> None:
        if isinstance(self._sink, sinks.TakesEvents):
            sees = self._policy.sees_frames
            frame = replace(frame, pixels=frame.pixels.copy() if sees else _NO_PIXELS)
            self._put(partial(self._sink.take_event, event, frame), is_event=True)

    def show_gap(self, gap: sinks.Gap) -> None:
        self._tell(sinks.ShowsGaps, "show_gap", gap)

    def show_board(self, change: object) -> None:
        self._tell(sinks.ShowsBoard, "show_board", change)

    def show_update(self, change: object) -> None:
        self._tell(sinks.ShowsUpdates, "show_update", change)

    def show_bundle(self, bundle: sinks.BundleInfo) -> None:
        self._tell(sinks.ShowsBundle, "show_bundle", bundle)

    def show_people(self, view: "SceneView") -> None:
        self._tell(sinks.ShowsPeople, "show_people", view, is_event=False)

    def _tell(self, kind: type, method: str, news: object, is_event: bool = True) -> None:
        """In its turn, if the sink wants to know.  is_event: in their room."""
        if isinstance(self._sink, kind):
            self._put(partial(getattr(self._sink, method), news), is_event=is_event)

    def close(self) -> None:
        """Hand on what waits, within a bound, and close the sink."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        if isinstance(self._sink, sinks.Stops):
            self._sink.stop()
        delivered = -1
        while self._thread.is_alive() and delivered != self.counts.delivered:
            delivered = self.counts.delivered
            self._thread.join(self._limits.drain_s)
            if not self._policy.waits:
                break
        self._drop_all()
        if self._thread.is_alive():
            console.note(f"{self.counts.name} did not finish in {self._limits.drain_s:g} s")
            return
        self._sink.close()
        error, self._error = self._error, None
        if error:
            raise error

    def _put(self, call: Callable[[], None], size: int = 0, is_event: bool = False) -> None:
        with self._changed:
            self._check()
            while self._is_full(size, is_event):
                if self._policy.waits and not self._is_stuck:
                    self._changed.wait()
                    self._check()
                else:
                    self._drop(is_event)
            queue = self._events if is_event else self._frames
            queue.append(_Item(next(self._order), call, size, is_event))
            self._bytes += size
            self._changed.notify_all()

    def _check(self) -> None:
        """Raise what ended the thread, once it has ended."""
        if self._has_ended and not self._closing.is_set():
            raise self._error or SinkError(f"{self.counts.name} ended by the error above")

    def _is_full(self, size: int, is_event: bool) -> bool:
        if is_event:
            return len(self._events) >= self._limits.events
        too_large = bool(self._frames) and self._bytes + size > self._limits.frame_bytes
        return len(self._frames) >= self._limits.frames or too_large

    def _drop(self, is_event: bool) -> None:
        item = (self._events if is_event else self._frames).popleft()
        self._bytes -= item.size
        self._count_dropped(item)

    def _drop_all(self) -> None:
        with self._changed:
            for queue in (self._events, self._frames):
                while queue:
                    self._drop(queue is self._events)

    def _count_dropped(self, item: _Item) -> None:
        self.counts.dropped += not (item.is_event or item.is_own)
        self.counts.dropped_events += item.is_event

    def _work(self) -> None:
        try:
            while (item := self._next()) and self._deliver(item):
                pass
        finally:
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _next(self) -> _Item | None:
        """What came first of all that waits; None at the end."""
        with self._changed:
            while not (self._frames or self._events or self._tidy_at <= self._clock()):
                if self._closing.is_set():
                    return None
                self._changed.wait(min(self._tidy_at - self._clock(), _TIDY_S))
            if self._tidy_at <= self._clock() and isinstance(self._sink, sinks.Tidies):
                self._tidy_at = self._clock() + _TIDY_S
                return _Item(-1, self._sink.tidy, is_own=True)
            queues = (queue for queue in (self._frames, self._events) if queue)
            item = min(queues, key=lambda queue: queue[0].order).popleft()
            self._bytes -= item.size
            self._changed.notify_all()
            return item

    def _deliver(self, item: _Item) -> bool:
        """Until it is done, or nobody waits any more; whether to go on."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                item.call()
            except (SinkError, OSError) as error:
                self._is_stuck = True
                self.counts.fail(str(error), self._clock(), not self._policy.is_fatal)
                if self._policy.is_fatal or isinstance(error, BrokenPipeError):
                    self._error = error
                    return False
                if self._closing.wait(pause_s):
                    self._count_dropped(item)
                    return False
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self._is_stuck = False
                if not (isinstance(self._sink, sinks.GivesUp) and self._sink.is_failing):
                    self.counts.work(self._clock())
                self.counts.delivered += not item.is_own
                return True
