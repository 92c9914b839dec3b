"""What a network decided, of which frames, and of whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.input_spec import Box
from edge.tasks import Prediction

if TYPE_CHECKING:
    from edge.drift.image_statistics import ImageStatistics


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """One person who is followed, as they are in one frame.

    number: of the person, from 1 on in each source.  box: in pixels of the frame, inside it.
    age_s: since they were first seen.  zones: seconds of dwell in each zone they stand in.
    is_hidden: not seen just now; the box says where they should be.  name: of a known person.
    """

    number: int
    box: Box
    age_s: float = 0.0
    zones: Mapping[str, float] = field(default_factory=dict)
    score: float = 1.0
    is_hidden: bool = False
    name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields: number, box, age_s, zones; and `name`, if it is known."""
        return {
            "number": self.number,
            "box": list(self.box),
            "age_s": round(self.age_s, 3),
            "zones": {zone: round(seconds, 3) for zone, seconds in self.zones.items()},
            **({} if self.name is None else {"name": self.name}),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What the network says of the window that ends with frame number `frame`.

    first_frame: the number of the window's oldest frame; more than T - 1 before `frame` if
    frames between them were dropped or could not be read. None if nobody counted.
    captured_at: monotonic seconds when that frame was captured.
    age_ms: from capture to decision.  latency_ms: milliseconds of each stage.
    predicted_for: the board that was played, whose predicted latency stands in both.
    source: which of several sources the window is of; None: there is one.
    track: the person the window is of; None: nobody was looked for.
    restart: whether its window began anew since the decision before.
    time_s: of the frame, seconds on the source's own clock; None: it has none.
    window_pixels: the window as the network saw it, oldest first: uint8 BGR (H, W, 3) each, of its
    input's size, before colours are ordered; () unless `StreamOptions.window_pixels` asks for them.
    image: of a frame since the last one with some, as the network saw it; None most of the time, and
    unless `StreamOptions.image_statistics` asks for it.
    """

    frame: int
    captured_at: float
    age_ms: float
    latency_ms: Mapping[str, float]
    tasks: Mapping[str, Prediction]
    predicted_for: str | None = None
    first_frame: int | None = None
    source: str | None = None
    track: TrackInfo | None = None
    restart: bool = False
    time_s: float | None = None
    window_pixels: Sequence[np.ndarray] = field(default=(), compare=False, repr=False)
    image: "ImageStatistics | None" = None

    @property
    def moment_s(self) -> float:
        """As `Frame.moment_s`: on the source's own clock if it has one, else when it was captured."""
        return self.captured_at if self.time_s is None else self.time_s

    def to_json(self, vectors: bool = False) -> dict[str, Any]:
        """The promised JSON fields: frame, first_frame, captured_at, age_ms, latency_ms, tasks.

        And `predicted_for`, if a board was played; `source`, if there are several; `track`, if
        people are followed; `restart`, if the window began anew; `time_s`, if the source says it.
        vectors: with those of embeddings.
        """
        source = {} if self.source is None else {"source": self.source}
        first = {} if self.first_frame is None else {"first_frame": self.first_frame}
        track = {} if self.track is None else {"track": self.track.to_json()}
        time_s = {} if self.time_s is None else {"time_s": round(self.time_s, 6)}
        restart = {"restart": True} if self.restart else {}
        played = {"predicted_for": self.predicted_for} if self.predicted_for else {}
        return {
            **source,
            "frame": self.frame,
            **first,
            "captured_at": round(self.captured_at, 6),
            **time_s,
            **restart,
            "age_ms": round(self.age_ms, 3),
            "latency_ms": {stage: round(ms, 4) for stage, ms in self.latency_ms.items()},
            **track,
            "tasks": {name: prediction.to_json(vectors) for name, prediction in self.tasks.items()},
            **played,
        }
