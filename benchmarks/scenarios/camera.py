"""camera: frames arrive at an even rate, whoever is too slow for one gets the next.

Ages are counted from when a frame was *due*, so that a generator or a reader that was
held up cannot make the figures look better (coordinated omission: G. Tene, 2015, "How
NOT to measure latency"). Where the generator itself was late too often the run is
invalid, as in LoadGen.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from edge.loop import run
from edge.sinks import RunEnded
from edge.sources import Source
from edge.sources.live import LiveSource
from edge.stream.decision import Decision
from edge.stream.preprocess import Frame
from edge.stream.stream import Stream
from edge.summary import RunSummary
from edge_benchmarks.measure.timing import Clock, Plan, Trial
from edge_benchmarks.scenarios.paced_camera import PacedCamera
from edge_benchmarks.scenarios.samples import BareStream, Interruptible

LATE_PERIODS = 0.1  # a generator that misses its time by more was late
LATE_SHARE = 0.01  # of its frames may be late


@dataclass(frozen=True)
class Camera:
    """A run of the live path; series hold one value a decision, but the first frame's.

    deadline_ms: how old a frame may be at its decision.
    age_ms: from when the frame was due to its decision.
    latency_ms: from the start of `push` to the last stage's end.
    decided_ms: time of the decision, since the first frame was due.
    taken, dropped: frames that edge-run's loop got, and that were overtaken by newer ones.
    lateness_ms: of each frame that the generator delivered.
    """

    rate_hz: float
    deadline_ms: float
    age_ms: tuple[float, ...] = ()
    latency_ms: tuple[float, ...] = ()
    stages_ms: dict[str, tuple[float, ...]] = field(default_factory=dict)
    decided_ms: tuple[float, ...] = ()
    taken: int = 0
    dropped: int = 0
    lateness_ms: tuple[float, ...] = ()
    complete: bool = True

    @property
    def intervals_ms(self) -> np.ndarray:
        """Between decisions."""
        return np.diff(self.decided_ms)

    @property
    def jitter_ms(self) -> float | None:
        """Standard deviation of the intervals; None where there are fewer than two."""
        return float(np.std(self.intervals_ms)) if len(self.intervals_ms) > 1 else None

    @property
    def missed_share(self) -> float | None:
        """Of the frames, those decided on after their deadline, or never."""
        missed = sum(age > self.deadline_ms for age in self.age_ms) + self.dropped
        due = len(self.age_ms) + self.dropped
        return missed / due if due else None

    @property
    def late_share(self) -> float:
        """Of the delivered frames, those that the generator was late with."""
        late_ms = LATE_PERIODS * 1e3 / self.rate_hz
        return sum(ms > late_ms for ms in self.lateness_ms) / max(len(self.lateness_ms), 1)

    @property
    def invalid_because(self) -> str:
        """Why the figures say nothing about the network; empty for a valid run."""
        if self.late_share <= LATE_SHARE:
            return ""
        return (
            f"the generator was late with {self.late_share:.1%} of its frames "
            f"(at most {LATE_SHARE:.0%} may be): close other programs, or lower the rate"
        )


def camera(
    stream: Stream,
    frames: Sequence[np.ndarray],
    plan: Plan,
    rate_hz: float,
    *,
    deadline_ms: float | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> Camera:
    """Run edge-run's loop on a live source, at `rate_hz` frames a second.

    Frames: `plan.frames`, or as many as come in `plan.seconds`.  deadline_ms: one
    period unless given.  stream: with a hop of 1.
    """
    count = max(plan.frames, math.ceil(plan.seconds * rate_hz)) + 1
    paced = PacedCamera(frames, rate_hz, count)
    log = LiveLog(paced)
    with Interruptible() as running:
        Trial(BareStream(stream), frames, plan).warm_up()
        source = LiveSource("paced camera", lambda: paced, retry_delays_s=())
        log.watch(stream, source, on_frame)
    return log.figures(deadline_ms or 1e3 / rate_hz, running.complete)


class LiveLog:
    """A sink that notes when each decision was made on a frame of a paced camera."""

    def __init__(self, paced: PacedCamera, clock: Clock = time.perf_counter_ns) -> None:
        self._paced, self._clock = paced, clock
        self._newest = -1
        self._age_ms: list[float] = []
        self._decided_ms: list[float] = []
        self._stages_ms: dict[str, list[float]] = {}
        self._summary = RunSummary("", "", "")

    def watch(
        self, stream: Stream, source: Source, on_frame: Callable[[], None] = lambda: None
    ) -> None:
        """Run until the camera's last frame came through `source`, which is then closed."""

        def until_last(_: RunSummary) -> None:
            on_frame()
            if self._newest == self._paced.count - 1:
                raise RunEnded

        with closing(source):
            run(stream, source, [self], self._summary, on_frame=until_last)

    def take(self, frame: Frame, decision: Decision | None) -> None:
        now_ns, self._newest = self._clock(), frame.number
        if decision is None or frame.number == 0:  # it waited while the source was opened
            return
        schedule = self._paced.schedule
        self._age_ms.append((now_ns - schedule.due_ns(frame.number)) / 1e6)
        self._decided_ms.append((now_ns - schedule.due_ns(0)) / 1e6)
        for stage, ms in decision.latency_ms.items():
            self._stages_ms.setdefault(stage, []).append(ms)

    def close(self) -> None:
        """Nothing to finish."""

    def figures(self, deadline_ms: float, complete: bool) -> Camera:
        """What was noted so far."""
        return Camera(
            self._paced.rate_hz,
            deadline_ms,
            tuple(self._age_ms),
            tuple(map(sum, zip(*self._stages_ms.values()))),
            {stage: tuple(ms) for stage, ms in self._stages_ms.items()},
            tuple(self._decided_ms),
            self._summary.frames,
            self._summary.dropped,
            tuple(self._paced.lateness_ms),
            complete,
        )
