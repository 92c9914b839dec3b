"""Which frames a network gets that was trained at a rate of its own."""

import math
from collections import deque

from edge.bundle import Manifest
from edge.stream.preprocess import Frame

_INTERVALS = 10  # that a source's rate is measured over: it may change
_HARDLY_FASTER = 1.1


class FrameSampler:
    """Takes the frames that are nearest to points 1/rate apart, by the time they were captured.

    A source that is slower, or hardly faster, passes whole: to leave out one frame of ten
    makes a motion jerk more than it evens its speed. So does one whose times nobody knows.
    rate_hz: frames a second that the network expects; 0: whatever comes.
    """

    def __init__(self, rate_hz: float = 0.0) -> None:
        self.rate_hz = rate_hz
        self._times_s: deque[float] = deque(maxlen=_INTERVALS + 1)
        self._due_s = 0.0

    @classmethod
    def of(cls, manifest: Manifest, rate_hz: float | None = None) -> "FrameSampler":
        """At another rate, or None: at what a network was trained at that looks at several frames."""
        looks_back = manifest.window > 1 or manifest.last_part.states
        trained_hz = manifest.frame_rate_hz if looks_back else 0.0
        return cls(trained_hz if rate_hz is None else rate_hz)

    def takes(self, frame: Frame) -> bool:
        """Whether the network gets this frame, the next of its source."""
        if not self.rate_hz or frame.time_s is None:
            return True
        # a clock that does not go on, or is NaN, is begun anew as behind a gap
        if frame.restart or not (self._times_s and frame.time_s > self._times_s[-1]):
            self._times_s.clear()
        self._times_s.append(frame.time_s)
        period_s, interval_s = 1 / self.rate_hz, self._interval_s
        if not interval_s * _HARDLY_FASTER < period_s:
            self._due_s = frame.time_s + period_s
            return True
        late_s = frame.time_s + interval_s / 2 - self._due_s
        if late_s < 0:  # the next frame is nearer
            return False
        self._due_s += period_s * (1 + math.floor(late_s / period_s))
        return True

    @property
    def _interval_s(self) -> float:
        """Between the newest frames; infinite for the first one."""
        intervals = len(self._times_s) - 1
        return (self._times_s[-1] - self._times_s[0]) / intervals if intervals else math.inf
