"""A part that takes as long as it would elsewhere."""

import time
from collections.abc import Callable

_LATE = 0.03  # of the target
_SPIN_S = 0.0003  # before the end: a sleep may come back so late


class Pacer:
    """Holds the end of each invocation back until its target.

    invocations, late: all, and those that ended more than 3 % after their target, because they took
    longer by themselves or found no core in time.
    """

    def __init__(
        self,
        target_ms: float,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.target_ms = target_ms
        self.invocations = self.late = 0
        self._clock, self._sleep = clock, sleep

    def start(self) -> float:
        """The time, in seconds, to be given to `finish`."""
        return self._clock()

    def finish(self, started: float) -> None:
        """Wait until the target has passed since `started`."""
        due = started + self.target_ms / 1e3
        left = due - self._clock()
        self.invocations += 1
        if left > _SPIN_S:
            self._sleep(left - _SPIN_S)
        while (now := self._clock()) < due:
            pass
        self.late += now - due > _LATE * self.target_ms / 1e3
