"""The time of day at which a frame was captured."""

import time
from collections.abc import Callable
from datetime import datetime, timezone

_STEP_S = 0.05  # by which the wall clock jumps, and does not only drift


class WallClock:
    """Turns seconds of `time.monotonic` into the time of day.

    The two clocks are compared once, and again when the wall clock was set: times of one run
    do not tremble, and those behind a step are right.
    wall, monotonic: seconds since 1970 in UTC, and seconds that never step.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._offset_s = wall() - monotonic()

    def epoch_s(self, monotonic_s: float) -> float:
        """Seconds since 1970, UTC."""
        offset_s = self._wall() - self._monotonic()
        if abs(offset_s - self._offset_s) > _STEP_S:
            self._offset_s = offset_s
        return monotonic_s + self._offset_s

    def text(self, monotonic_s: float) -> str:
        """RFC 3339, UTC, to the millisecond."""
        return rfc3339(self.epoch_s(monotonic_s))

    def local(self, monotonic_s: float) -> datetime:
        """The time that a clock on the wall shows there."""
        return datetime.fromtimestamp(self.epoch_s(monotonic_s))


def now_text() -> str:
    """What the wall clock says now: RFC 3339, UTC."""
    return rfc3339(time.time())


def rfc3339(epoch_s: float) -> str:
    """UTC, to the millisecond."""
    return datetime.fromtimestamp(epoch_s, timezone.utc).isoformat(timespec="milliseconds")


WALL_CLOCK = WallClock()
