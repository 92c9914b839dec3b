"""How many streams a board keeps up with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from edge_benchmarks.measure.timing import Plan, Subject
from edge_benchmarks.scenarios.multi_stream import MultiStream, multi_stream
from edge_benchmarks.scenarios.samples import Interruptible

Measure = Callable[[Sequence[Subject]], MultiStream]


@dataclass(frozen=True)
class Capacity:
    """limit: more streams were not tried.  tried: in the order of the search."""

    rate_hz: float
    limit: int
    tried: tuple[MultiStream, ...] = ()
    complete: bool = True

    @property
    def streams(self) -> int:
        """The largest number that kept the rate; 0 where not even one stream did."""
        return max((t.streams for t in self.tried if t.keeps(self.rate_hz)), default=0)


def capacity(
    new_subject: Callable[[], Subject],
    frames: Sequence[np.ndarray],
    plan: Plan,
    rate_hz: float,
    *,
    limit: int = 64,
    threaded: bool = False,
    measure: Measure | None = None,
    on_tried: Callable[[MultiStream], None] = lambda tried: None,
) -> Capacity:
    """Find the largest number of streams at `rate_hz` frames a second each.

    new_subject: a stream with engines and a window of its own; it is called as often as
    there are streams.  plan: of each attempt.  measure: `multi_stream` unless given.
    """
    measure = measure or partial(multi_stream, frames=frames, plan=plan, threaded=threaded)
    subjects: list[Subject] = []
    tried: list[MultiStream] = []

    def keeps(streams: int) -> bool:
        while len(subjects) < streams:
            subjects.append(new_subject())
        found = measure(subjects[:streams])
        tried.append(found)
        on_tried(found)
        if not found.complete:
            raise KeyboardInterrupt
        return found.keeps(rate_hz)

    with Interruptible() as search:
        largest(keeps, limit)
    whole = tuple(attempt for attempt in tried if attempt.complete)
    return Capacity(rate_hz, limit, whole, search.complete)


def largest(holds: Callable[[int], bool], limit: int) -> int:
    """The largest number from 1 to `limit` that `holds`, 0 if none: doubling, then bisection.

    Where one number holds, all smaller ones must.
    """
    good, bad = 0, 1
    while bad <= limit and holds(bad):
        good, bad = bad, min(2 * bad, limit) if bad < limit else limit + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good
