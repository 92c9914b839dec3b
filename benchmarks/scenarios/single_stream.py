"""single-stream: the next frame when the last is done."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from edge.stream import Stream
from edge_benchmarks.measure.timing import Clock, FrameTiming, Trial, alternate
from edge_benchmarks.scenarios.base import FrameSamples, Interruptible, Series


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
        self._stream, self._clock, self._filling = stream, clock, True

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        started = self._clock()
        decision = self._stream.push(pixels)
        total_ns = self._clock() - started
        self._filling = self._filling and decision is None
        if self._filling:
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
    trials: Mapping[str, Trial], rounds: int, on_round: Callable[[], None] = lambda: None
) -> SingleStreamResult:
    """Warm all trials up, then measure them in turn, as often as `rounds` says."""
    with Interruptible() as run:
        alternate(list(trials.values()), rounds, on_round)
    with_rounds = {name: trial.rounds for name, trial in trials.items() if trial.rounds}
    samples = {name: frame_samples(timed) for name, timed in with_rounds.items()}
    return SingleStreamResult(samples, run.complete)
