"""Settings that are read again while a run goes on: by SIGHUP, or by whoever has changed the file."""

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from edge import events
from edge_common import EdgeError, console

if TYPE_CHECKING:
    from edge.commands.one_run import OneRun, RunOptions, RunRequest
    from edge.service.supervisor import Supervisor
    from edge.updates.updater import Updater

_END_WAIT_S = 2.0  # for what is being read when all ends


class Reload:
    """The command line and its settings file once more, checked completely before they hold.

    What is new among their sources is opened first, while the run goes on. One thread does it all,
    as a program that reads a camera is killed with the thread that started it.
    read: the request as it is now; raises EdgeError or click.ClickException.
    supervisor: is told.  problem: why the newest settings do not hold; "": they do.
    running: what runs now; None: nothing does yet.
    updater: takes what is nothing but another version of the bundle; None: nobody does.
    """

    def __init__(
        self,
        read: "Callable[[], RunRequest]",
        supervisor: "Supervisor | None" = None,
        updater: "Updater | None" = None,
    ) -> None:
        self._read, self._supervisor, self._updater = read, supervisor, updater
        self.problem = ""
        self.running: RunRequest | None = None
        self._next: RunRequest | None = None
        self._inputs: RunRequest | None = None  # whose inputs are to hold, without another run
        self._lock = threading.Lock()
        self._requests = queue.SimpleQueue[Callable[[], object] | None]()  # None: the last
        self._thread = threading.Thread(target=self._work, name="reload", daemon=True)
        self._thread.start()

    def ask(self, on_done: Callable[[], object] = lambda: None) -> None:
        """Read them in the thread; returns at once, also in a signal's handler."""
        self._requests.put(on_done)

    def try_again(self) -> str:
        """Read them. Returns why they do not hold; "": the run will be one by them at its next frame."""
        is_read = threading.Event()
        self.ask(is_read.set)
        while not is_read.wait(1.0) and self._thread.is_alive():
            pass
        return self.problem

    def close(self) -> None:
        """Nothing more is to run. What is being read may still end, and is closed then."""
        self._requests.put(None)
        self._thread.join(_END_WAIT_S)
        self._close_next()

    def _work(self) -> None:
        while on_done := self._requests.get():
            try:
                self._read_again()
            finally:
                on_done()
        self._close_next()

    def _close_next(self) -> None:
        if request := self.take():
            request.close()

    def _read_again(self) -> None:
        if self._supervisor:
            self._supervisor.reload()
        try:
            request = self._read()
            if self.running:
                if self._updater and self._updater.take(request, self.running):
                    return self._remain()
                if self._put_inputs(request):
                    return self._remain()
                request.open_ahead(self.running)
            self._put(request)
            if self._supervisor:
                self._supervisor.change()
        except click.ClickException as error:
            self.refuse(error.format_message())
        except (EdgeError, OSError) as error:
            self.refuse(str(error))

    def _remain(self) -> None:
        """The settings are those that hold."""
        self.problem = ""
        if self._supervisor:
            self._supervisor.keep("")

    def _put(self, request: "RunRequest") -> None:
        """In place of one that nobody has taken yet."""
        with self._lock:
            earlier, self._next, self.problem = self._next, request, ""
            self._inputs = None  # those of the request hold
        if earlier:
            earlier.close()

    def _put_inputs(self, request: "RunRequest") -> bool:
        """Whether it asks for nothing but other inputs beside frames, for which no run has to end."""
        with self._lock:
            running = self.running
            if running is None or self._next or not request.is_alike_but_for_inputs(running):
                return False
            if request.options.inputs == running.options.inputs and not self._inputs:
                return False
            self._inputs = request
        names = ", ".join(name for name, _ in request.options.inputs)
        console.note(f"settings changed: other numbers for {names} from the next frame on")
        return True

    def on_turn(self, run: "OneRun") -> None:
        """In the loop's thread, between two frames."""
        if self._inputs is None:
            return
        with self._lock:
            request, self._inputs = self._inputs, None
        if request:
            run.give(request.options.inputs)
            self.running = run.request

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
        with self._lock:
            request, self._next = self._next, None
        self.running = request or self.running
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
