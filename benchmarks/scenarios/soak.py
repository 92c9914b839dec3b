"""soak: the same network for minutes or days; what heat, leaks and rare errors do to it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
import psutil

from benchmarks.scenarios.growth import Growth, growth
from benchmarks.scenarios.interruptible import Interruptible
from benchmarks.scenarios.schedule import Sleep
from benchmarks.scenarios.soak_loop import SoakInterval, SoakLine, SoakLoop, SoakPlan
from benchmarks.timing import Clock, Plan, Subject, Trial
from devices.telemetry import Sample


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

    telemetry: `devices.telemetry.TimeLine.take`, for instance; it is called between frames.
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
