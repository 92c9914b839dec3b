"""Frame after frame for as long as a soak lasts: a line an interval, and whether memory grows."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
import psutil

from edge_benchmarks.measure.timing import Clock, Plan, Subject, SubjectTimings
from edge_benchmarks.scenarios import base, timed_stream
from edge_benchmarks.statistics import Summary, samples, summarise
from edge_common import EngineError, statistics
from edge_devices.telemetry import Sample

ERRORS_ON_END = 10  # as many, one after the other, end a soak
LEAK, NO_LEAK, UNCLEAR = "leak", "no leak", "unclear"
LEAK_KB_PER_H = 1000.0  # 24 MB a day
SETTLING_SHARE = 0.1  # of the time, at the start, in which pools and caches fill
# a process's resident pages are counted in batches, and the allocator takes them in arenas
RESOLUTION_KB = 512.0
_MOST_POINTS = 500
_LEAST_POINTS = 10


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
    latency_ms: None if no frame was decided on.  rss_bytes, telemetry: at its end.
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
        self._telemetry, self._rss_bytes, self._on_interval = telemetry, rss_bytes, on_interval
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
        self._on_interval(interval)


class SoakLoop:
    """Frame after frame, at the plan's rate."""

    def __init__(
        self,
        subject: Subject,
        frames: Iterator[np.ndarray],
        plan: SoakPlan,
        line: SoakLine,
        clock: Clock,
        sleep: timed_stream.Sleep,
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
        schedule = timed_stream.Schedule(self._plan.rate_hz, self._clock, self._sleep)
        next_number = 0
        while True:
            number = max(next_number, schedule.newest())
            schedule.wait(number)
            yield number - next_number
            next_number = number + 1

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
class Growth:
    """Of a process's resident memory, kB (1000 bytes) an hour, with its 95 % interval.

    verdict: `leak`, `no leak`, or `unclear`: soak for longer.
    """

    kb_per_h: float | None = None
    interval: tuple[float, float] | None = None
    verdict: str = UNCLEAR


def growth(
    at_s: Sequence[float], rss_bytes: Sequence[int], leak_kb_per_h: float = LEAK_KB_PER_H
) -> Growth:
    """Judge the memory of a process at increasing times.

    A leak is growth of which the whole interval lies above the limit, that has added up
    to more than the resolution of the figure, and that goes on in the second half: a pool
    that is filled once is none. No leak is an interval below the limit, over a time in
    which a leak would have shown.
    """
    hours, kilobytes = _settled(at_s, rss_bytes)
    if len(hours) < _LEAST_POINTS:
        return Growth()
    slope, (low, high) = sen_slope(hours, kilobytes)
    half = len(hours) // 2
    recent, _ = sen_slope(hours[half:], kilobytes[half:])
    span_h = float(hours[-1] - hours[0])
    verdict = UNCLEAR
    if min(low, recent) > leak_kb_per_h and low * span_h > RESOLUTION_KB:
        verdict = LEAK
    elif high < leak_kb_per_h and leak_kb_per_h * span_h > RESOLUTION_KB:
        verdict = NO_LEAK
    return Growth(slope, (low, high), verdict)


def sen_slope(x: np.ndarray, y: np.ndarray) -> tuple[float, tuple[float, float]]:
    """The median of all pairwise slopes and its 95 % interval (P. K. Sen, 1968, section 6).

    x: increasing, at least two. Units: those of y over those of x.
    """
    slopes = np.sort(samples.pairwise_slopes(x, y))
    n, pairs = len(x), len(slopes)
    reach = statistics.Z_95 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = round((pairs - reach) / 2), round((pairs + reach) / 2)
    bounds = float(slopes[max(low - 1, 0)]), float(slopes[min(high, pairs - 1)])
    return float(np.median(slopes)), bounds


def _settled(at_s: Sequence[float], rss_bytes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Hours and kB without the start, at most so many points."""
    hours, kilobytes = np.asarray(at_s, float) / 3600, np.asarray(rss_bytes, float) / 1e3
    first = int(len(hours) * SETTLING_SHARE)
    step = max(math.ceil((len(hours) - first) / _MOST_POINTS), 1)
    return hours[first::step], kilobytes[first::step]


@dataclass(frozen=True)
class SoakResult:
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


def measure_soak(
    subject: Subject,
    frames: Sequence[np.ndarray],
    plan: SoakPlan,
    *,
    telemetry: Callable[[], Sample | None] = lambda: None,
    rss_bytes: Callable[[], int] = resident_bytes,
    on_interval: Callable[[SoakInterval], None] = lambda interval: None,
    clock: Clock = time.perf_counter_ns,
    sleep: timed_stream.Sleep = time.sleep,
) -> SoakResult:
    """Run for `plan.seconds`; memory that is needed for it does not grow with the frames.

    telemetry: `edge_devices.telemetry.TimeLine.take`, for instance; it is called between frames.
    on_interval: is given each interval as soon as it is over, to be written where it
    outlives a power cut.
    """
    line = SoakLine(telemetry, rss_bytes, on_interval)
    loop = SoakLoop(subject, cycle(frames), plan, line, clock, sleep)
    with base.Interruptible() as run:
        SubjectTimings(subject, frames, Plan(warmup=plan.warmup)).warm_up()
        loop.run()
    intervals = tuple(line.intervals)
    memory = growth([i.until_s for i in intervals], [i.rss_bytes for i in intervals])
    return SoakResult(intervals, memory, loop.last_error, run.complete and not loop.gave_up)
