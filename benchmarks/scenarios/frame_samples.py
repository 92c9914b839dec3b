"""What was timed, frame by frame, as a record keeps it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from benchmarks.timing import FrameTiming

Series = tuple[float, ...]


@dataclass(frozen=True)
class FrameSamples:
    """Milliseconds of each frame, in the order in which they were taken.

    total_ms: from pixels to decision.  cpu_ms: processor time of all threads.
    stages_ms, invokes_ms: by stage and by part, as long as `total_ms`.
    rounds: how many of the frames each round holds.
    """

    total_ms: Series
    cpu_ms: Series = ()
    stages_ms: dict[str, Series] = field(default_factory=dict)
    invokes_ms: dict[str, Series] = field(default_factory=dict)
    rounds: tuple[int, ...] = ()


def frame_samples(rounds: Sequence[Sequence[FrameTiming]]) -> FrameSamples:
    """The series of at least one timed frame."""
    timings = list(chain.from_iterable(rounds))
    return FrameSamples(
        tuple(t.total_ms for t in timings),
        tuple(t.cpu_ms for t in timings),
        _by_name(timings, lambda t: t.stages_ms),
        _by_name(timings, lambda t: t.invokes_ms),
        tuple(map(len, rounds)),
    )


def _by_name(
    timings: Sequence[FrameTiming], of: Callable[[FrameTiming], Mapping[str, float]]
) -> dict[str, Series]:
    return {name: tuple(of(t)[name] for t in timings) for name in of(timings[0])}
