"""Points in time at an even rate, all counted from the first."""

import math
import time
from collections.abc import Callable

from benchmarks.timing import Clock

Sleep = Callable[[float], None]  # seconds


class Schedule:
    """Point 0 is now; to be late for one point shifts none of the others."""

    def __init__(
        self, rate_hz: float, clock: Clock = time.perf_counter_ns, sleep: Sleep = time.sleep
    ) -> None:
        self._period_ns = 1e9 / rate_hz
        self._clock, self._sleep = clock, sleep
        self._start_ns = clock()

    def due_ns(self, number: int) -> int:
        """When a point is, on the clock."""
        return self._start_ns + round(number * self._period_ns)

    def wait(self, number: int) -> float:
        """Sleep until a point; by how many milliseconds it was missed."""
        due_ns = self.due_ns(number)
        while (left_ns := due_ns - self._clock()) > 0:
            self._sleep(left_ns / 1e9)
        return -left_ns / 1e6

    def newest(self) -> int:
        """The last point that has come."""
        return math.floor((self._clock() - self._start_ns) / self._period_ns)
