"""An event: of which alert, of what and whom, since when and how sure."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.input_spec import Box
from edge_common import slug

Phase = Literal["start", "update", "end"]

CLEARED, TRACK_LEFT, OUT_OF_SCHEDULE = "cleared", "track left", "out of schedule"
SOURCE_LOST, RUN_ENDED = "source lost", "run ended"
SETTINGS_CHANGED = "settings changed"


def file_stem(identity: str, alert: str) -> str:
    """The name, without suffix, of the files that show an event: names sort by time."""
    return f"{identity}-{slug(alert)}"


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame's time.

    at: RFC 3339, UTC.  captured_at: monotonic seconds.  frame: its number.
    time_s: on the source's own clock, which is a recording's; None: it has none.
    """

    at: str
    captured_at: float
    frame: int
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that an alert asks for held for long enough, or holds no longer.

    id: sorts by time, and is unique over restarts; the same from `start` to `end`.
    started: since when it holds.  newest: the frame at which this is told.  best: when it was
    surest.  ended: when it last held, told once it is sure that it does not go on.
    reason: of the end.
    task, label: what was answered; None: somebody is there, whatever they do.
    peak, mean: probabilities of the label, or a number in `unit`; None of who is only there.
    track, name, zone: who, and where; None: the whole frame.
    box: left, top, width, height of who it is in the best frame, pixels.
    kind: `drift` of one that no alert asks for; "": of an alert.  message: what it says, in words.
    differences: of a drift, as `edge.events.drift.Difference` has them in JSON.
    """

    id: str
    phase: Phase
    alert: str
    severity: str
    source: str
    started: Moment
    newest: Moment
    best: Moment
    ended: Moment | None = None
    reason: str | None = None
    task: str | None = None
    label: str | None = None
    peak: float | None = None
    mean: float | None = None
    unit: str | None = None
    track: int | None = None
    name: str | None = None
    zone: str | None = None
    box: Box | None = None
    bundle: str = ""
    bundle_sha256: str = ""
    kind: str = ""
    message: str = ""
    differences: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields; those that say nothing are left out."""
        last = self.ended or self.newest
        fields = {
            "event": self.phase,
            "kind": self.kind,
            "id": self.id,
            "alert": self.alert,
            "severity": self.severity,
            "at": self.newest.at,
            "captured_at": round(self.newest.captured_at, 6),
            "time_s": _rounded(self.newest.time_s),
            "source": self.source,
            "task": self.task,
            "label": self.label,
            "track": self.track,
            "name": self.name,
            "zone": self.zone,
            "peak": _rounded(self.peak),
            "mean": _rounded(self.mean),
            "unit": self.unit,
            "started": self.started.at,
            "started_at": round(self.started.captured_at, 6),
            "started_time_s": _rounded(self.started.time_s),
            "ended": self.ended.at if self.ended else None,
            "ended_at": round(self.ended.captured_at, 6) if self.ended else None,
            "ended_time_s": _rounded(self.ended.time_s) if self.ended else None,
            "reason": self.reason,
            "frames": {
                "first": self.started.frame,
                "best": self.best.frame,
                "newest": last.frame,
            },
            "message": self.message,
            "differences": list(map(dict, self.differences)) or None,
            "box": list(self.box) if self.box else None,
            "bundle": self.bundle,
            "bundle_sha256": self.bundle_sha256,
        }
        return {key: value for key, value in fields.items() if value not in (None, "")}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


@dataclass
class EventIds:
    """Makes ids that sort by the time they were made at, also if the clock is set back meanwhile.

    run: tells two runs of the same millisecond apart.
    """

    run: str = field(default_factory=lambda: os.urandom(4).hex())
    _milliseconds: int = 0
    _count: int = 0

    def next(self, epoch_s: float) -> str:
        """epoch_s: seconds since 1970."""
        milliseconds = max(int(epoch_s * 1e3), self._milliseconds)
        self._count = self._count + 1 if milliseconds == self._milliseconds else 0
        self._milliseconds = milliseconds
        return f"{milliseconds:012x}-{self._count:04x}-{self.run}"
