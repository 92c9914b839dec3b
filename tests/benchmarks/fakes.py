"""A clock that moves only when told, and things to time that tell it so."""

import numpy as np

from edge_benchmarks.measure.timing import FrameTiming


class FakeClock:
    """Nanoseconds that stand still."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def pass_ms(self, ms: float) -> None:
        self.now_ns += round(ms * 1e6)


class FakeEngine:
    """An engine that takes `ms` an invocation."""

    def __init__(self, clock: FakeClock, ms: float) -> None:
        self.invocations, self._clock, self._ms = 0, clock, ms

    def invoke(self) -> None:
        self._clock.pass_ms(self._ms)
        self.invocations += 1


class FakeSubject:
    """Takes the given milliseconds for one frame after the other, then the last for ever."""

    def __init__(
        self, clock: FakeClock, ms: list[float], window: int = 1, log=None, name=""
    ) -> None:
        self._clock, self._ms, self._window = clock, list(ms), window
        self.frames: list[int] = []
        self._log, self._name = log if log is not None else [], name

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        self.frames.append(int(pixels))
        self._log.append(self._name)
        took = self._ms.pop(0) if len(self._ms) > 1 else self._ms[0]
        self._clock.pass_ms(took)
        return FrameTiming(took) if len(self.frames) >= self._window else None


def numbered(count: int) -> list[np.ndarray]:
    """Frames of one pixel that hold their number."""
    return [np.array(number) for number in range(count)]
