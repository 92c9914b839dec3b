"""What a scene says: who is there in a frame, and who was there in a run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from edge.bundle import Manifest
from edge.stream import Decision, TrackInfo

_NEARLY = 1.25  # a rate that is so near to another is the same to a network


@dataclass(frozen=True)
class Presence:
    """How many people are there; 0 is nobody.  since: when so many came to be there, in UTC."""

    count: int
    since: datetime

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields: count, since (RFC 3339)."""
        return {"count": self.count, "since": self.since.isoformat(timespec="milliseconds")}

    def __str__(self) -> str:
        people = {0: "nobody", 1: "1 person"}.get(self.count, f"{self.count} people")
        return f"{people} since {self.since:%H:%M:%S} UTC"


@dataclass(frozen=True)
class SceneView:
    """One frame's people, and what was decided of them with it.

    frame: its number.  tracks: everybody who is there, those hidden for a moment included.
    source: which of several; None: there is one.
    zones: polygons by their names, (n, 2) pixels of the frame.
    """

    frame: int
    tracks: Sequence[TrackInfo]
    decisions: Sequence[Decision]
    presence: Presence
    source: str | None = None
    zones: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass
class SceneSummary:
    """Of all scenes of a run, filled while it goes on.

    trained_rate_hz: frames a second the network expects of each person; 0: all that come; None:
    it does not matter.
    budget_ms: a frame, newest; infinite: there is none.  budget_source: why it is that.
    frames: of all sources.  detections: passes of the detector.
    people_seen: in the whole run.  windows: how many of them got one.
    most_people, most_without_window: at once, in one source.  present: now, by source.
    calls_due, calls: encoder calls that windows should have got, and got.
    watched_s: seconds that people with a window were to be seen, added up over them.
    """

    trained_rate_hz: float | None = None
    budget_ms: float = math.inf
    budget_source: str = ""
    frames: int = 0
    detections: int = 0
    people_seen: int = 0
    windows: int = 0
    most_people: int = 0
    most_without_window: int = 0
    calls_due: int = 0
    calls: int = 0
    decisions: int = 0
    watched_s: float = 0.0
    present: dict[str | None, int] = field(default_factory=dict)

    @property
    def people_now(self) -> int:
        return sum(self.present.values())

    def add_frame(self, source: str | None, people: int, windows: int) -> None:
        """people: who are there in it.  windows: of how many of them."""
        self.frames += 1
        self.present[source] = people
        self.most_people = max(self.most_people, people)
        self.most_without_window = max(self.most_without_window, people - windows)

    def to_json(self) -> dict[str, Any]:
        return {
            "people": self.people_seen,
            "most_people": self.most_people,
            "most_without_window": self.most_without_window,
            "decisions_a_track": _rounded(_ratio(self.decisions, self.windows)),
            "frames_a_detection": _rounded(_ratio(self.frames, self.detections)),
            "budget_ms": _rounded(self.budget_ms) if math.isfinite(self.budget_ms) else None,
            "calls_due": self.calls_due,
            "calls": self.calls,
            "rate_hz": _rounded(_ratio(self.calls, self.watched_s)),
            "trained_rate_hz": self.trained_rate_hz or None,
        }

    def lines(self) -> Iterator[str]:
        """Who was there, how often they were looked for, and how often at each of them."""
        without = self.most_without_window
        more = f", {without} of them without a window (--max-people)" if without else ""
        each = _ratio(self.decisions, self.windows)
        decisions = "" if each is None else f"; {each:.1f} decisions each"
        yield f"people: {self.people_seen} seen, at most {self.most_people} at once{more}{decisions}"
        if (every := _ratio(self.frames, self.detections)) is not None:
            yield f"detector: every {every:.1f} frames; {self._budget}"
        if (share := _ratio(self.calls, self.calls_due)) is not None:
            calls = f"{self.calls} of {self.calls_due} calls that were due ({share * 100:.0f} %)"
            yield f"encoder: {calls}{self._speed}"

    @property
    def _budget(self) -> str:
        if math.isinf(self.budget_ms):
            return f"no budget{self.budget_source}"
        return f"budget {self.budget_ms:.1f} ms a frame{self.budget_source}"

    @property
    def _speed(self) -> str:
        """How far windows were stretched in time, if they were."""
        rate_hz = _ratio(self.calls, self.watched_s)
        if not rate_hz or self.trained_rate_hz is None:
            return ""
        expected_hz = self.trained_rate_hz or self.calls_due / self.watched_s
        faster = expected_hz / rate_hz
        if 1 / _NEARLY <= faster <= _NEARLY:
            return ""
        return (
            f"\nwarning: each person was looked at {rate_hz:.1f} times a second instead of "
            f"{expected_hz:.1f}: what they do looks {faster:.1f} times as fast to the network"
        )


def expected_rate_hz(manifest: Manifest, rate_hz: float | None) -> float | None:
    """Frames a second that a window should get; 0: all; None: there is one frame in it."""
    looks_back = manifest.window > 1 or manifest.last_part.states
    return (rate_hz or manifest.frame_rate_hz) if looks_back else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
