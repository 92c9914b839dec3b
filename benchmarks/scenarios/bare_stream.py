"""A stream timed as a whole, for scenarios that measure more than one frame at a time."""

import time

import numpy as np

from benchmarks.timing import Clock, FrameTiming
from edge.stream import Stream


class BareStream:
    """A subject without probes: one `push` a frame, between two readings of the clock."""

    def __init__(self, stream: Stream, clock: Clock = time.perf_counter_ns) -> None:
        self._stream, self._clock = stream, clock

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        started = self._clock()
        decision = self._stream.push(pixels)
        total_ns = self._clock() - started
        return None if decision is None else FrameTiming(total_ns / 1e6, decision.latency_ms)
