"""The sink `csv:PATH`: a row a decision or event, for spreadsheets."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from edge import sinks, stream
from edge.events import Event
from edge.sinks.lines import LineFile
from edge.sinks.quota import Rotation
from edge_common import Closable, console

_EVENT_COLUMNS = (
    "at", "event", "id", "alert", "severity", "source", "task", "label", "track", "name", "zone",
    "peak", "mean", "started", "ended", "reason",
)  # fmt: skip
_COLUMNS = ("at", "source", "frame", "captured_at", "track")


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    rows: str = "decisions",
    rotate_mb: float = 0.0,
    rotate_s: float = 0.0,
    quota_mb: float = 0.0,
    disk_share: float = 1.0,
    keep_days: float = 0.0,
) -> "CsvSink":
    """rows: decisions or events.  rotate_mb, rotate_s: begin another file then; 0: never.

    quota_mb, disk_share: of all of them, and of the disk, that may be full.
    keep_days: after which they go; 0: never.
    """
    if rows not in ("decisions", "events"):
        raise ValueError("the option rows is decisions or events")
    rotation = Rotation.of(rotate_mb, rotate_s, keep_days)
    quota = rotation.quota(target, quota_mb, disk_share, keep_days)
    tasks = [column for task in run.tasks for column in (task, f"{task}_p")]
    columns = _EVENT_COLUMNS if rows == "events" else (*_COLUMNS, *tasks)
    file = LineFile(target, _row(columns), rotation=rotation, quota=quota)
    return CsvSink(file, columns, run, rows == "events")


class CsvSink(Closable):
    """columns: of its rows, in their order.  of_events: else of decisions."""

    def __init__(
        self, file: LineFile, columns: Sequence[str], run: sinks.RunInfo, of_events: bool
    ) -> None:
        self._file, self._columns, self._run, self._of_events = file, columns, run, of_events

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        if decisions and not self._of_events:
            self._file.put(b"".join(self._row_of(_decision(each, self._run)) for each in decisions))

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        if self._of_events:
            self._file.put(self._row_of(event.to_json()))

    def _row_of(self, fields: dict[str, Any]) -> bytes:
        return _row([fields.get(column, "") for column in self._columns])

    def tidy(self) -> None:
        self._file.tidy()

    def close(self) -> None:
        self._file.close()


def _decision(decision: stream.Decision, run: sinks.RunInfo) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "at": run.clock.text(decision.captured_at),
        "source": decision.source or run.origin,
        "frame": decision.frame,
        "captured_at": round(decision.captured_at, 6),
        "track": decision.track.number if decision.track else "",
    }
    for name, answer in decision.tasks.items():
        labels = None if answer.labels is None else " ".join(answer.labels)
        value = answer.label or labels
        fields[name] = answer.value if value is None else value
        fields[f"{name}_p"] = "" if answer.share is None else round(answer.share, 4)
    return {key: "" if value is None else value for key, value in fields.items()}


def _row(cells: Sequence[object]) -> bytes:
    """RFC 4180, with no text that a spreadsheet would compute."""
    text = io.StringIO()
    safe = [console.no_formula(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(text).writerow(safe)
    return text.getvalue().encode("utf-8", "backslashreplace")
