"""One line about a run while it goes on: each second on a terminal, each minute elsewhere."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from edge.sources import Source
from edge.summary import RunSummary
from edge_common import Closable, console

_TERMINAL_S, _ELSEWHERE_S = 1.0, 60.0
_CLEAR_LINE = "\r\033[K"


class StatusLine(Closable):
    """Frames a second, age, drops and the newest answers, written to `output` now and then.

    total: frames that there will be; None if nobody knows. clock: monotonic seconds.
    On a terminal the line stands in one place, and is gone once closed.
    """

    def __init__(
        self,
        source: Source,
        total: int | None,
        output: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._total, self._clock = source, total, clock
        self._output = sys.stderr if output is None else output
        self._on_terminal = self._output.isatty()
        self._interval_s = _TERMINAL_S if self._on_terminal else _ELSEWHERE_S
        self._since, self._frames_before = clock(), 0

    def show(self, summary: RunSummary) -> None:
        """Call it after each frame; it writes only when the time has come."""
        elapsed_s = self._clock() - self._since
        if elapsed_s < self._interval_s:
            return
        text = self._text(summary, (summary.frames - self._frames_before) / elapsed_s)
        self._since, self._frames_before = self._clock(), summary.frames
        if self._on_terminal:
            columns = shutil.get_terminal_size().columns - 1
            self._write(f"{_CLEAR_LINE}{text[:columns]}")
        else:
            self._write(f"{text}\n")

    def close(self) -> None:
        if self._on_terminal:
            self._write(_CLEAR_LINE)

    def _text(self, summary: RunSummary, rate_hz: float) -> str:
        newest, of_total = summary.newest, f" of {self._total}" if self._total else ""
        parts = [f"{summary.frames}{of_total} frames", f"{rate_hz:.1f} frames/s"]
        if newest is not None:
            parts.append(f"age {newest.age_ms:.0f} ms")
        parts.append(f"{self._source.dropped} dropped")
        if self._source.skipped:
            parts.append(f"{self._source.skipped} unreadable")
        answers = newest.tasks.items() if newest is not None else ()
        parts += [f"{task}: {each}" for task, each in answers if each.vector is None or each.label]
        return console.printable(", ".join(parts))

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk or a reader that left ends no run
            self._output.write(text)
            self._output.flush()
