"""The sink `keeper:FOLDER`: windows that the network was unsure of, for people to label."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge import sinks, stream
from edge.sinks.keeper.doubts import Doubt, DoubtLimits, Doubts
from edge.sinks.keeper.folder import LEAVES, ClipFolder, NewClip
from edge.sinks.keeper.table import Columns
from edge.sinks.quota import Quota, kept_s
from edge_common import Closable, only_writer, slug

_ROUNDING_S = 1e-6  # of times that are sums of fractions


def open_sink(
    target: str,
    run: sinks.RunInfo,
    *,
    quota_mb: float = 500.0,
    disk_share: float = 0.95,
    per_minute: float = 6.0,
    entropy: float = 0.7,
    near: float = 0.05,
    similar: int = 5,
    leaves: str = "surest",
    keep_days: float = 0.0,
) -> "KeeperSink":
    """quota_mb: of all that is kept.  disk_share: of the disk, that may be full of whatever.

    per_minute: clips of each source.  entropy: from which share of the highest an answer is unsure.
    near: how far from an alert's threshold one is.  similar: clips of one scene, at most.
    leaves: what goes first if the quota is full: surest, or oldest.
    keep_days: after which clips without labels go; 0: never.
    Raises ValueError, SinkError.
    """
    if leaves not in LEAVES:
        raise ValueError(f"the option leaves is {' or '.join(LEAVES)}")
    if not (0 < per_minute <= 600 and 1 <= similar <= 1000):
        raise ValueError("the options per_minute and similar are above 0, and 600 and 1000 at most")
    limits, tasks = DoubtLimits(entropy, near), run.bundle.tasks if run.bundle else ()
    doubts = Doubts(tasks, run.alerts, limits)
    if not doubts.can_be_raised:
        raise ValueError("no task of this bundle says how sure it is, and no alert has a threshold")
    quota = Quota(Path(target), "*", round(quota_mb * 1e6), disk_share, kept_s(keep_days))
    folder = ClipFolder(quota, Columns.of(tasks), leaves, similar)
    return KeeperSink(folder, doubts, run, 60.0 / per_minute)


@dataclass(frozen=True)
class _Unsure:
    """A decision with what is doubtful in it."""

    decision: stream.Decision
    doubts: Sequence[Doubt]


class KeeperSink(Closable):
    """Keeps the windows of decisions that are doubtful, the very pixels that the network saw.

    pause_s: between two of one source, on the frames' clock.  Raises SinkError.
    """

    def __init__(
        self, folder: ClipFolder, doubts: Doubts, run: sinks.RunInfo, pause_s: float
    ) -> None:
        self._folder, self._doubts, self._run, self._pause_s = folder, doubts, run, pause_s
        self._newest_s: dict[str, float] = {}  # of what was kept of each source
        self._taken: Sequence[stream.Decision] = ()
        self._waiting: list[_Unsure] = []
        with contextlib.ExitStack() as stack:
            folder.create()
            stack.enter_context(only_writer(folder.table))
            folder.open()
            self._stack = stack.pop_all()

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        if decisions is not self._taken:  # after a failure the same ones come again
            self._taken = decisions
            self._waiting = [u for u in map(self._unsure, decisions) if u.doubts]
        while self._waiting:
            self._keep(self._waiting[0])
            del self._waiting[0]

    def _unsure(self, decision: stream.Decision) -> _Unsure:
        source = decision.source or self._run.origin
        return _Unsure(decision, self._doubts.of(decision, source))

    def _keep(self, unsure: _Unsure) -> None:
        decision, source = unsure.decision, unsure.decision.source or self._run.origin
        now_s = decision.moment_s
        passed_s = now_s - self._newest_s.get(source, float("-inf"))
        if not decision.window_pixels or 0 <= passed_s < self._pause_s - _ROUNDING_S:
            return
        if self._folder.keep(self._clip(unsure, source)):
            self._newest_s[source] = now_s

    def _clip(self, unsure: _Unsure, source: str) -> NewClip:
        decision, clock = unsure.decision, self._run.clock
        at, track = clock.text(decision.captured_at), decision.track
        stamp = at[:23].translate(str.maketrans(".", "_", "-:"))
        who = f"track{track.number}" if track else f"frame{decision.frame}"
        # what is near in time looks alike: a training keeps it in one part
        group = f"{slug(source)}-{who}-{at[:10]}" if track else f"{slug(source)}-{at[:16]}"
        cells = {
            **self._folder.columns.suggested(decision.tasks),
            "kept_reason": "; ".join(doubt.reason for doubt in unsure.doubts),
            "kept_at": at,
            "kept_source": source,
            "kept_track": str(track.number) if track else "",
            "kept_group": group,
            "kept_bundle": self._run.bundle.name if self._run.bundle else "",
        }
        name = f"{stamp}Z-{slug(source)[-40:]}-{who}".replace("Z--", "Z-")
        return NewClip(
            name, decision.window_pixels, cells, max(doubt.unsureness for doubt in unsure.doubts)
        )

    def tidy(self) -> None:
        self._folder.remove_old()

    def close(self) -> None:
        self._stack.close()
