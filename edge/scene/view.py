"""Who is there: what a scene says of each frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.stream import Decision, TrackInfo


@dataclass(frozen=True)
class Presence:
    """How many people are there; 0 is nobody.  since: when so many came to be there, in UTC."""

    count: int
    since: datetime

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields: count, since (RFC 3339)."""
        return {"count": self.count, "since": self.since.isoformat(timespec="milliseconds")}


@dataclass(frozen=True)
class SceneView:
    """One frame's people, and what was decided of them with it.

    frame: its number.  tracks: everybody who is there, those hidden for a moment included.
    source: which of several; None: there is one.
    """

    frame: int
    tracks: Sequence[TrackInfo]
    decisions: Sequence[Decision]
    presence: Presence
    source: str | None = None
