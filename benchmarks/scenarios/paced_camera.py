"""A camera that delivers frames from memory, on time."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from edge_benchmarks.measure.timing import Clock

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


class PacedCamera:
    """What `edge.sources.live.LiveSource` reads in its thread, in a `cv2.VideoCapture`'s place.

    `read` waits until the next picture is due (the first is at once) and hands it out
    without a copy; after `count` pictures it fails. It decodes nothing, so that a real
    camera leaves less of the processor to the network.

    lateness_ms: of each delivered picture, by how much this generator missed its time.
    """

    def __init__(
        self,
        frames: Sequence[np.ndarray],
        rate_hz: float,
        count: int,
        clock: Clock = time.perf_counter_ns,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._frames, self.rate_hz, self.count = frames, rate_hz, count
        self._clock, self._sleep = clock, sleep
        self._schedule: Schedule | None = None
        self.lateness_ms: list[float] = []

    @property
    def schedule(self) -> Schedule:
        """When each picture is due; it begins with the first `read`."""
        if self._schedule is None:
            self._schedule = Schedule(self.rate_hz, self._clock, self._sleep)
        return self._schedule

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        number = len(self.lateness_ms)
        if number == self.count:
            return False, None
        self.lateness_ms.append(self.schedule.wait(number))
        return True, self._frames[number % len(self._frames)]

    def get(self, prop: int) -> float:
        """The frame rate, the one property that is asked for."""
        return self.rate_hz

    def release(self) -> None:
        """Nothing to let go of."""
