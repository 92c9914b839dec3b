"""soak: the same network for minutes or days; what heat, leaks and rare errors do to it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
import psutil

from edge_benchmarks.measure.timing import Clock, Plan, Subject, Trial
from edge_benchmarks.scenarios.growth import Growth, growth
from edge_benchmarks.scenarios.paced_camera import Schedule, Sleep
from edge_benchmarks.scenarios.samples import Interruptible
from edge_benchmarks.statistics import Summary, summarise
from edge_common.errors import EngineError
from edge_devices.telemetry import Sample

ERRORS_ON_END = 10  # as many, one after the other, end a soak


@dataclass(frozen=True)
class SoakPlan:
    """How long, and how often a line is written. rate_hz: frames a second; 0: flat out."""

    seconds: float
    interval_s: float = 10.0
    rate_hz: float = 0.0
    warmup: int = 30


@dataclass(frozen=True)
class SoakInterval:
    """What happened since the interval before.

    until_s: its end, since the soak began.  errors: frames that the engine failed on.
    missed: frames of the plan's rate that were overtaken by newer ones.
    latency_ms: None where no frame was decided on.  rss_bytes, telemetry: at its end.
    """

    until_s: float
    frames: int
    errors: int
    missed: int
    latency_ms: Summary | None
    rss_bytes: int
    telemetry: Sample | None = None


class SoakLine:
    """The intervals that are over, and the frames of the one that is not."""

    def __init__(
        self,
        telemetry: Callable[[], Sample | None],
        rss_bytes: Callable[[], int],
        on_interval: Callable[[SoakInterval], None],
    ) -> None:
        self._telemetry, self._rss_bytes, self._tell = telemetry, rss_bytes, on_interval
        self.intervals: list[SoakInterval] = []
        self._clear()

    def _clear(self) -> None:
        self.latencies_ms: list[float] = []
        self.errors = self.missed = 0

    def end(self, until_s: float) -> None:
        """Close the interval and begin the next; one in which nothing happened is left out."""
        if not (self.latencies_ms or self.errors or self.missed):
            return
        latency_ms = summarise(self.latencies_ms) if self.latencies_ms else None
        counts = len(self.latencies_ms) + self.errors, self.errors, self.missed
        interval = SoakInterval(until_s, *counts, latency_ms, self._rss_bytes(), self._telemetry())
        self.intervals.append(interval)
        self._clear()
        self._tell(interval)


class SoakLoop:
    """Frame after frame, at the plan's rate."""

    def __init__(
        self,
        subject: Subject,
        frames: Iterator[np.ndarray],
        plan: SoakPlan,
        line: SoakLine,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self._subject, self._frames, self._plan, self._line = subject, frames, plan, line
        self._clock, self._sleep = clock, sleep
        self._failed_on_end = 0
        self.last_error = ""

    @property
    def gave_up(self) -> bool:
        return self._failed_on_end >= ERRORS_ON_END

    def run(self) -> None:
        """Until the time is over, or the engine fails for good."""
        started_ns, interval_s = self._clock(), self._plan.interval_s
        ends_s = interval_s
        beats = self._beats()
        now_s = 0.0
        try:
            while now_s < self._plan.seconds and not self.gave_up:
                self._line.missed += next(beats)
                self._step()
                now_s = (self._clock() - started_ns) / 1e9
                if now_s >= ends_s:
                    self._line.end(now_s)
                    ends_s = (now_s // interval_s + 1) * interval_s
        finally:
            self._line.end((self._clock() - started_ns) / 1e9)

    def _beats(self) -> Iterator[int]:
        """Wait for the next frame; how many were overtaken by newer ones before it."""
        if not self._plan.rate_hz:
            while True:
                yield 0
        schedule = Schedule(self._plan.rate_hz, self._clock, self._sleep)
        wanted = 0
        while True:
            number = max(wanted, schedule.newest())
            schedule.wait(number)
            yield number - wanted
            wanted = number + 1

    def _step(self) -> None:
        try:
            timing = self._subject.step(next(self._frames))
        except EngineError as error:
            self.last_error = str(error)
            self._line.errors += 1
            self._failed_on_end += 1
            return
        self._failed_on_end = 0
        if timing is not None:
            self._line.latencies_ms.append(timing.total_ms)


@dataclass(frozen=True)
class Soak:
    """last_error: what the engine said last, if it failed.  complete: it lasted as planned."""

    intervals: tuple[SoakInterval, ...] = ()
    memory: Growth = field(default_factory=Growth)
    last_error: str = ""
    complete: bool = True

    @property
    def errors(self) -> int:
        return sum(interval.errors for interval in self.intervals)


def resident_bytes() -> int:
    """This process's resident memory now."""
    return psutil.Process().memory_info().rss


def soak(
    subject: Subject,
    frames: Sequence[np.ndarray],
    plan: SoakPlan,
    *,
    telemetry: Callable[[], Sample | None] = lambda: None,
    rss_bytes: Callable[[], int] = resident_bytes,
    on_interval: Callable[[SoakInterval], None] = lambda interval: None,
    clock: Clock = time.perf_counter_ns,
    sleep: Sleep = time.sleep,
) -> Soak:
    """Run for `plan.seconds`; memory that is needed for it does not grow with the frames.

    telemetry: `edge_devices.telemetry.TimeLine.take`, for instance; it is called between frames.
    on_interval: is given each interval as soon as it is over, to be written where it
    outlives a power cut.
    """
    line = SoakLine(telemetry, rss_bytes, on_interval)
    loop = SoakLoop(subject, cycle(frames), plan, line, clock, sleep)
    with Interruptible() as run:
        Trial(subject, frames, Plan(warmup=plan.warmup)).warm_up()
        loop.run()
    done = tuple(line.intervals)
    memory = growth([i.until_s for i in done], [i.rss_bytes for i in done])
    return Soak(done, memory, loop.last_error, run.complete and not loop.gave_up)
