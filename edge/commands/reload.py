"""Settings that are read again while a run goes on: by SIGHUP, or by whoever has changed the file."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from edge import events
from edge_common import EdgeError, console

if TYPE_CHECKING:
    from edge.commands.one_run import RunOptions, RunRequest
    from edge.service.supervisor import Supervisor


class Reload:
    """The command line and its settings file once more, checked completely before they hold.

    read: the request as it is now; raises EdgeError or click.ClickException.
    supervisor: is told.  problem: why the newest settings do not hold; "": they do.
    """

    def __init__(
        self, read: "Callable[[], RunRequest]", supervisor: "Supervisor | None" = None
    ) -> None:
        self._read, self._supervisor = read, supervisor
        self.problem = ""
        self._next: RunRequest | None = None
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Read them in a thread; returns at once, also in a signal's handler."""
        threading.Thread(target=self.try_again, name="reload", daemon=True).start()

    def try_again(self) -> str:
        """Read them. Returns why they do not hold; "": the run will be one by them at its next frame."""
        with self._lock:
            if self._supervisor:
                self._supervisor.reload()
            try:
                self._next, self.problem = self._read(), ""
                if self._supervisor:
                    self._supervisor.change()
            except click.ClickException as error:
                self.refuse(error.format_message())
            except (EdgeError, OSError) as error:
                self.refuse(str(error))
            return self.problem

    def refuse(self, problem: str) -> None:
        """Those from before hold, which one line says."""
        self.problem = " ".join(console.visible(problem).split())
        console.note(f"settings not changed: {self.problem}", console.ERROR)
        if self._supervisor:
            self._supervisor.keep(self.problem)

    def end_reason(self) -> str:
        """Of the run that goes on, for its events; "": it may."""
        return events.SETTINGS_CHANGED if self._next else ""

    def take(self) -> "RunRequest | None":
        """What is to run now; None if nothing was changed."""
        request, self._next = self._next, None
        return request

    @contextmanager
    def by_signal(self) -> Iterator[None]:
        """SIGHUP asks in this block, unless it would mean that the user's terminal was closed."""
        before = signal.getsignal(signal.SIGHUP)
        if before == signal.SIG_IGN or _has_terminal():
            yield
            return
        signal.signal(signal.SIGHUP, lambda number, stack: self.ask())
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
                signal.signal(signal.SIGHUP, before)


def _has_terminal() -> bool:
    """Whether this process has a controlling one, which no service has."""
    with suppress(OSError):
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
        return True
    return False


def read_again(
    arguments: Sequence[str], check: "Callable[[RunOptions], RunRequest]"
) -> "RunRequest":
    """What the command line, and a file that it names, ask for now.

    check: opens the bundle, and raises EdgeError if anything does not fit it.
    Raises EdgeError or click.ClickException.
    """
    from edge.cli import main

    requests = list["RunRequest"]()
    context = main.make_context(
        "edge-run", list(arguments), obj=lambda options: requests.append(check(options))
    )
    with context:
        main.invoke(context)
    return requests[0]
