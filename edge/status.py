"""One line about a run while it goes on: each second on a terminal, each minute elsewhere."""

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from edge.summary import RunSummary, SourceSummary, sums
from edge_common import Closable, console

_TERMINAL_S, _ELSEWHERE_S = 1.0, 60.0
_CLEAR_LINE = "\r\033[K"


class StatusText:
    """Frames a second, age, drops and the newest answers of a run that goes on.

    max_frames: of each source; None: all.  clock: monotonic seconds.
    """

    def __init__(
        self,
        summary: RunSummary,
        max_frames: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._summary, self._clock = summary, clock
        self._total = _total(summary, max_frames)
        self._since, self._frames_before = clock(), 0

    def __call__(self) -> str:
        """How it went since the last time."""
        now, frames = self._clock(), self._summary.frames
        elapsed_s = max(now - self._since, 1e-9)
        text = self._text((frames - self._frames_before) / elapsed_s)
        self._since, self._frames_before = now, frames
        return text

    def _text(self, rate_hz: float) -> str:
        summary, total, newest = self._summary, sums(self._summary.sources), self._summary.newest
        of_total = f" of {self._total}" if self._total else ""
        parts = [f"{total['frames']}{of_total} frames", f"{rate_hz:.1f} frames/s"]
        if summary.rate_hz and total["sampled"] < total["frames"]:
            parts.append(f"{total['sampled']} sampled at {summary.rate_hz:g} Hz")
        if silent := [text for each in summary.sources if (text := self._silence(each))]:
            parts += silent
        elif newest is not None:
            parts.append(f"age {newest.age_ms:.0f} ms")
        parts.append(f"{total['dropped']} dropped")
        parts += filter(None, map(str, (summary.events, *summary.outputs)))
        if summary.board and summary.board.text:
            parts.append(summary.board.text)
        if total["skipped"]:
            parts.append(f"{total['skipped']} unreadable")
        if summary.scene:
            people = summary.scene.people_now
            parts.append("1 person" if people == 1 else f"{people} people")
            newest = newest if summary.scene.people_now else None
        silent_names = {each.source.name for each in summary.sources if each.source.gap_s()}
        if newest is not None and newest.source in silent_names:
            newest = None
        if newest is not None and newest.source is not None:
            parts.append(newest.source)
        if newest is not None and newest.track is not None:
            parts.append(f"person {newest.track.number}")
        answers = newest.tasks.items() if newest is not None else ()
        parts += [f"{task}: {each}" for task, each in answers if each.vector is None or each.label]
        return console.printable(", ".join(parts))

    def _silence(self, each: SourceSummary) -> str:
        silence_s = 0.0 if each.ended else each.source.silence_s()
        name = f"{each.source.name}: " if self._summary.sources[1:] else ""
        return f"{name}no frame for {silence_s:.0f} s" if silence_s >= _TERMINAL_S else ""


class StatusLine(Closable):
    """Frames a second, age, drops and the newest answers, written to `output` now and then.

    A thread writes it, so that it also says if no frame comes.
    summary: of the run that goes on. max_frames: of each source; None: all.
    clock: monotonic seconds.
    On a terminal the line stands in one place, and is gone once closed.
    """

    def __init__(
        self,
        summary: RunSummary,
        max_frames: int | None = None,
        output: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._text = StatusText(summary, max_frames, clock)
        self._output = sys.stderr if output is None else output
        self._on_terminal = self._output.isatty()
        self.interval_s = _TERMINAL_S if self._on_terminal else _ELSEWHERE_S
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._show_often, name="status", daemon=True)

    def start(self) -> "StatusLine":
        self._thread.start()
        return self

    def show(self) -> None:
        """Write how it went since the last time."""
        text = self._text()
        if self._on_terminal:
            columns = shutil.get_terminal_size().columns - 1
            self._write(f"{_CLEAR_LINE}{text[:columns]}")
        else:
            self._write(f"{text}\n")

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._on_terminal:
            self._write(_CLEAR_LINE)

    def _show_often(self) -> None:
        while not self._closing.wait(self.interval_s):
            self.show()

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk or a reader that left ends no run
            self._output.write(text)
            self._output.flush()


def _total(summary: RunSummary, max_frames: int | None) -> int | None:
    """Frames that there will be; None if nobody knows."""
    total = 0
    for each in summary.sources:
        limits = [count for count in (each.source.total, max_frames) if count is not None]
        if not limits:
            return None
        total += min(limits)
    return total
