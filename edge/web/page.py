"""The page of a run, `--web HOST:PORT`: opened before all else, and served by a thread of its own."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge import sinks, summary as summaries
from edge.web import address as addresses, history, state, watch
from edge_common import Closable, console

if TYPE_CHECKING:
    from edge.commands.reload import Reload
    from edge.commands.run_options import RunOptions
    from edge.updates.updater import Updater
    from edge.web.zone_file import ZoneFile

_NICENESS = 10  # of the thread: frames go first
_CLOSING_S = 5.0


class Page(Closable):
    """What the run's thread knows of the page.

    run: shown just now; None before the first.
    Raises SinkError if the port cannot be had.
    """

    def __init__(self, address: addresses.PageAddress) -> None:
        self.address = address
        self.run: state.PageRun | None = None
        self._reload: Reload | None = None
        self._updater: Updater | None = None
        self.listener = address.listen()
        self.port = int(self.listener.getsockname()[1])
        self._lock, self._is_closed = threading.Lock(), False
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._thread.start()

    def begin(
        self, summary: summaries.RunSummary, runs: Sequence[sinks.RunInfo], options: "RunOptions"
    ) -> list[watch.SourceWatch]:
        """Show another run from now on; the sinks of its sources, in their order."""
        log = watch.EventLog()
        watches = [watch.SourceWatch(each, log) for each in runs]
        number = self.run.number + 1 if self.run else 1
        answers = history.AnswerHistory(watches)
        self.run = state.PageRun(number, summary, watches, log, options, answers)
        return watches

    def reload_by(self, reload: "Reload") -> None:
        """Read the settings again by this, once zones were saved; else that takes a restart."""
        self._reload = reload

    def update_by(self, updater: "Updater") -> None:
        """Say what this says of other bundles."""
        self._updater = updater

    @property
    def update_problem(self) -> str:
        """Why the newest update failed; "": it did not, or there was none."""
        return self._updater.problem if self._updater else ""

    @property
    def problem(self) -> str:
        """Why the newest settings do not hold; "": they do."""
        return self._reload.problem if self._reload else ""

    def zone_file(self, run: state.PageRun) -> "tuple[ZoneFile | None, str]":
        """Where zones are saved; None, and why they are not."""
        from edge.web.zone_file import ZoneFile

        options = run.options
        if not options.people:
            return None, "zones are for people: give a detector"
        if options.config is None:
            return None, "zones are saved in a settings file: run with --config FILE"
        if options.has_zone_options:
            return None, "--zone on the command line is in place of the file's zones"
        return ZoneFile(options.config, [a.zone for a in options.alerts if a.zone]), ""

    def after_saving(self) -> str:
        """Load the settings again, if that can be done; what becomes of them, in words."""
        if self._reload is None:
            return "Saved. Restart the run to apply it."
        problem = self._reload.try_again()
        return (
            f"Saved, but the run keeps what it has: {problem}" if problem else "Saved, and applied."
        )

    def on_close(self, stop: Callable[[], object]) -> None:
        """Call this, from any thread, when the page is closed, or at once if it is."""
        with self._lock:
            self._stop = stop
            if self._is_closed:
                stop()

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._stop()
        self._thread.join(_CLOSING_S)
        self.listener.close()

    def _serve(self) -> None:
        if os.uname().sysname == "Linux":  # elsewhere it is of the whole process
            try:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
            except OSError:  # some containers allow no change
                pass
        from edge.web.pages import serve  # what it stands on takes a while to load

        serve(self)


def open_page(address: addresses.PageAddress) -> Page:
    """Take the port and begin to answer. Raises SinkError."""
    page = Page(address)
    console.note(f"page: {address.url(page.port)}{address.audience(page.port)}")
    return page
