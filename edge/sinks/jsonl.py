"""The sink `jsonl:PATH`: one JSON object a line and decision."""

import contextlib
import json
import math
import os
import re
import stat
import sys
import threading
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import sinks, stream, tasks
from edge.events import Event
from edge_common import Closable, SinkError, only_writer, sync_folder

if TYPE_CHECKING:
    from edge.scene import Presence, SceneView

SYNC_INTERVAL_S = 2.0
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def open_sink(target: str, run: sinks.RunInfo, *, probabilities: int = 0) -> "_Lines":
    """probabilities: 1: of all labels, as `edge-run replay` likes to have them."""
    if target == "-":
        return StdoutLines(run, bool(probabilities))
    return JsonLines(target, run, bool(probabilities))


def fields_of(
    decision: stream.Decision, run: sinks.RunInfo, probabilities: bool = False
) -> dict[str, Any]:
    """A decision's promised JSON fields, with those that only the run can say.

    probabilities: also of the labels that are not the answer.
    """
    source = decision.source or run.origin
    who = {"bundle_sha256": run.bundle.sha256} if run.bundle else {}
    fields = decision.to_json(vectors=run.vectors)
    for task in run.bundle.tasks if run.bundle and probabilities else ():
        if task.name in decision.tasks:
            shares = tasks.label_probabilities(task, decision.tasks[task.name])
            rounded = {label: round(p, 4) for label, p in shares.items() if math.isfinite(p)}
            fields["tasks"][task.name] |= {"probabilities": rounded} if rounded else {}
    return {
        "at": run.clock.text(decision.captured_at),
        **({"source": source} if source else {}),
        **fields,
        **who,
    }


def line_of(fields: Mapping[str, Any]) -> bytes:
    """One line of JSON, that neither an encoder nor a terminal stumbles over."""
    # a lone surrogate becomes what JSON writes for it, as does what would steer a terminal
    text = json.dumps(fields, ensure_ascii=False)
    text = _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class _Lines(Closable):
    """A line a decision, an event, the beginning or end of a gap, and who comes or leaves."""

    def __init__(self, run: sinks.RunInfo, probabilities: bool = False) -> None:
        self._run, self._probabilities = run, probabilities
        self._in_gap: set[str | None] = set()  # sources
        self._presence: dict[str | None, Presence] = {}  # by their sources

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        for decision in decisions:
            self._put(line_of(fields_of(decision, self._run, self._probabilities)))

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        self._put(line_of(event.to_json()))

    def show_gap(self, gap: sinks.Gap) -> None:
        if gap.has_ended:
            self._in_gap.discard(gap.source)
        elif gap.source in self._in_gap:
            return
        else:
            self._in_gap.add(gap.source)
        source = {} if gap.source is None else {"source": gap.source}
        state = "ended" if gap.has_ended else "begun"
        self._put(line_of({"gap": state, "gap_s": round(gap.seconds, 3), "at": _now(), **source}))

    def show_people(self, view: "SceneView") -> None:
        if self._presence.get(view.source) == view.presence:
            return
        self._presence[view.source] = view.presence
        source = {} if view.source is None else {"source": view.source}
        fields = {"presence": view.presence.to_json(), "frame": view.frame, "at": _now(), **source}
        self._put(line_of(fields))

    @abstractmethod
    def _put(self, line: bytes) -> None:
        """Write it. Raises SinkError."""


class StdoutLines(_Lines):
    """JSON lines on stdout, each flushed."""

    def _put(self, line: bytes) -> None:
        sys.stdout.write(line.decode())
        sys.stdout.flush()


class JsonLines(_Lines):
    """JSON lines, added to a file.

    Each line is written as a whole, so that a reader never sees half of one, and is on disk
    `SYNC_INTERVAL_S` later, also if the power fails. What the file held stays: a line
    `{"run": TIME}` stands between it and this run. run: what decisions are told with.
    Raises SinkError if the file cannot be written, or another run writes it.
    """

    def __init__(
        self,
        path: str,
        run: sinks.RunInfo = sinks.RunInfo(()),
        probabilities: bool = False,
    ) -> None:
        super().__init__(run, probabilities)
        self._path = Path(path)
        self._stack, self._problem = contextlib.ExitStack(), ""
        self._closing = threading.Event()
        try:
            self._open()
        except OSError as error:
            self._stack.close()
            raise SinkError(
                f"{path} cannot be written ({error.strerror}): choose another path"
            ) from error

    def _open(self) -> None:
        self._is_file = not self._path.exists() or stat.S_ISREG(self._path.stat().st_mode)
        if self._is_file:  # a pipe and /dev/null have no content to lose
            self._stack.enter_context(only_writer(self._path))
        mode = os.O_RDWR if self._is_file else os.O_WRONLY
        self._handle = os.open(self._path, mode | os.O_CREAT | os.O_APPEND, 0o666)
        self._stack.callback(os.close, self._handle)
        if not self._is_file:
            return
        if size := os.fstat(self._handle).st_size:
            cut = b"" if os.pread(self._handle, 1, size - 1) == b"\n" else b"\n"
            self._write(cut + line_of({"run": _now()}))
        sync_folder(self._path.absolute().parent)
        syncing = threading.Thread(target=self._sync, name=f"sync {self._path}", daemon=True)
        syncing.start()
        self._stack.callback(syncing.join)
        self._stack.callback(self._closing.set)

    def _put(self, line: bytes) -> None:
        if self._problem:
            raise SinkError(self._problem)
        try:
            self._write(line)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SinkError(self._full(error)) from error

    def _write(self, line: bytes) -> None:
        """The whole line, or nothing of it. Raises OSError."""
        size = os.fstat(self._handle).st_size
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            if self._is_file:
                os.ftruncate(self._handle, size)
            raise

    def _sync(self) -> None:
        """Put the lines on disk every few seconds, so that the frames need not wait for it."""
        while not self._problem:
            closing = self._closing.wait(SYNC_INTERVAL_S)
            try:
                os.fdatasync(self._handle)
            except OSError as error:
                self._problem = self._full(error)
            if closing:
                return

    def _full(self, error: OSError) -> str:
        return f"{self._path} cannot be written ({error.strerror}): free some space"

    def close(self) -> None:
        """Also raises SinkError if the last lines did not reach the disk."""
        self._stack.close()
        problem, self._problem = self._problem, ""
        if problem:
            raise SinkError(problem)
