"""What the page knows of one source: kept by the loop as references, copied if somebody looks."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge import events, scene, sinks, stream
from edge.sinks.people import NewestAnswers
from edge_common import Closable

_MOST_DECISIONS = 256  # that wait for the history's next second
_MOST_EVENTS = 200
_NEVER = float("nan")


@dataclass(frozen=True)
class Shot:
    """A frame that somebody wants to see, with what was known of it.

    view: who is there; None: nobody was looked for.  answers: newest, by the track's number, and
    when they were given, as `Frame.moment_s`.  gap_s: since when nothing newer came.
    newest: decision, whoever it is of.
    """

    frame: stream.Frame
    view: "scene.SceneView | None" = None
    answers: "dict[int, tuple[stream.Decision, float]]" = field(default_factory=dict)
    gap_s: float = 0.0
    newest: "stream.Decision | None" = None


class EventLog:
    """The newest events of all sources.  revision: counts what was told."""

    def __init__(self) -> None:
        self._events: dict[str, events.Event] = {}
        self.revision = 0

    def add(self, event: events.Event) -> None:
        if event.id not in self._events and len(self._events) >= _MOST_EVENTS:
            self._events.pop(min(self._events))
        self._events[event.id] = event
        self.revision += 1

    def newest(self) -> list[events.Event]:
        """The newest first; ids sort by time."""
        return [each for _, each in sorted(self._events.copy().items(), reverse=True)]


class SourceWatch(Closable):
    """A sink that the page reads from a thread of its own; it never waits, and copies what is asked for.

    taken_at: monotonic seconds of the newest frame; NaN before the first.
    newest: the newest decision of the whole frame; answers: those of people.
    gap_s: that the source has given no frame for; 0 while it gives some.
    """

    def __init__(
        self,
        run: sinks.RunInfo,
        log: EventLog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self._log, self._clock = run, log, clock
        self.taken_at, self.gap_s = _NEVER, 0.0
        self.newest: stream.Decision | None = None
        self.view: scene.SceneView | None = None
        self.answers = NewestAnswers()
        self.decisions: deque[tuple[stream.Decision, ...]] = deque(maxlen=_MOST_DECISIONS)
        self.size = (0, 0)
        self._on_shot: Callable[[Shot], object] | None = None
        self._pixels = np.zeros((0, 0, 3), np.uint8)

    def ask(self, on_shot: Callable[[Shot], object]) -> None:
        """Call this once, from the loop's thread, with the next frame, or with a gap.

        Its pixels are overwritten by the next frame that is asked for.
        """
        self._on_shot = on_shot

    def forget(self) -> None:
        """Nobody looks any more: give the memory back."""
        self._on_shot, self._pixels = None, np.zeros((0, 0, 3), np.uint8)

    def show_people(self, view: "scene.SceneView") -> None:
        self.view = view

    def show_bundle(self, bundle: sinks.BundleInfo) -> None:
        self.run = replace(self.run, bundle=bundle)

    def take_event(self, event: events.Event, frame: stream.Frame) -> None:
        self._log.add(event)

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        self.taken_at, self.gap_s = self._clock(), 0.0
        self.size = (frame.pixels.shape[1], frame.pixels.shape[0])
        if self.view is not None:
            self.answers.take(self.view, frame)
        if decisions:
            self.newest = _small(decisions[-1])
            self.decisions.append(tuple(map(_small, decisions)))
        if self._on_shot is not None:
            self._give(frame)

    def show_gap(self, gap: sinks.Gap) -> None:
        self.gap_s = 0.0 if gap.has_ended else gap.seconds

    def _give(self, frame: stream.Frame) -> None:
        on_shot, self._on_shot, pixels = self._on_shot, None, self._pixels
        if on_shot is None:  # nobody wants it any more
            return
        if pixels.shape != frame.pixels.shape:
            pixels = self._pixels = np.empty_like(frame.pixels)
        np.copyto(pixels, frame.pixels)
        answers = self.answers.by_track.copy()
        on_shot(Shot(replace(frame, pixels=pixels), self.view, answers, newest=self.newest))


def _small(decision: stream.Decision) -> stream.Decision:
    """Without the frames that the network saw."""
    return replace(decision, window_pixels=()) if decision.window_pixels else decision
