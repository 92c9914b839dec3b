"""What scenarios share: samples frame by frame, a stream timed as a whole, an end by Ctrl-C."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import TracebackType

import numpy as np

from edge.stream.stream import Stream
from edge_benchmarks.measure.timing import Clock, FrameTiming

Series = tuple[float, ...]


@dataclass(frozen=True)
class FrameSamples:
    """Milliseconds of each frame, in the order in which they were taken.

    total_ms: from pixels to decision.  cpu_ms: processor time of all threads.
    stages_ms, invokes_ms: by stage and by part, as long as `total_ms`.
    rounds: how many of the frames each round holds.
    """

    total_ms: Series
    cpu_ms: Series = ()
    stages_ms: dict[str, Series] = field(default_factory=dict)
    invokes_ms: dict[str, Series] = field(default_factory=dict)
    rounds: tuple[int, ...] = ()


def frame_samples(rounds: Sequence[Sequence[FrameTiming]]) -> FrameSamples:
    """The series of at least one timed frame."""
    timings = list(chain.from_iterable(rounds))
    return FrameSamples(
        tuple(t.total_ms for t in timings),
        tuple(t.cpu_ms for t in timings),
        _by_name(timings, lambda t: t.stages_ms),
        _by_name(timings, lambda t: t.invokes_ms),
        tuple(map(len, rounds)),
    )


def _by_name(
    timings: Sequence[FrameTiming], of: Callable[[FrameTiming], Mapping[str, float]]
) -> dict[str, Series]:
    return {name: tuple(of(t)[name] for t in timings) for name in of(timings[0])}


class BareStream:
    """A subject without probes: one `push` a frame, between two readings of the clock."""

    def __init__(self, stream: Stream, clock: Clock = time.perf_counter_ns) -> None:
        self._stream, self._clock = stream, clock

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        started = self._clock()
        decision = self._stream.push(pixels)
        total_ns = self._clock() - started
        return None if decision is None else FrameTiming(total_ns / 1e6, decision.latency_ms)


class Interruptible:
    """A block that KeyboardInterrupt ends quietly; other exceptions go on.

    complete: whether the block was left at its end.
    """

    complete = False

    def __enter__(self) -> "Interruptible":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.complete = kind is None
        return isinstance(error, KeyboardInterrupt)
