"""How the milliseconds of a frame are shared: so much for the detector, the rest for encoder calls."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DETECTOR, ENCODER = "detector", "encoder"
_COUNTED = 31  # newest passes that a cost is measured over
_ROUNDING = 0.99  # clocks are not exact
_LEAST_MS = 1e-6  # far less than any pass costs, and still to be divided by
_LARGEST_SHARE = 0.5  # of the budget that the detector gets if there are too many people


class Budget:
    """What may still be done in a frame, by what passes cost when they were measured last.

    frame_ms: milliseconds a frame, which may change; infinite: whatever it takes.
    detect_every: frames between two detector passes; None: as the budget allows.
    clock: seconds.  costs_ms: the median of the newest passes; 0 before the first one.
    A pass cannot be cut: a detector that costs more than a frame has is paid by the frames after
    it, and what is too little for one more encoder call is saved for the next frame. More is not:
    what nobody needed gives no longer frames.
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

    @property
    def frame_ms(self) -> float:
        return self._frame_ms

    @frame_ms.setter
    def frame_ms(self, milliseconds: float) -> None:
        self._frame_ms = max(milliseconds, _LEAST_MS)

    def begin_frame(self, passed: int = 1) -> None:
        """Another frame; `passed`: since the last one, those that were dropped included."""
        saved_ms = min(self._left_ms, self.costs_ms[ENCODER])
        earned_ms = max(passed, 1) * self.frame_ms
        self._left_ms = min(saved_ms + earned_ms, max(saved_ms, 0.0) + self.frame_ms)

    @property
    def allows_call(self) -> bool:
        """Whether this frame has room for one more encoder call. Of an unknown cost one is tried."""
        return self._left_ms > 0 and self._left_ms >= _ROUNDING * self.costs_ms[ENCODER]

    @contextmanager
    def spend(self, what: str, is_saved: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """The block is one pass of the detector or the encoder.

        is_saved: whether it was none in the end, and so says nothing of what the next one costs.
        """
        started = self._clock()
        yield
        cost_ms, newest_ms = (self._clock() - started) * 1e3, self._newest_ms[what]
        self._left_ms -= cost_ms
        if not is_saved():
            newest_ms.append(cost_ms)
            self.costs_ms[what] = sorted(newest_ms)[len(newest_ms) // 2]  # their median

    def frames_per_detection(self, people: int, most: float = math.inf) -> int:
        """Frames from one detector pass to the next, as many people are looked at.

        The detector has its turn when each of them had one: with more people, all run less often.
        most: frames without a pass, unless it would take more than half of the budget.
        """
        if self._every is not None:
            return self._every
        detector_ms, encoder_ms = self.costs_ms[DETECTOR], self.costs_ms[ENCODER]
        turns = (detector_ms + people * encoder_ms) / self.frame_ms
        longest = max(most, detector_ms / (_LARGEST_SHARE * self.frame_ms))
        return max(1, math.ceil(_ROUNDING * min(turns, longest)))
