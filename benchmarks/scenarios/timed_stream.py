"""A stream that is timed: the next frame when the last is done, or as a live camera delivers them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from edge import Decision, Frame, Stream, loop, sinks, sources, summary
from edge.sources.live import LiveSource
from edge_benchmarks.measure.timing import (
    Clock,
    FrameTiming,
    Plan,
    SubjectTimings,
    alternate,
    series,
)
from edge_benchmarks.scenarios import base, camera
from edge_benchmarks.scenarios.base import FrameSamples, Interruptible


def frame_samples(rounds: Sequence[Sequence[FrameTiming]]) -> FrameSamples:
    """The series of at least one timed frame."""
    timings = list(chain.from_iterable(rounds))
    return FrameSamples(
        tuple(t.total_ms for t in timings),
        tuple(t.cpu_ms for t in timings),
        series(timings, lambda t: t.stages_ms),
        series(timings, lambda t: t.invokes_ms),
        tuple(map(len, rounds)),
    )


class BareStream:
    """A subject without probes: one `push` a frame, between two readings of the clock."""

    def __init__(self, stream: Stream, clock: Clock = time.perf_counter_ns) -> None:
        self._stream, self._clock = stream, clock

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        started = self._clock()
        decision = self._stream.push(pixels)
        total_ns = self._clock() - started
        if decision is None and not self._stream.full:
            return None
        decided = decision is not None
        return FrameTiming(total_ns / 1e6, self._stream.latency_ms, decided=decided)


@dataclass(frozen=True)
class SingleStreamResult:
    """samples: of each subject by its name.

    Of an interrupted run whole rounds are kept: half a round has nothing to be paired with.
    """

    samples: dict[str, FrameSamples] = field(default_factory=dict)
    complete: bool = True


def measure_single_stream(
    trials: Mapping[str, SubjectTimings], rounds: int, on_round: Callable[[], None] = lambda: None
) -> SingleStreamResult:
    """Warm all trials up, then measure them in turn, as often as `rounds` says."""
    with Interruptible() as run:
        alternate(list(trials.values()), rounds, on_round)
    with_rounds = {name: trial.rounds for name, trial in trials.items() if trial.rounds}
    samples = {name: frame_samples(timed) for name, timed in with_rounds.items()}
    return SingleStreamResult(samples, run.complete)


Sleep = Callable[[float], None]  # seconds


class Schedule:
    """Point 0 is now; to be late for one point shifts none of the others."""

    def __init__(
        self, rate_hz: float, clock: Clock = time.perf_counter_ns, sleep: Sleep = time.sleep
    ) -> None:
        self._period_ns = 1e9 / rate_hz
        self._clock, self._sleep = clock, sleep
        self._start_ns = clock()

    def due_ns(self, number: int) -> int:
        """When a point is, on the clock."""
        return self._start_ns + round(number * self._period_ns)

    def wait(self, number: int) -> float:
        """Sleep until a point; by how many milliseconds it was missed."""
        due_ns = self.due_ns(number)
        while (left_ns := due_ns - self._clock()) > 0:
            self._sleep(left_ns / 1e9)
        return -left_ns / 1e6

    def newest(self) -> int:
        """The last point that has come."""
        return math.floor((self._clock() - self._start_ns) / self._period_ns)


class PacedCamera:
    """What `edge.sources.live.LiveSource` reads in its thread, in a capture process's place.

    `read` waits until the next picture is due (the first is at once) and hands it out
    without a copy; after `count` pictures it ends. It decodes nothing, so that a real
    camera leaves less of the processor to the network.

    lateness_ms: of each delivered picture, by how much this generator missed its time.
    """

    def __init__(
        self,
        frames: Sequence[np.ndarray],
        rate_hz: float,
        count: int,
        clock: Clock = time.perf_counter_ns,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._frames, self.rate_hz, self.count = frames, rate_hz, count
        self._clock, self._sleep = clock, sleep
        self._schedule: Schedule | None = None
        self.lateness_ms: list[float] = []

    @property
    def schedule(self) -> Schedule:
        """When each picture is due; it begins with the first `read`."""
        if self._schedule is None:
            self._schedule = Schedule(self.rate_hz, self._clock, self._sleep)
        return self._schedule

    def read(self, timeout_s: float) -> np.ndarray | None:
        number = len(self.lateness_ms)
        if number == self.count:
            return None
        self.lateness_ms.append(self.schedule.wait(number))
        return self._frames[number % len(self._frames)]

    def close(self) -> None:
        """Nothing to let go of."""


def measure_camera(
    stream: Stream,
    frames: Sequence[np.ndarray],
    plan: Plan,
    rate_hz: float,
    *,
    deadline_ms: float | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> camera.CameraResult:
    """Run edge-run's loop on a live source, at `rate_hz` frames a second.

    Frames: `plan.frames`, or as many as come in `plan.seconds`.  deadline_ms: one
    period unless given.  stream: with a hop of 1.
    """
    count = max(plan.frames, math.ceil(plan.seconds * rate_hz)) + 1
    paced = PacedCamera(frames, rate_hz, count)
    log = LiveLog(paced)
    with base.Interruptible() as running:
        SubjectTimings(BareStream(stream), frames, plan).warm_up()
        source = LiveSource("paced camera", lambda: paced, can_end=True)
        log.watch(stream, source, on_frame)
    return log.figures(deadline_ms or 1e3 / rate_hz, running.complete)


class LiveLog:
    """A sink that notes when each decision was made on a frame of a paced camera."""

    def __init__(self, paced: PacedCamera, clock: Clock = time.perf_counter_ns) -> None:
        self._paced, self._clock = paced, clock
        self._newest = -1
        self._age_ms: list[float] = []
        self._decided_ms: list[float] = []
        self._stages_ms: dict[str, list[float]] = {}
        self._frames = self._dropped = 0

    def watch(
        self, stream: Stream, source: sources.Source, on_frame: Callable[[], None] = lambda: None
    ) -> None:
        """Run until the camera's last frame came through `source`, which is then closed."""

        def until_last(_: summary.RunSummary) -> None:
            on_frame()
            if self._newest == self._paced.count - 1:
                raise sinks.RunEnded

        with closing(source):
            counts = summary.SourceSummary(source)
            figures = summary.RunSummary("", [counts], "")
            loop.run([loop.Feed(counts, stream, [self])], figures, on_frame=until_last)

    def take(self, frame: Frame, decisions: Sequence[Decision]) -> None:
        now_ns = self._clock()
        self._frames += 1
        self._dropped += frame.number - self._newest - 1
        self._newest = frame.number
        if not decisions or frame.number == 0:  # it waited while the source was opened
            return
        schedule = self._paced.schedule
        self._age_ms.append((now_ns - schedule.due_ns(frame.number)) / 1e6)
        self._decided_ms.append((now_ns - schedule.due_ns(0)) / 1e6)
        for stage, ms in decisions[0].latency_ms.items():
            self._stages_ms.setdefault(stage, []).append(ms)

    def close(self) -> None:
        """Nothing to finish."""

    def figures(self, deadline_ms: float, complete: bool) -> camera.CameraResult:
        """What was noted so far."""
        return camera.CameraResult(
            self._paced.rate_hz,
            deadline_ms,
            tuple(self._age_ms),
            tuple(map(sum, zip(*self._stages_ms.values()))),
            {stage: tuple(ms) for stage, ms in self._stages_ms.items()},
            tuple(self._decided_ms),
            self._frames,
            self._dropped,
            tuple(self._paced.lateness_ms),
            complete,
        )
