"""Events as the page lists them: those of this run, and those that have left a clip."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge.events import Event, file_stem
from edge_common import DataError, read_json

FILE = re.compile(r"[0-9a-f]{12}-[0-9a-f]{4}-[0-9a-f]{8}-[\w-]{1,120}\.(mp4|jpg|json)", re.ASCII)
_ID_LENGTH, _MOST_BYTES = 26, 1 << 16  # of an event's id, and of a clip's facts
_KEYS = (
    "id", "alert", "severity", "source", "label", "task", "track", "name", "zone", "peak", "unit", "started",
    "ended", "reason", "message",
)  # fmt: skip


class EventList:
    """folders: that clips are written to; none: events of the run alone."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders

    def newest(self, events: Sequence[Event], most: int, before: str = "") -> list[dict[str, Any]]:
        """The newest first.  before: an event's id, of which only older ones are wanted."""
        of_run = {event.id: event for event in events}
        files = {path.name[:_ID_LENGTH]: path for path in self._all_facts()}
        rows = list[dict[str, Any]]()
        for each in sorted({*of_run, *files}, reverse=True):
            if len(rows) == most:
                break
            if before and each >= before:
                continue
            row = _row(of_run[each].to_json()) if each in of_run else _facts(files[each])
            rows += [row | self._media(row)] if row else []
        return rows

    def path(self, name: str) -> Path | None:
        """Of a clip, a snapshot or facts; None if there is no such file of ours."""
        if not FILE.fullmatch(name):
            return None
        for folder in self._folders:
            path = folder / name
            if path.is_file() and not path.is_symlink():
                return path
        return None

    def _all_facts(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from (path for path in folder.glob("*.json") if FILE.fullmatch(path.name))

    def _media(self, row: dict[str, Any]) -> dict[str, Any]:
        stem = file_stem(row["id"], row["alert"])
        return {
            kind: f"clips/{stem}{suffix}" if self.path(f"{stem}{suffix}") else None
            for kind, suffix in (("clip", ".mp4"), ("snapshot", ".jpg"))
        }


@lru_cache(maxsize=512)
def _facts(path: Path) -> dict[str, Any]:
    """Of a clip that was written whole, and never changes; {} if it is none."""
    try:
        facts = read_json(path, _MOST_BYTES)
    except DataError:
        return {}
    event = facts.get("event") if isinstance(facts, dict) else None
    if not isinstance(event, dict) or not isinstance(event.get("alert"), str):
        return {}
    return _row(event) if path.name.startswith(f"{event.get('id')}-") else {}


def _row(event: dict[str, Any]) -> dict[str, Any]:
    return {key: event[key] for key in _KEYS if key in event}
