"""A source of a run, what its frames are pushed through, and the sinks that take them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from edge import answers, events, sources, stream
from edge.sinks import BundleInfo, Gap, ShowsBundle, ShowsGaps, Sink, TakesEvents
from edge.source_summary import SourceSummary


class EventJudge(Protocol):
    """What becomes of a source's decisions: events."""

    def take(
        self, frame: stream.Frame, decisions: Sequence[stream.Decision]
    ) -> Sequence[events.Event]:
        """What began, changed or ended with one frame."""

    def end(self, reason: str) -> Sequence[events.Event]:
        """The ends of all that goes on, as no frame comes."""


class Watcher(Protocol):
    """What frames are pushed through: a Stream, or whatever decides on several things a frame."""

    def decisions(self, frame: stream.Frame) -> Sequence[stream.Decision]:
        """Take one frame; the decisions that it leads to. Raises EdgeError."""


@runtime_checkable
class Follows(Protocol):
    """A watcher that follows people."""

    def end_tracks(self) -> None:
        """The source gives no frames: nobody can be seen in it."""


@runtime_checkable
class Exchanges(Protocol):
    """A watcher that pushes frames through one Stream or several."""

    def exchange(self, change: Callable[[Any], Any], network: stream.Network | None = None) -> None:
        """Push them through others.  change: gives one for the one before.

        network: of those that are made later; None: they are changed as well.
        """


@runtime_checkable
class TakesInputs(Protocol):
    """A watcher of a network that may take numbers beside frames."""

    def give(self, inputs: stream.Numbers) -> None:
        """They hold from the next frame on, {input: numbers}. Raises ConfigError if they do not fit."""


@dataclass(eq=False)
class Feed:
    """A source, what its frames are pushed through, and the sinks that take them.

    sampler: which frames are pushed; the sinks get all of them.
    source_name: if there are several.  judges: None: decisions alone go out.
    events_seen: counts of what they tell.
    """

    summary: SourceSummary
    watcher: Watcher
    sinks: Sequence[Sink] = ()
    sampler: stream.FrameSampler = field(default_factory=stream.FrameSampler)
    source_name: str | None = None
    judges: EventJudge | None = None
    events_seen: answers.EventsSeen = field(default_factory=answers.EventsSeen)
    _newest: stream.Frame | None = field(default=None, init=False)

    @property
    def source(self) -> sources.Source:
        return self.summary.source

    def show_gap(self, seconds: float, has_ended: bool) -> None:
        if not has_ended and isinstance(self.watcher, Follows):
            self.watcher.end_tracks()
        for sink in self.sinks:
            if isinstance(sink, ShowsGaps):
                sink.show_gap(Gap(seconds, has_ended, self.source_name))
        self.end_events(events.SOURCE_LOST)

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        """Judge one frame's decisions, and give them and the frame to the sinks."""
        self._newest = frame
        if self.judges:
            self._tell(self.judges.take(frame, decisions), frame)
        for sink in self.sinks:
            sink.take(frame, decisions)

    def exchange(self, change: Callable[[Any], Any], network: stream.Network | None = None) -> None:
        """As `Exchanges` has it, whatever the watcher is."""
        if isinstance(self.watcher, Exchanges):
            self.watcher.exchange(change, network)
        else:
            self.watcher = change(self.watcher)

    def give(self, inputs: stream.Numbers) -> None:
        """As `TakesInputs` has it."""
        if isinstance(self.watcher, TakesInputs):
            self.watcher.give(inputs)

    def show_bundle(self, bundle: BundleInfo) -> None:
        """Another one is heard from the next frame on."""
        for each in (*([self.judges] if self.judges else []), *self.sinks):
            if isinstance(each, ShowsBundle):
                each.show_bundle(bundle)

    def end_events(self, reason: str) -> None:
        """Nothing that goes on can be seen any more."""
        if self.judges and self._newest:
            self._tell(self.judges.end(reason), self._newest)

    def _tell(self, news: Sequence[events.Event], frame: stream.Frame) -> None:
        for event in news:
            self.events_seen.add(event)
            for sink in self.sinks:
                if isinstance(sink, TakesEvents):
                    sink.take_event(event, frame)
