"""What a user may say of a scene."""

import math
from dataclasses import dataclass, field

from edge.stream import StreamOptions
from edge.tracks import TrackOptions, zones as areas
from edge_common import EdgeError


@dataclass(frozen=True)
class SceneOptions:
    """How people are found, followed and looked at.

    stream: how both networks are run, and how many frames a person's window gets between decisions.
    budget_ms: milliseconds a frame for detector and encoder calls; infinite: everybody is found
    and looked at in every frame.
    max_people: windows at once; who came first has one.
    detect_every: frames between two passes of the detector; None: as the budget allows.
    rate_hz: frames a second that each window gets; None: what the network was trained at.
    tracks: how they are followed; None: as suits the detector.
    zones: in which dwell is counted.  masks: who stands in one is not looked for.
    Raises EdgeError if one is no such number.
    """

    stream: StreamOptions = field(default_factory=StreamOptions)
    budget_ms: float = math.inf
    max_people: int = 10
    detect_every: int | None = None
    rate_hz: float | None = None
    zones: tuple[areas.Zone, ...] = ()
    masks: tuple[areas.Polygon, ...] = ()
    tracks: TrackOptions | None = None

    def __post_init__(self) -> None:
        if not self.budget_ms > 0:
            raise EdgeError(
                f"a budget is more than 0 ms a frame, not {self.budget_ms:g}: such as 20"
            )
        if not (self.max_people >= 1 and (self.detect_every is None or self.detect_every >= 1)):
            raise EdgeError("people at once, and frames between detections, are 1 or more")
        if not 0 <= (self.rate_hz or 0.0) < math.inf:
            raise EdgeError(f"a window gets 0 (all) or more frames a second, not {self.rate_hz:g}")
