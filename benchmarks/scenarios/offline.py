"""offline: all frames are there at once; what counts is how many a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

from edge_benchmarks.cells import interrupted, key_figures, number
from edge_benchmarks.scenarios.base import Inputs, Interruptible, Scenario, ScenarioOutcome
from edge_common import document, figures
from edge_devices.telemetry import TimeLine

if TYPE_CHECKING:
    from edge_benchmarks.measure import conditions, timing


@dataclass(frozen=True)
class Energy:
    """What the board's own meter told during the offline scenario.

    covers: what the meter measures.  per_frame_mj: millijoules, everything on it included.
    """

    covers: str
    joules: float
    seconds: float
    per_frame_mj: float


@dataclass(frozen=True)
class Batch:
    """Frames worked off without a pause. cpu_s: processor time of all threads."""

    frames: int
    wall_s: float
    cpu_s: float

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.wall_s


@dataclass(frozen=True)
class OfflineResult:
    """Batches of equally many frames, whole ones only."""

    batches: tuple[Batch, ...] = ()
    complete: bool = True

    @property
    def frames_per_second(self) -> float | None:
        """Of all batches together; None if none was finished."""
        wall_s = sum(batch.wall_s for batch in self.batches)
        return self.frames / wall_s if wall_s else None

    @property
    def frames(self) -> int:
        return sum(batch.frames for batch in self.batches)

    @property
    def busy_cores(self) -> float | None:
        """Processor time over wall time: how many cores were at work, on average."""
        wall_s = sum(batch.wall_s for batch in self.batches)
        return sum(batch.cpu_s for batch in self.batches) / wall_s if wall_s else None


def measure_offline(
    subject: timing.Subject,
    frames: Sequence[conditions.Pixels],
    plan: timing.Plan,
    *,
    clock: timing.Clock = time.perf_counter_ns,
    cpu_clock: timing.Clock = time.process_time_ns,
    on_batch: Callable[[], None] = lambda: None,
) -> OfflineResult:
    """Work off `plan.rounds` batches, and more until `plan.seconds` have passed."""
    from edge_benchmarks.measure.timing import SubjectTimings

    batches: list[Batch] = []
    repeated = cycle(frames)

    def batch() -> Batch:
        queue = list(islice(repeated, plan.block_frames))
        started, cpu_started = clock(), cpu_clock()
        for pixels in queue:
            subject.step(pixels)
        cpu_ns, wall_ns = cpu_clock() - cpu_started, clock() - started
        return Batch(len(queue), wall_ns / 1e9, cpu_ns / 1e9)

    with Interruptible() as run:
        SubjectTimings(subject, frames, plan).warm_up()
        started = clock()
        while len(batches) < plan.rounds or clock() - started < plan.seconds * 1e9:
            batches.append(batch())
            on_batch()
    return OfflineResult(tuple(batches), run.complete)


@dataclass(frozen=True)
class Offline(Scenario[OfflineResult]):
    """Has no options of its own."""

    name = "offline"
    summary = "throughput"

    @classmethod
    def result_type(cls) -> type[OfflineResult]:
        return OfflineResult

    def run(self, inputs: Inputs) -> ScenarioOutcome[OfflineResult]:
        line = TimeLine()
        line.start()
        result = measure_offline(inputs.subject(), inputs.frames.pixels, inputs.plan)
        line.take()
        return ScenarioOutcome(result, energy=_energy(line, result.frames))

    @classmethod
    def show(cls, result: OfflineResult) -> document.Section:
        rows = [
            ("frames a second", number(result.frames_per_second)),
            ("cores at work, mean", number(result.busy_cores)),
            ("batches", str(len(result.batches))),
            ("frames", f"{result.frames:,}"),
        ]
        digest = f"{result.frames_per_second or 0:.0f} frames/s, {result.busy_cores or 0:.2f} cores"
        return document.Section(
            "Offline",
            ["All frames were there at once.", *interrupted(result.complete)],
            [key_figures(rows)],
            svg=(lambda: _plot(result)) if len(result.batches) > 1 else "",
            level=3,
            digest=[("offline", f"{digest} busy")] if result.frames_per_second else [],
        )


def _energy(line: TimeLine, frames: int) -> Energy | None:
    """What the board's own meter told of these frames; None if it has none."""
    energy = line.energy
    if not energy.joules or not energy.covers or not frames:
        return None
    return Energy(energy.covers, energy.joules, energy.measured_s, 1e3 * energy.joules / frames)


def _plot(result: OfflineResult) -> str:
    """Throughput of each batch."""
    rates = [batch.frames_per_second for batch in result.batches]

    def draw(figure: figures.Figure) -> None:
        axes = figures.panel(figure)
        axes.plot(range(1, len(rates) + 1), rates, "o-", color=figures.COLOURS[0], markersize=4)
        figures.from_zero(axes, rates)
        axes.set_xlabel("batch")
        axes.set_ylabel("frames a second")

    return figures.svg_figure(draw, height=2.6)
