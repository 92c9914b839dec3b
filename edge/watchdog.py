"""A frame that never ends: a thread that notices, closes what is open, and ends the process.

Python cannot interrupt native code, nor run a signal's handler while the main thread is in
it, so a delegate that hangs could only be ended by `kill -9`, with outputs left broken.
"""

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

from edge.errors import EngineHung

_CHECKS = 4  # in each timeout
_LONGEST_WAIT_S = 60.0  # between two of them


class Watchdog:
    """Guards each `with` block; several may follow each other, none inside of another.

    on_hang: called in a thread of its own once a block takes longer than `timeout_s`, while
    the main thread is still in it; then the process ends with the code that it gives, or
    EngineHung's where it raises. A timeout of 0 guards nothing.
    """

    def __init__(
        self,
        timeout_s: float,
        on_hang: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[int], None] = os._exit,
    ) -> None:
        self._timeout_s, self._on_hang, self._clock, self._end = timeout_s, on_hang, clock, end
        self._lock = threading.Lock()
        self._since: float | None = None
        self._closed = threading.Event()

    def start(self) -> "Watchdog":
        """Begin to watch."""
        if self._timeout_s:
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def close(self) -> None:
        """Watch no longer."""
        self._closed.set()

    def __enter__(self) -> "Watchdog":
        self._since = self._clock()
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:  # held for good once it was found to hang: the process is ending
            self._since = None

    def check(self) -> None:
        """End the process where the block is overdue."""
        with self._lock:
            if self._since is not None and self._clock() - self._since > self._timeout_s:
                self._give_up()

    def _give_up(self) -> None:
        code = EngineHung.exit_code
        try:
            code = self._on_hang()
        finally:  # also where nobody reads what it says: nothing else can end this process
            self._end(code)

    def _watch(self) -> None:
        while not self._closed.wait(min(self._timeout_s / _CHECKS, _LONGEST_WAIT_S)):
            self.check()
