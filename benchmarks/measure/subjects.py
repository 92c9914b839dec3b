"""The subjects that need nothing but a runtime: a stream, and its parts run again each frame."""

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge.check.evaluate import WindowRerun
from edge.emulated import Predicted
from edge.engine.delegation import Delegation
from edge.stream import Frame, Stream
from edge_benchmarks.measure.timing import Clock, EngineProbe, FrameTiming, Invokable


class _Probed:
    """Probes on named engines, read out once a frame."""

    def __init__(self, engines: Mapping[str, Invokable], clock: Clock) -> None:
        self._clock = clock
        self._probes = {role: EngineProbe(engine, clock) for role, engine in engines.items()}

    def _begin(self) -> int:
        for probe in self._probes.values():
            probe.reset()
        return self._clock()

    def _timing(self, total_ns: int, stages_ms: Mapping[str, float]) -> FrameTiming:
        return FrameTiming(
            total_ns / 1e6,
            stages_ms,
            {role: probe.spent_ms for role, probe in self._probes.items() if probe.invocations},
            {role: probe.invocations for role, probe in self._probes.items()},
        )


class StreamSubject(_Probed):
    """A Stream as edge-run drives it: one `push` a frame."""

    def __init__(self, stream: Stream, clock: Clock = time.perf_counter_ns) -> None:
        super().__init__(stream.network.engines, clock)
        self._stream, self._number = stream, 0

    @property
    def predicted(self) -> Predicted | None:
        """Whose latency the parts were held to, if a board is played."""
        return self._stream.network.predicted

    @property
    def delegation(self) -> Mapping[str, Delegation]:
        """Who computes the operators of each part, as it is by now."""
        return self._stream.network.delegation

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        frame = Frame(pixels, self._number)
        self._number += 1
        started = self._begin()
        decision = self._stream.push(frame)
        total_ns = self._clock() - started
        if decision is None and not self._stream.full:
            return None
        timing = self._timing(total_ns, self._stream.latency_ms)
        return timing if decision else replace(timing, decided=False)


class RerunSubject(_Probed):
    """The same two parts, the encoder run over the whole window for each frame."""

    def __init__(self, rerun: WindowRerun, clock: Clock = time.perf_counter_ns) -> None:
        engines = {"encoder": rerun.encoder, "head": rerun.head}
        super().__init__({role: engine for role, engine in engines.items() if engine}, clock)
        self._rerun = rerun

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        started = self._begin()
        outputs = self._rerun.push(pixels)
        total_ns = self._clock() - started
        return None if outputs is None else self._timing(total_ns, {})
