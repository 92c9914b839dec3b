"""What a recording holds: which kernels ran, and how long in each run."""

from dataclasses import dataclass

import numpy as np

from edge.typed_json import decode, encode


@dataclass(frozen=True)
class Event:
    """One kernel that ran.

    tag: its name.  delegated: whether XNNPACK ran it.
    index: of the operator in the graph, or of a delegated kernel within its partition.
    """

    tag: str
    delegated: bool
    index: int


@dataclass(frozen=True)
class Trace:
    """Runs of one part in order: profiled ones, and others without profiler in between.

    elapsed_us: a row a profiled run, a whole number an event, as LiteRT reports them.
    whole_ns: the runs without profiler.
    """

    events: tuple[Event, ...]
    elapsed_us: tuple[tuple[int, ...], ...]
    whole_ns: tuple[int, ...]

    @property
    def matrix(self) -> np.ndarray:
        """`elapsed_us` as (runs, events)."""
        shape = len(self.elapsed_us), len(self.events)
        return np.array(self.elapsed_us, np.float64).reshape(shape)


def to_json(trace: Trace) -> object:
    return encode(trace)


def from_json(value: object) -> Trace:
    """Raises ValueError where a field is missing or of another type."""
    return decode(Trace, value)
