"""A frame that never ends: who notices, what is said, and how the process ends."""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from edge.engine.delegate import Delegate
from edge_common import EngineHung, console

_CHECKS = 4  # in each timeout
_LONGEST_WAIT_S = 60.0  # between two of them


class Watchdog:
    """Guards each `with` block; several may follow each other, none inside of another.

    on_hang: called in a thread of its own once a block takes longer than `timeout_s`, while
    the main thread is still in it; then the process ends with the code that it gives, or
    EngineHung's if it raises. A timeout of 0 guards nothing.
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
        """End the process if the block is overdue."""
        with self._lock:
            if self._since is not None and self._clock() - self._since > self._timeout_s:
                self._give_up()

    def _give_up(self) -> None:
        code = EngineHung.exit_code
        try:
            code = self._on_hang()
        finally:  # also if nobody reads what it says: nothing else can end this process
            self._end(code)

    def _watch(self) -> None:
        while not self._closed.wait(min(self._timeout_s / _CHECKS, _LONGEST_WAIT_S)):
            self.check()


LIBRARY_TIMEOUT_S = 60.0  # a first frame may compile kernels


def default_timeout_s(delegate: Delegate) -> float:
    """Seconds that a frame may take; 0: any. Libraries of others are not trusted to come back."""
    return LIBRARY_TIMEOUT_S if delegate.is_library else 0.0


def guard(delegate: Delegate, timeout_s: float | None = None) -> Watchdog | None:
    """What ends the process with code 4 if a block takes longer; None if it may.

    timeout_s: 0: any time; None: as `default_timeout_s` says.
    """
    limit_s = default_timeout_s(delegate) if timeout_s is None else timeout_s

    def give_up() -> int:
        report_hang(limit_s, delegate)
        return EngineHung.exit_code

    return Watchdog(limit_s, give_up).start() if limit_s else None


def report_hang(timeout_s: float, delegate: Delegate) -> None:
    """The one line of an error, from a thread that has nobody to raise it to."""
    culprit = f"the delegate {delegate.label}" if delegate.is_library else "the runtime"
    console.note(
        f"Error: {culprit} did not come back from a frame in {timeout_s:g} s and cannot be "
        "interrupted: start again, or with --delegate auto",
        console.ERROR,
    )
    sys.stdout.flush()
    sys.stderr.flush()
