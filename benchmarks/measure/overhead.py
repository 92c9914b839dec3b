"""What measuring costs: a network that does nothing, in the harness and in a bare loop."""

import time
from dataclasses import dataclass
from typing import cast

import numpy as np

from edge.stream import Decision, Frame, Stream
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.measure.timing import SETTLE_FRAMES, Clock, Plan, Trial

LIMIT_US = 20.0
_FRAMES, _REPEATS = 200, 25  # short enough to be left alone in one of them
_DECISION = Decision(0, 0.0, 0.0, {"preprocess": 0.0, "encoder": 0.0, "head": 0.0}, {})


@dataclass(frozen=True)
class Overhead:
    """Microseconds a frame.

    reported_us: by how much the reported time of a frame is too long.
    elapsed_us: by how much a measured frame takes longer than an unmeasured one, which
    also counts what is kept of it.
    """

    reported_us: float
    elapsed_us: float

    @property
    def within_limit(self) -> bool:
        return max(self.reported_us, self.elapsed_us) <= LIMIT_US

    def __str__(self) -> str:
        verdict = "within" if self.within_limit else "above"
        return (
            f"measuring adds {self.reported_us:.1f} us to a frame's reported time and "
            f"{self.elapsed_us:.1f} us to its real one, {verdict} the limit of {LIMIT_US:.0f} us"
        )


def measure_overhead(
    frames: int = _FRAMES, repeats: int = _REPEATS, clock: Clock = time.perf_counter_ns
) -> Overhead:
    """Push frames through a stream of no work with probes and without, alternating.

    Of each, the shortest repeat counts: other programs can only add to it.
    """
    picture = np.zeros((1, 1, 3), np.uint8)
    rows = [
        (*_bare(picture, frames, clock), *_measured(picture, frames, clock)) for _ in range(repeats)
    ]
    push_ns, loop_ns, total_ns, trial_ns = np.min(rows, axis=0)
    return Overhead(float(total_ns - push_ns) / 1e3, float(trial_ns - loop_ns) / 1e3)


class _IdleEngine:
    invocations = 0

    def invoke(self) -> None:
        self.invocations += 1


class _IdleNetwork:
    def __init__(self) -> None:
        self.encoder, self.head = _IdleEngine(), _IdleEngine()
        self.engines = {"encoder": self.encoder, "head": self.head}


class _IdleStream:
    """What `StreamSubject` needs of a Stream."""

    latency_ms = _DECISION.latency_ms

    def __init__(self) -> None:
        self.network = _IdleNetwork()

    def push(self, frame: Frame) -> Decision:
        self.network.encoder.invoke()
        self.network.head.invoke()
        return _DECISION


def _bare(picture: np.ndarray, frames: int, clock: Clock) -> tuple[float, float]:
    """Nanoseconds of a push, and of a frame in a loop that makes it and pushes it."""
    stream, frame = _IdleStream(), Frame(picture, 0)
    started = clock()
    for _ in range(frames):
        stream.push(frame)
    pushed = clock()
    for number in range(frames):
        stream.push(Frame(picture, number))
    return (pushed - started) / frames, (clock() - pushed) / frames


def _measured(picture: np.ndarray, frames: int, clock: Clock) -> tuple[float, float]:
    """Nanoseconds that are reported of a frame, mean, and those that it took in all."""
    plan = Plan(frames, seconds=0.0, rounds=1)
    stream = cast(Stream, _IdleStream())
    trial = Trial(StreamSubject(stream, clock), [picture], plan, clock)
    started = clock()
    trial.measure_round()
    elapsed_ns = clock() - started
    total_ms = sum(timing.total_ms for timing in trial.timings)
    return total_ms * 1e6 / frames, elapsed_ns / (frames + SETTLE_FRAMES)
