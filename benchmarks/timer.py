"""Whether a clock is fine enough for what it times."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

ENOUGH = 100  # times its step and its cost; below, one per cent of a figure is the clock
_READS = 10_000


@dataclass(frozen=True)
class TimerCheck:
    """resolution_ns: the smallest step that was seen; inf where it never moved.
    cost_ns: of one reading, mean."""

    resolution_ns: float
    cost_ns: float

    def share_of(self, measured_ms: float) -> float:
        """How much of a measured time is the clock's own step or cost, the larger."""
        return max(self.resolution_ns, self.cost_ns) / (measured_ms * 1e6)

    def too_coarse_for(self, measured_ms: float) -> bool:
        return self.share_of(measured_ms) * ENOUGH > 1


def check_timer(clock: Callable[[], int] = time.perf_counter_ns, reads: int = _READS) -> TimerCheck:
    """Read a clock of nanoseconds `reads` times on end, at least twice."""
    seen = [clock() for _ in range(reads)]
    steps = [after - before for before, after in pairwise(seen) if after > before]
    return TimerCheck(min(steps, default=math.inf), (seen[-1] - seen[0]) / (reads - 1))
