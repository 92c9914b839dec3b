"""When a live source's frames arrive, and when they were captured."""

import math
from collections import deque
from collections.abc import Collection

_COUNTED = 30  # arrivals
_BURST_S, _RATE_S, _LEAST_S = 1.0, 5.0, 1.0  # at first; that a rate is of; that it needs
_TIME_GAIN, _STEP_GAIN = 0.02, 0.0001  # of an alpha-beta filter with hardly any overshoot
_MOST_ASTRAY_S = 1.0
# of a step: what was waiting at the start came faster, a camera in the dark is slower
_MOST_OFF = 0.3


class Arrivals:
    """The arrivals of frames, monotonic seconds; intervals across gaps are left out.

    newest: when the latest arrived.
    rate_hz: frames a second in the newest five; 0 until a second is measured. The first second is
    left out, as what was waiting comes in a burst.
    time_s: when that was captured, as nearly as it can be known: networks deliver in bursts, while
    cameras capture at even steps. None until their rate is known; what is announced often is wrong.
    """

    def __init__(self) -> None:
        self.newest = self.rate_hz = 0.0
        self._steady_at, self._newest_s = 0.0, deque[float]()
        self.time_s: float | None = None
        self._step_s = 0.0
        self._intervals_s: deque[float] = deque(maxlen=_COUNTED)

    def add(self, now: float, restart: bool) -> None:
        """One more arrival.  restart: it is the first, or the first behind a gap."""
        if not restart:
            self._intervals_s.append(now - self.newest)
        self.newest = now
        self._measure_rate(now, restart)
        error_s = math.inf if self.time_s is None or restart else now - self.time_s - self._step_s
        off = abs(self.interval_s - self._step_s)
        if (
            self.time_s is not None
            and abs(error_s) < _MOST_ASTRAY_S
            and off <= _MOST_OFF * self._step_s
        ):
            self.time_s += self._step_s + _TIME_GAIN * error_s
            self._step_s += _STEP_GAIN * error_s
        else:
            self._step_s = self.interval_s
            self.time_s = now if self.settled else None

    def _measure_rate(self, now: float, restart: bool) -> None:
        times_s = self._newest_s
        if restart:
            self._steady_at = now + _BURST_S
            times_s.clear()
        if now < self._steady_at:
            return
        times_s.append(now)
        while len(times_s) > 2 and now - times_s[0] > _RATE_S:
            times_s.popleft()
        if (span_s := now - times_s[0]) >= _LEAST_S:
            self.rate_hz = (len(times_s) - 1) / span_s

    @property
    def settled(self) -> bool:
        """Whether there were enough to know their rate."""
        return len(self._intervals_s) >= _COUNTED // 2

    @property
    def interval_s(self) -> float:
        """Their mean, as frames may come in bursts; 0 if there are none."""
        return mean(self._intervals_s)


def mean(values: Collection[float]) -> float:
    """0 of none; `statistics` stays out, which a file of the user's may hide."""
    return sum(values) / max(len(values), 1)
