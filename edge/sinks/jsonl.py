"""The sink `jsonl:PATH`: one JSON object a line and decision."""

import json
import math
import re
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge import sinks, stream, tasks
from edge.events import Event, now_text
from edge.sinks import lines
from edge.sinks.quota import Quota, Rotation
from edge_common import Closable

if TYPE_CHECKING:
    from edge.scene import Presence, SceneView
    from edge.throttling import BoardChange
    from edge.updates.changes import UpdateChange

_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    probabilities: int = 0,
    rotate_mb: float = 0.0,
    rotate_s: float = 0.0,
    quota_mb: float = 0.0,
    disk_share: float = 1.0,
    keep_days: float = 0.0,
) -> "_Lines":
    """probabilities: 1: of all labels, as `edge-run replay` likes to have them.

    rotate_mb, rotate_s: begin another file then, and give this one a name with its time; 0: never.
    quota_mb, disk_share: of all of them, and of the disk, that may be full: the oldest go first.
    keep_days: after which they go; 0: never.
    """
    if target == "-":
        return StdoutLines(run, bool(probabilities))
    rotation = Rotation.of(rotate_mb, rotate_s, keep_days)
    quota = rotation.quota(target, quota_mb, disk_share, keep_days)
    return JsonLines(target, run, bool(probabilities), rotation, quota)


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


class _Lines(Closable):
    """A line a decision, an event, a gap's beginning or end, a hot board, and who comes or leaves."""

    def __init__(self, run: sinks.RunInfo, probabilities: bool = False) -> None:
        self._run, self._probabilities = run, probabilities
        self._in_gap: set[str | None] = set()  # sources
        self._presence: dict[str | None, Presence] = {}  # by their sources

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        if decisions:  # at once, so that all of them or none is written
            fields = (fields_of(each, self._run, self._probabilities) for each in decisions)
            self._put(b"".join(map(line_of, fields)))

    def take_event(self, event: Event, frame: stream.Frame) -> None:
        self._put(line_of(event.to_json()))

    def show_gap(self, gap: sinks.Gap) -> None:
        if not gap.has_ended and gap.source in self._in_gap:
            return
        source = {} if gap.source is None else {"source": gap.source}
        state = "ended" if gap.has_ended else "begun"
        self._put(
            line_of({"gap": state, "gap_s": round(gap.seconds, 3), "at": now_text(), **source})
        )
        # once it is written, since what fails is tried again
        (self._in_gap.discard if gap.has_ended else self._in_gap.add)(gap.source)

    def show_board(self, change: "BoardChange") -> None:
        self._put(line_of(change.to_json()))

    def show_update(self, change: "UpdateChange") -> None:
        self._put(line_of(change.to_json()))

    def show_bundle(self, bundle: sinks.BundleInfo) -> None:
        self._run = replace(self._run, bundle=bundle)

    def show_people(self, view: "SceneView") -> None:
        if self._presence.get(view.source) == view.presence:
            return
        source = {} if view.source is None else {"source": view.source}
        fields = {
            "presence": view.presence.to_json(),
            "frame": view.frame,
            "at": now_text(),
            **source,
        }
        self._put(line_of(fields))
        self._presence[view.source] = view.presence

    @abstractmethod
    def _put(self, line: bytes) -> None:
        """Write it. Raises SinkError."""


class StdoutLines(_Lines):
    """JSON lines on stdout, each flushed."""

    def _put(self, line: bytes) -> None:
        sys.stdout.write(line.decode())
        sys.stdout.flush()


class JsonLines(_Lines):
    """JSON lines, added to a file as LineFile does it.

    A line `{"run": TIME}` stands between what the file held and this run.
    run: what decisions are told with.
    """

    def __init__(
        self,
        path: str,
        run: sinks.RunInfo = sinks.RunInfo(()),
        probabilities: bool = False,
        rotation: Rotation = Rotation(),
        quota: Quota | None = None,
    ) -> None:
        super().__init__(run, probabilities)

        def again() -> bytes:
            return line_of({"run": now_text()})

        self._file = lines.LineFile(path, b"", again, rotation, quota)

    def _put(self, line: bytes) -> None:
        self._file.put(line)

    def tidy(self) -> None:
        self._file.tidy()

    def close(self) -> None:
        """Also raises SinkError if the last lines did not reach the disk."""
        self._file.close()
