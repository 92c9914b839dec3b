"""offline: all frames are there at once; what counts is how many a second."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from edge_benchmarks.measure.timing import Clock, Plan, Subject, Trial
from edge_benchmarks.scenarios.samples import Interruptible


@dataclass(frozen=True)
class Batch:
    """Frames worked off without a pause. cpu_s: processor time of all threads."""

    frames: int
    wall_s: float
    cpu_s: float

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.wall_s


@dataclass(frozen=True)
class Offline:
    """Batches of equally many frames, whole ones only."""

    batches: tuple[Batch, ...] = ()
    complete: bool = True

    @property
    def frames_per_second(self) -> float | None:
        """Of all batches together; None where none was finished."""
        wall_s = sum(batch.wall_s for batch in self.batches)
        return sum(batch.frames for batch in self.batches) / wall_s if wall_s else None

    @property
    def busy_cores(self) -> float | None:
        """Processor time over wall time: how many cores were at work, on average."""
        wall_s = sum(batch.wall_s for batch in self.batches)
        return sum(batch.cpu_s for batch in self.batches) / wall_s if wall_s else None


def offline(
    subject: Subject,
    frames: Sequence[np.ndarray],
    plan: Plan,
    *,
    clock: Clock = time.perf_counter_ns,
    cpu_clock: Clock = time.process_time_ns,
    on_batch: Callable[[], None] = lambda: None,
) -> Offline:
    """Work off `plan.rounds` batches, and more until `plan.seconds` have passed."""
    batches: list[Batch] = []
    pictures = cycle(frames)

    def batch() -> Batch:
        queue = list(islice(pictures, plan.block_frames))
        started, cpu_started = clock(), cpu_clock()
        for pixels in queue:
            subject.step(pixels)
        cpu_ns, wall_ns = cpu_clock() - cpu_started, clock() - started
        return Batch(len(queue), wall_ns / 1e9, cpu_ns / 1e9)

    with Interruptible() as run:
        Trial(subject, frames, plan).warm_up()
        started = clock()
        while len(batches) < plan.rounds or clock() - started < plan.seconds * 1e9:
            batches.append(batch())
            on_batch()
    return Offline(tuple(batches), run.complete)
