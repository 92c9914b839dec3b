"""Events: what holds for a while, with a beginning, an end and evidence.

`edge.events.alert` and `edge.events.judges` make them.
"""

from edge.events.clock import WALL_CLOCK as WALL_CLOCK, WallClock as WallClock, now_text as now_text
from edge.events.event import (
    CLEARED as CLEARED,
    OUT_OF_SCHEDULE as OUT_OF_SCHEDULE,
    RUN_ENDED as RUN_ENDED,
    SETTINGS_CHANGED as SETTINGS_CHANGED,
    SOURCE_LOST as SOURCE_LOST,
    TRACK_LEFT as TRACK_LEFT,
    Event as Event,
    EventIds as EventIds,
    Moment as Moment,
    Phase as Phase,
    file_stem as file_stem,
)
