"""What every sink promises."""

from typing import Protocol

from edge.stream.decision import Decision
from edge.stream.preprocess import Frame


class Sink(Protocol):
    """Takes every frame with the decision it led to; whole and valid once closed."""

    def take(self, frame: Frame, decision: Decision | None) -> None:
        """Take one frame; `decision` is None where none was due. Raises SinkError."""

    def close(self) -> None:
        """Finish the output; may be called twice."""


class RunEnded(Exception):
    """A sink's user asked for the end of the run, by closing a window for instance."""
