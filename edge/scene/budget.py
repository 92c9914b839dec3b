"""How the milliseconds of a frame are shared: so much for the detector, the rest for encoder calls."""

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DETECTOR, ENCODER = "detector", "encoder"
_COUNTED = 31  # newest passes that a cost is measured over
_ROUNDING = 0.99
_LEAST_SHARE = 0.5  # of the budget that the detector may have, however many people there are


class Budget:
    """What may still be done in a frame, by what passes cost when they were measured last.

    frame_ms: milliseconds a frame; infinite: whatever it takes.
    detect_every: frames between two detector passes; None: as the budget allows.
    clock: seconds.  costs_ms: the median of the newest passes; 0 before the first one.
    A pass cannot be cut, so a detector that costs more than a frame has is paid by the frames
    after it, and a budget below one encoder call is saved up for one. Nothing else is saved: what
    one frame does not use gives the next no longer one.
    """

    def __init__(
        self,
        frame_ms: float,
        detect_every: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.frame_ms, self._every, self._clock = frame_ms, detect_every, clock
        self._left_ms = 0.0
        self.costs_ms = {DETECTOR: 0.0, ENCODER: 0.0}
        self._newest_ms = {what: deque[float](maxlen=_COUNTED) for what in self.costs_ms}

    def begin_frame(self, passed: int = 1) -> None:
        """Another frame; `passed`: since the last one, those that were dropped included."""
        most_ms = max(self.frame_ms, self.costs_ms[ENCODER])
        self._left_ms = min(self._left_ms + max(passed, 1) * self.frame_ms, most_ms)

    @property
    def allows_call(self) -> bool:
        """Whether this frame has room for one more encoder call. Of an unknown cost one is tried."""
        return self._left_ms > 0 and self._left_ms >= _ROUNDING * self.costs_ms[ENCODER]

    @contextmanager
    def spend(self, what: str) -> Iterator[None]:
        """The block is one pass of the detector or the encoder."""
        started = self._clock()
        yield
        cost_ms, newest_ms = (self._clock() - started) * 1e3, self._newest_ms[what]
        newest_ms.append(cost_ms)
        self.costs_ms[what] = statistics.median(newest_ms)
        self._left_ms -= cost_ms

    def frames_per_detection(self, people: int) -> int:
        """Frames from one detector pass to the next, as many people are looked at.

        It gets what their encoder calls leave, and at least half of the budget.
        """
        if self._every is not None:
            return self._every
        encoder_ms = people * self.costs_ms[ENCODER]
        detector_ms = max(self.frame_ms - encoder_ms, _LEAST_SHARE * self.frame_ms)
        return max(1, math.ceil(self.costs_ms[DETECTOR] / detector_ms))
