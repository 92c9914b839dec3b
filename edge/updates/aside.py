"""When a shadow steps aside: a run that is late has no time for it."""

from collections.abc import Callable

from edge.bundle import CARRIED_RING, CARRIED_STATE, Manifest

# frames behind a late one, all in time: as many as a source looks back over
REST = 30
_MEMORY = 30  # frames after which a memory of no known length is taken for filled


class Aside:
    """Whether the shadow takes the next frame of one window: all in a row while the run has time.

    Its window needs consecutive frames, so that it leaves out many in a row, not one here and there.
    has_time: whether the run has so many seconds for one more pass of the newest frame.
    """

    def __init__(self, has_time: Callable[[float], bool]) -> None:
        self._has_time, self._in_time = has_time, REST

    def takes(self, pass_s: float) -> bool:
        """pass_s: seconds that the newest pass of the shadow took."""
        self._in_time = self._in_time + 1 if self._has_time(pass_s) else 0
        return self._in_time > REST


def settled_after(manifest: Manifest) -> int:
    """Frames in a row from which on nothing before them counts, so that answers can be compared."""
    outlives = manifest.streaming in (CARRIED_STATE, CARRIED_RING)
    return manifest.window + (_MEMORY if outlives else 0)
