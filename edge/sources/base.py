"""What every source promises."""

from collections.abc import Iterator
from typing import Protocol

from edge.stream.preprocess import Frame
from edge_common.closing import Closing


class Source(Protocol):
    """Frames in order, once; closed when left.

    name: what the user called it.  rate_hz: frames a second, 0 if unknown.
    total: number of frames if known.  dropped: frames that arrived but were
    overtaken by newer ones.  skipped: pictures that could not be read.
    """

    name: str
    rate_hz: float
    total: int | None
    dropped: int
    skipped: int

    def __iter__(self) -> Iterator[Frame]:
        """Deliver frames; raise SourceLost where they stop before their end."""

    def close(self) -> None:
        """Let go of the device or file; may be called twice."""


class CountingSource(Closing):
    """The part of a source that is the same for all: its name and its counters."""

    total: int | None = None
    rate_hz: float = 0.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.dropped = 0
        self.skipped = 0
