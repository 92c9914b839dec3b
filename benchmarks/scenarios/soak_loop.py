"""The loop of a soak: frames at a rate, counted and summed up an interval at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.scenarios.schedule import Schedule, Sleep
from benchmarks.statistics import Summary, summarise
from benchmarks.timing import Clock, Subject
from devices.telemetry import Sample
from edge.errors import EngineError

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
