"""The `with` form of what has to be closed, the same for sources and sinks."""

from types import TracebackType
from typing import TypeVar

T = TypeVar("T", bound="Closable")


class Closable:
    """Closed when its `with` block is left."""

    def close(self) -> None:
        """Nothing to close, unless a subclass says so."""

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
