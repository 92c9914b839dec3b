"""multi-stream: N sources at once, each with a window of its own, in one process."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import numpy as np

from edge_benchmarks.measure.timing import Clock, Plan, Subject, Trial
from edge_benchmarks.scenarios.samples import Interruptible
from edge_benchmarks.statistics import summarise

Serve = Callable[[Sequence[np.ndarray]], None]  # one frame for each of the subjects


@dataclass(frozen=True)
class MultiStream:
    """A frame of every stream arrives at once, and the next ones when all are decided on.

    threads: 1 where the streams are served in turn, else one for each.
    slowest_ms: of each round, from the arrival to the last stream's decision.
    wall_s: of all rounds.
    """

    streams: int
    threads: int
    slowest_ms: tuple[float, ...] = ()
    wall_s: float = 0.0
    complete: bool = True

    @property
    def frames_per_second(self) -> float | None:
        """Of all streams together."""
        return self.streams * len(self.slowest_ms) / self.wall_s if self.wall_s else None

    @property
    def p99_ms(self) -> float | None:
        """Of the slowest stream."""
        return summarise(self.slowest_ms).p99 if self.slowest_ms else None

    def keeps(self, rate_hz: float) -> bool:
        """Whether 99 in 100 rounds are over before the next frames come."""
        return self.p99_ms is not None and self.p99_ms <= 1e3 / rate_hz


def multi_stream(
    subjects: Sequence[Subject],
    frames: Sequence[np.ndarray],
    plan: Plan,
    *,
    threaded: bool = False,
    clock: Clock = time.perf_counter_ns,
    on_round: Callable[[], None] = lambda: None,
) -> MultiStream:
    """Measure rounds until there are `plan.frames` of them and `plan.seconds` have passed."""
    slowest_ms: list[float] = []
    began_ns = ended_ns = 0
    with Interruptible() as run, _serving(subjects, threaded) as serve:
        for subject in subjects:
            Trial(subject, frames, plan).warm_up()
        began_ns = ended_ns = clock()
        for number in count():
            pictures = [frames[(number + i) % len(frames)] for i in range(len(subjects))]
            started_ns = clock()
            serve(pictures)
            ended_ns = clock()
            slowest_ms.append((ended_ns - started_ns) / 1e6)
            on_round()
            if len(slowest_ms) >= plan.frames and ended_ns - began_ns >= plan.seconds * 1e9:
                break
    threads = len(subjects) if threaded else 1
    wall_s = (ended_ns - began_ns) / 1e9
    return MultiStream(len(subjects), threads, tuple(slowest_ms), wall_s, run.complete)


@contextmanager
def _serving(subjects: Sequence[Subject], threaded: bool) -> Iterator[Serve]:
    """A function that is done when every subject has taken its frame."""
    if not threaded:
        yield lambda pictures: [s.step(p) for s, p in zip(subjects, pictures)]
        return
    with ThreadPoolExecutor(len(subjects), "stream") as pool:
        steps = [subject.step for subject in subjects]
        yield lambda pictures: list(pool.map(_call, steps, pictures))


def _call(step: Callable[[np.ndarray], object], pixels: np.ndarray) -> None:
    step(pixels)
