"""The loop: source, watcher, sinks."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from edge import answers, engine, events, sources, stream
from edge.sinks import Gap, RunEnded, ShowsBoard, ShowsGaps, Sink, TakesEvents
from edge.summary import RunSummary, SourceSummary, process_age_s
from edge_common import EdgeError, EngineHung, SourceError, SourceLost, console
from edge_devices.detection.memory import peak_rss_bytes

_LOOK_S = 1.0  # at those that give no frames


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


@dataclass(frozen=True)
class RunLimits:
    """When a run ends before its sources do.

    max_frames: of each source.
    frame_timeout_s: of one frame in the stream; if it takes longer, `on_hang` is called when
    summary and sinks are complete, and the process ends with EngineHung's exit code; 0: no limit.
    end_reason: asked at each turn: not "" ends the run, and the events that go on for that reason.
    """

    max_frames: int | None = None
    frame_timeout_s: float = 0.0
    on_hang: Callable[[], None] = lambda: None
    end_reason: Callable[[], str] = lambda: ""


def run(
    feeds: Sequence[Feed],
    summary: RunSummary,
    limits: RunLimits = RunLimits(),
    *,
    on_frame: Callable[[RunSummary], None] = lambda summary: None,
) -> None:
    """Push the frames of each source through its watcher into its sinks, until all have ended.

    A source that ends or is lost ends no other one; why it was lost is raised in the end.
    `summary` is of these feeds' sources, and complete however the run ends; the sinks are closed in
    every case. Raises what a source or a sink raises, and KeyboardInterrupt.
    """
    started = time.perf_counter()
    opened = [sink for feed in feeds for sink in feed.sinks]

    def complete() -> None:
        summary.wall_s = time.perf_counter() - started
        summary.peak_rss_bytes = peak_rss_bytes()

    def give_up() -> int:
        with contextlib.suppress(EdgeError), _closing_all(opened):
            complete()
        limits.on_hang()
        return EngineHung.exit_code

    watchdog = engine.Watchdog(limits.frame_timeout_s, give_up).start()
    try:
        with _closing_all(opened), _ending_events(feeds):
            for feed, frame in _in_turn(feeds, summary, limits):
                _one_frame(feed, frame, summary, watchdog)
                on_frame(summary)
    except RunEnded:
        pass  # a user who closes the window is done, and nothing went wrong
    finally:
        watchdog.close()
        complete()


def _one_frame(
    feed: Feed, frame: stream.Frame, summary: RunSummary, watchdog: engine.Watchdog
) -> None:
    counts, started = feed.summary, time.perf_counter()
    decisions: Sequence[stream.Decision] = ()
    if (ages_ms := counts.ages_ms(frame)).size:
        summary.latency.add_all("frame age", ages_ms)
    if feed.sampler.takes(frame):
        with watchdog:
            decisions = feed.watcher.decisions(frame)
        counts.sampled += 1
        if frame.time_s is not None:
            counts.arrivals.add(frame.time_s, frame.restart)
    pushed = time.perf_counter()
    if frame.gap_s:
        feed.show_gap(frame.gap_s, has_ended=True)
    feed.take(frame, decisions)
    counts.frames += 1
    summary.first_result_s = summary.first_result_s or _since_process_start_s()
    for decision in decisions:
        counts.decisions += 1
        summary.first_decision_s = summary.first_decision_s or _since_process_start_s()
        summary.newest = decision
        summary.answers.add(decision.tasks)
        summary.names.add(decision.tasks.values())
        summary.latency.add(decision.latency_ms)
        total_ms = (pushed - started) * 1e3
        summary.latency.add({"push, all of it": total_ms, "frame age": decision.age_ms})
    if feed.sinks:
        summary.latency.add({"sinks": (time.perf_counter() - pushed) * 1e3})


def _since_process_start_s() -> float | None:
    return round(process_age_s(), 3) or None


def _in_turn(
    feeds: Sequence[Feed], summary: RunSummary, limits: RunLimits
) -> Iterator[tuple[Feed, stream.Frame]]:
    """One frame after the other, of each source that has one.

    Raises in the end what a source was lost by, if one was.
    """
    max_frames = limits.max_frames
    news, errors, looked = threading.Event(), [], time.monotonic()
    turns = [(feed, _timed(feed, summary, max_frames)) for feed in feeds]
    for feed in feeds:
        feed.source.notify = news.set
    while turns:
        summary.turns, summary.turned_at = summary.turns + 1, time.monotonic()
        if ending := limits.end_reason():
            for feed, _ in turns:
                feed.end_events(ending)
            return
        _show_board([feed for feed, _ in turns], summary)
        news.clear()
        ready = [turn for turn in turns if turn[0].source.ready()]
        if not ready:
            news.wait(_LOOK_S)
        if (now := time.monotonic()) - looked >= _LOOK_S:  # also while others give frames
            _show_gaps(feed for feed, _ in turns)
            looked = now
        for turn in ready:
            feed, frames = turn
            is_enough = max_frames is not None and feed.summary.frames >= max_frames
            reason = (
                f"{feed.source.name} {f'gave {max_frames} frames' if is_enough else 'has ended'}"
            )
            ending = events.RUN_ENDED
            try:
                frame = next(frames, None)
            except (SourceError, SourceLost) as error:
                errors.append(error)
                frame, reason, ending = None, str(error), events.SOURCE_LOST
            if frame is not None:
                yield feed, frame
                continue
            summary.end(feed.summary, feed.source_name)
            feed.end_events(ending)
            feed.source.close()
            turns.remove(turn)
            if turns:
                console.note(f"{reason}; the others go on")
    if errors:
        raise max(errors, key=lambda error: error.exit_code)


def _show_gaps(feeds: Iterable[Feed]) -> None:
    for feed in feeds:
        if seconds := feed.source.gap_s():
            feed.show_gap(seconds, has_ended=False)


def _show_board(feeds: Sequence[Feed], summary: RunSummary) -> None:
    """Once to outputs that sources share."""
    while summary.board and summary.board.news:
        change = summary.board.news.popleft()
        for sink in dict.fromkeys(sink for feed in feeds for sink in feed.sinks):
            if isinstance(sink, ShowsBoard):
                sink.show_board(change)


def _timed(feed: Feed, summary: RunSummary, max_frames: int | None) -> Iterator[stream.Frame]:
    """The source's frames, at most so many, with the time each took to arrive."""
    if max_frames is not None and max_frames <= 0:
        return
    before = time.perf_counter()
    for frame in feed.source:
        summary.latency.add({"capture": (time.perf_counter() - before) * 1e3})
        yield frame
        if max_frames is not None and feed.summary.frames >= max_frames:
            return
        before = time.perf_counter()


@contextlib.contextmanager
def _ending_events(feeds: Sequence[Feed]) -> Iterator[None]:
    """Also of a run that a user ends; behind an error no sink is asked for more."""
    try:
        yield
    except (KeyboardInterrupt, RunEnded):
        for feed in feeds:
            feed.end_events(events.RUN_ENDED)
        raise


@contextlib.contextmanager
def _closing_all(sinks: Sequence[Sink]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        yield
