"""The loop: source, watcher, sinks."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge import engine, events, stream
from edge.feed import Feed as Feed, Watcher as Watcher
from edge.sinks import RunEnded, ShowsBoard, ShowsUpdates, Sink
from edge.summary import RunSummary, process_age_s
from edge_common import EdgeError, EngineHung, SourceError, SourceLost, console
from edge_devices.detection.memory import peak_rss_bytes

_LOOK_S = 1.0  # at those that give no frames


@dataclass(frozen=True)
class RunLimits:
    """When a run ends before its sources do.

    max_frames: of each source.
    frame_timeout_s: of one frame in the stream; if it takes longer, `on_hang` is called when
    summary and sinks are complete, and the process ends with EngineHung's exit code; 0: no limit.
    end_reason: asked at each turn: not "" ends the run, and the events that go on for that reason.
    on_turn: called at each turn, between two frames.
    """

    max_frames: int | None = None
    frame_timeout_s: float = 0.0
    on_hang: Callable[[], None] = lambda: None
    end_reason: Callable[[], str] = lambda: ""
    on_turn: Callable[[], object] = lambda: None


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
        limits.on_turn()
        _show_news([feed for feed, _ in turns], summary)
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


def _show_news(feeds: Sequence[Feed], summary: RunSummary) -> None:
    """Of the board and of updates, once to outputs that sources share."""
    if not (summary.updates or (summary.board and summary.board.news)):
        return
    outputs = dict.fromkeys(sink for feed in feeds for sink in feed.sinks)
    while summary.board and summary.board.news:
        change = summary.board.news.popleft()
        for sink in outputs:
            if isinstance(sink, ShowsBoard):
                sink.show_board(change)
    while summary.updates:
        update = summary.updates.popleft()
        for sink in outputs:
            if isinstance(sink, ShowsUpdates):
                sink.show_update(update)


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
