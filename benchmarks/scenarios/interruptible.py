"""Ctrl-C ends a measurement and loses none of it."""

from types import TracebackType


class Interruptible:
    """A block that KeyboardInterrupt ends quietly; other exceptions go on.

    complete: whether the block was left at its end.
    """

    complete = False

    def __enter__(self) -> "Interruptible":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.complete = kind is None
        return isinstance(error, KeyboardInterrupt)
