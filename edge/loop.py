"""The loop: source, watcher, sinks."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge import engine, sources, stream
from edge.sinks import RunEnded, Sink
from edge.summary import RunSummary, process_age_s
from edge_common import EdgeError, EngineHung
from edge_devices.detection.memory import peak_rss_bytes


class Watcher(Protocol):
    """What frames are pushed through: a Stream, or whatever decides on several things a frame."""

    def decisions(self, frame: stream.Frame) -> Sequence[stream.Decision]:
        """Take one frame; the decisions that it leads to. Raises EdgeError."""


@dataclass(frozen=True)
class Feed:
    """A source, what its frames are pushed through, and the sinks that take them.

    summary: filled on the way.  sampler: which frames are pushed; the sinks get all of them.
    """

    source: sources.Source
    watcher: Watcher
    sinks: Sequence[Sink]
    summary: RunSummary
    sampler: stream.FrameSampler = field(default_factory=stream.FrameSampler)


@dataclass(frozen=True)
class RunLimits:
    """When a run ends before its source does.

    frame_timeout_s: of one frame in the stream; if it takes longer, `on_hang` is called when
    summary and sinks are complete, and the process ends with EngineHung's exit code; 0: no limit.
    """

    max_frames: int | None = None
    frame_timeout_s: float = 0.0
    on_hang: Callable[[], None] = lambda: None


def run(
    feed: Feed,
    limits: RunLimits = RunLimits(),
    *,
    on_frame: Callable[[RunSummary], None] = lambda summary: None,
) -> None:
    """Push the frames of a source through its watcher into its sinks, until its end.

    Its summary is complete however the run ends; the sinks are closed in every case. Raises what
    the source or a sink raises, and KeyboardInterrupt.
    """
    started = time.perf_counter()
    source, summary = feed.source, feed.summary

    def complete() -> None:
        summary.wall_s = time.perf_counter() - started
        summary.dropped, summary.skipped = source.dropped, source.skipped
        summary.source_warning, summary.gaps = source.warning, source.gaps
        summary.peak_rss_bytes = peak_rss_bytes()

    def give_up() -> int:
        with contextlib.suppress(EdgeError), _closing_all(feed.sinks):
            complete()
        limits.on_hang()
        return EngineHung.exit_code

    watchdog = engine.Watchdog(limits.frame_timeout_s, give_up).start()
    try:
        with _closing_all(feed.sinks):
            for frame in _timed(source, summary, limits.max_frames):
                _one_frame(feed, frame, watchdog)
                on_frame(summary)
    except RunEnded:
        pass  # a user who closes the window is done, and nothing went wrong
    finally:
        watchdog.close()
        complete()


def _one_frame(feed: Feed, frame: stream.Frame, watchdog: engine.Watchdog) -> None:
    summary, started = feed.summary, time.perf_counter()
    decisions: Sequence[stream.Decision] = ()
    if feed.sampler.takes(frame):
        with watchdog:
            decisions = feed.watcher.decisions(frame)
        summary.sampled += 1
        if frame.time_s is not None:
            summary.arrivals.add(frame.time_s, frame.restart)
    pushed = time.perf_counter()
    for sink in feed.sinks:
        sink.take(frame, decisions)
    summary.frames += 1
    summary.first_result_s = summary.first_result_s or _since_process_start_s()
    for decision in decisions:
        summary.decisions += 1
        summary.first_decision_s = summary.first_decision_s or _since_process_start_s()
        summary.newest = decision
        summary.answers.add(decision.tasks)
        summary.people.add(decision.tasks.values())
        summary.latency.add(decision.latency_ms)
        total_ms = (pushed - started) * 1e3
        summary.latency.add({"push, all of it": total_ms, "frame age": decision.age_ms})
    if feed.sinks:
        summary.latency.add({"sinks": (time.perf_counter() - pushed) * 1e3})


def _since_process_start_s() -> float | None:
    return round(process_age_s(), 3) or None


def _timed(
    source: sources.Source, summary: RunSummary, max_frames: int | None
) -> Iterator[stream.Frame]:
    """The source's frames, at most so many, with the time each took to arrive."""
    frames: Iterable[stream.Frame] = source
    if max_frames is not None and max_frames <= 0:
        return
    before = time.perf_counter()
    for frame in frames:
        summary.latency.add({"capture": (time.perf_counter() - before) * 1e3})
        yield frame
        if max_frames is not None and summary.frames >= max_frames:
            return
        before = time.perf_counter()


@contextlib.contextmanager
def _closing_all(sinks: Sequence[Sink]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for sink in sinks:
            stack.callback(sink.close)
        yield
