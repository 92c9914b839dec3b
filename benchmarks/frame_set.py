"""Which frames were timed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameSet:
    """The frames that were timed: where they are from, how many and how large."""

    source: str
    count: int
    height: int
    width: int
