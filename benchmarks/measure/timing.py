"""Timing frames: a clock that is fine enough, probes around engines, rounds that alternate."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from edge.bundle import TensorSpec
from edge_benchmarks.statistics.samples import ENOUGH

_READS = 10_000


@dataclass(frozen=True)
class TimerCheck:
    """resolution_ns: the smallest step that was seen; inf if it never moved.
    cost_ns: of one reading, mean."""

    resolution_ns: float
    cost_ns: float

    def share_of(self, measured_ms: float) -> float:
        """How much of a measured time is the clock's own step or cost, the larger."""
        return max(self.resolution_ns, self.cost_ns) / (measured_ms * 1e6)

    def too_coarse_for(self, measured_ms: float) -> bool:
        return self.share_of(measured_ms) * ENOUGH > 1


def check_timer(clock: Callable[[], int] = time.perf_counter_ns, reads: int = _READS) -> TimerCheck:
    """Read a clock of nanoseconds `reads` times on end, at least twice."""
    readings = [clock() for _ in range(reads)]
    steps = [after - before for before, after in itertools.pairwise(readings) if after > before]
    return TimerCheck(min(steps, default=math.inf), (readings[-1] - readings[0]) / (reads - 1))


Clock = Callable[[], int]  # nanoseconds, monotonic

SETTLE_FRAMES = 2  # at the start of each round the caches are another subject's


@dataclass(frozen=True)
class FrameTiming:
    """What one frame took, milliseconds.

    total_ms: from pixels to decision.  invokes_ms: the runtime alone, by part.
    invocations: how often each part was invoked for this frame.
    cpu_ms: processor time of all threads, which waiting for a core does not lengthen.
    decided: whether the frame led to a decision; with a hop not every one does.
    """

    total_ms: float
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    invokes_ms: Mapping[str, float] = field(default_factory=dict)
    invocations: Mapping[str, int] = field(default_factory=dict)
    cpu_ms: float = 0.0
    decided: bool = True

    @property
    def overhead_ms(self) -> float:
        """What is spent around the runtime."""
        return self.total_ms - sum(self.invokes_ms.values())


def series(
    timings: Sequence[FrameTiming], of: Callable[[FrameTiming], Mapping[str, float]]
) -> dict[str, tuple[float, ...]]:
    """What `of` gives by its names, each over the frames in which it ran."""
    names = dict.fromkeys(itertools.chain.from_iterable(map(of, timings)))
    return {name: tuple(of(t)[name] for t in timings if name in of(t)) for name in names}


class Subject(Protocol):
    """Something that takes frame after frame and can be timed."""

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        """Take one frame (uint8 BGR); None before the first decision."""


class Invokable(Protocol):
    """The part of `edge.engine.engine.Engine` that a probe needs."""

    invocations: int

    def invoke(self) -> None: ...


class EngineProbe:
    """Times each `invoke` of an engine from outside, and reads its own count of them."""

    def __init__(self, engine: Invokable, clock: Clock = time.perf_counter_ns) -> None:
        self._engine, self._clock, self._invoke = engine, clock, engine.invoke
        engine.invoke = self._timed  # type: ignore[method-assign]
        self.reset()

    def reset(self) -> None:
        """Start a new frame."""
        self._spent_ns, self._before = 0, self._engine.invocations

    @property
    def spent_ms(self) -> float:
        return self._spent_ns / 1e6

    @property
    def invocations(self) -> int:
        return self._engine.invocations - self._before

    def _timed(self) -> None:
        started = self._clock()
        self._invoke()
        self._spent_ns += self._clock() - started


def invokes_ms(engine: Invokable, runs: int, warmup: int) -> list[float]:
    """Milliseconds of each of `runs` invocations on what stands in the inputs."""
    probe, durations_ms = EngineProbe(engine), []
    for _ in range(warmup + runs):
        probe.reset()
        engine.invoke()
        durations_ms.append(probe.spent_ms)
    return durations_ms[warmup:]


@dataclass(frozen=True)
class Plan:
    """How long to measure a subject: until both minima are met, spread over the rounds.

    warmup: frames before any measuring, after the window is full.
    """

    frames: int = 300
    seconds: float = 3.0
    rounds: int = 10
    warmup: int = 30

    @property
    def block_frames(self) -> int:
        return math.ceil(self.frames / self.rounds)

    @property
    def block_ns(self) -> float:
        return self.seconds * 1e9 / self.rounds


class SubjectTimings:
    """One subject under measurement; `rounds` holds the timings of each round."""

    def __init__(
        self,
        subject: Subject,
        frames: Sequence[np.ndarray],
        plan: Plan,
        clock: Clock = time.perf_counter_ns,
        cpu_clock: Clock = time.process_time_ns,
    ) -> None:
        self._subject, self._plan = subject, plan
        self._clock, self._cpu_clock = clock, cpu_clock
        self._frames: Iterator[np.ndarray] = itertools.cycle(frames)
        self.rounds: list[list[FrameTiming]] = []

    @property
    def timings(self) -> list[FrameTiming]:
        """Of all rounds."""
        return list(itertools.chain.from_iterable(self.rounds))

    def warm_up(self) -> None:
        """Fill the window, then run the frames that the plan asks for; nothing is kept."""
        while self._step() is None:
            pass
        for _ in range(self._plan.warmup):
            self._step()

    def measure_round(self) -> None:
        """Measure until this round's share of both minima is met."""
        for _ in range(SETTLE_FRAMES):
            self._step()
        timings: list[FrameTiming] = []
        started = self._clock()
        while (
            len(timings) < self._plan.block_frames or self._clock() - started < self._plan.block_ns
        ):
            timing = self._step()
            assert timing is not None  # the window is full
            timings.append(timing)
        self.rounds.append(timings)

    def _step(self) -> FrameTiming | None:
        pixels, started = next(self._frames), self._cpu_clock()
        timing = self._subject.step(pixels)
        cpu_ms = (self._cpu_clock() - started) / 1e6
        return None if timing is None else replace(timing, cpu_ms=cpu_ms)


def alternate(
    trials: Sequence[SubjectTimings], rounds: int, on_round: Callable[[], None] = lambda: None
) -> None:
    """Warm all trials up, then measure them alternately (A B C, A B C, ...): noise hits all of them."""
    for trial in trials:
        trial.warm_up()
    for _ in range(rounds):
        for trial in trials:
            trial.measure_round()
        on_round()


_SEED = 1


class HasInputs(Protocol):
    """The part of `edge.engine.engine.Engine` that is filled."""

    @property
    def inputs(self) -> Sequence[TensorSpec]: ...

    def input(self, index: int = 0) -> np.ndarray: ...


def fill_randomly(engine: HasInputs) -> list[np.ndarray]:
    """Write noise into an engine's inputs: any integer, or 0 to 1; what was written.

    Counters and indices (few large integers) stay 0: not every value is one.
    """
    rng = np.random.default_rng(_SEED)
    arrays = []
    for index, tensor in enumerate(engine.inputs):
        kind = np.dtype(tensor.dtype)
        noise: np.ndarray
        if kind.kind in "iu" and kind.itemsize > 2 and len(tensor.shape) < 3:
            noise = np.zeros(tensor.shape)
        elif np.issubdtype(kind, np.integer):
            noise = rng.integers(-128 if kind.kind == "i" else 0, 128, tensor.shape)
        else:
            noise = rng.random(tensor.shape, np.float32)
        engine.input(index)[...] = noise
        arrays.append(engine.input(index).copy())
    return arrays
