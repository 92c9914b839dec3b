"""camera: frames arrive at an even rate, whoever is too slow for one gets the next.

Ages are counted from when a frame was *due*, so that a generator or a reader that was
held up cannot make the figures look better (coordinated omission: G. Tene, 2015, "How
NOT to measure latency"). If the generator itself was late too often the run is
invalid, as in LoadGen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import pstdev

import click

from edge_benchmarks.cells import interrupted, key_figures, number, percent, spreads
from edge_benchmarks.scenarios.base import RATE, Inputs, Scenario, ScenarioOutcome, refuse_flat_out
from edge_benchmarks.show.plots import shapes
from edge_common import command_line, document, figures

LATE_PERIODS = 0.1  # a generator that misses its time by more was late
LATE_SHARE = 0.01  # of its frames may be late


@dataclass(frozen=True)
class CameraResult:
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
    def intervals_ms(self) -> list[float]:
        """Between decisions."""
        return [later - earlier for earlier, later in pairwise(self.decided_ms)]

    @property
    def jitter_ms(self) -> float | None:
        """Standard deviation of the intervals; None if there are fewer than two."""
        return pstdev(self.intervals_ms) if len(self.intervals_ms) > 1 else None

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


DEADLINE = click.Option(
    ["--deadline", "deadline_ms"],
    type=command_line.FiniteFloat(0, min_open=True),
    metavar="MS",
    help="camera: how old a frame may be at its decision. [default: one period]",
)


@dataclass(frozen=True)
class Camera(Scenario[CameraResult]):
    """rate_hz: None is the bundle's own.  deadline_ms: None is one period."""

    name = "camera"
    summary = "frames at a fixed rate"
    options = (RATE, DEADLINE)

    rate_hz: float | None = None
    deadline_ms: float | None = None

    def __post_init__(self) -> None:
        refuse_flat_out(self.rate_hz)

    @classmethod
    def result_type(cls) -> type[CameraResult]:
        return CameraResult

    def run(self, inputs: Inputs) -> ScenarioOutcome[CameraResult]:
        from edge_benchmarks.scenarios.timed_stream import measure_camera

        plan, rate_hz = inputs.plan, inputs.rate_hz(self.rate_hz)
        count = max(plan.frames, round(plan.seconds * rate_hz))
        with inputs.progress.count("camera, frames", count) as on_frame:
            result = measure_camera(
                inputs.stream(),
                inputs.frames.pixels,
                plan,
                rate_hz,
                deadline_ms=self.deadline_ms,
                on_frame=on_frame,
            )
        return ScenarioOutcome(result)

    @classmethod
    def show(cls, result: CameraResult) -> document.Section:
        text = [f"Frames came {result.rate_hz:g} times a second, whoever was too slow for one."]
        if result.invalid_because:
            text.append(f"**Invalid:** {result.invalid_because}.")
        rows = [
            ("missed: decided on too late, or never", percent(result.missed_share)),
            ("deadline", number(result.deadline_ms, "ms")),
            ("frames taken", f"{result.taken:,}"),
            ("frames dropped", f"{result.dropped:,}"),
            ("jitter: standard deviation between decisions", number(result.jitter_ms, "ms")),
            ("frames that the generator was late with", percent(result.late_share)),
        ]
        series = {"frame age": result.age_ms, "network": result.latency_ms, **result.stages_ms}
        return document.Section(
            "Camera",
            [*text, *interrupted(result.complete)],
            [spreads("ms", series), key_figures(rows)],
            svg=(lambda: _plot(result)) if len(result.age_ms) > 1 else "",
            caption="Age: from when the frame was due to its decision.",
            level=3,
            digest=list(_digest(result)),
        )


def _digest(result: CameraResult) -> Iterator[tuple[str, str]]:
    from edge_benchmarks.statistics import summarise

    if not result.age_ms:
        return
    age = summarise(result.age_ms)
    yield (
        f"camera, {result.rate_hz:g} Hz",
        f"frame age {age.p50:.2f} ms p50, {age.p99:.2f} p99; {result.dropped} dropped",
    )
    yield (
        "",
        f"jitter {result.jitter_ms or 0:.2f} ms; {result.missed_share or 0:.1%} missed "
        f"their deadline of {result.deadline_ms:.1f} ms",
    )
    if result.invalid_because:
        yield "", f"INVALID: {result.invalid_because}"


def _plot(result: CameraResult) -> str:
    """How old frames are at their decisions, and how evenly decisions come."""

    def draw(figure: figures.Figure) -> None:
        left, right = figures.panel(figure, (1, 2, 1)), figures.panel(figure, (1, 2, 2))
        shapes.ecdf(left, result.age_ms, figures.COLOURS[0], "frame age")
        shapes.ecdf(left, result.latency_ms, figures.COLOURS[1], "of it the network")
        left.axvline(
            result.deadline_ms, color=figures.INK, linestyle="--", linewidth=1, label="deadline"
        )
        if figures.far_apart([*result.age_ms, *result.latency_ms]):
            figures.log_scale(left)
        left.set_xlabel("ms")
        left.set_ylabel("share of decisions, %")
        _plot_intervals(right, result)
        figures.legend(figure, [left, right])

    return figures.svg_figure(draw, height=3.4)


def _plot_intervals(axes: figures.Axes, result: CameraResult) -> None:
    period_ms = 1e3 / result.rate_hz
    axes.plot(
        result.intervals_ms, color=figures.COLOURS[2], linewidth=0.8, label="between decisions"
    )
    axes.axhline(period_ms, color=figures.INK, linestyle=":", linewidth=1, label="period")
    figures.from_zero(axes, [*result.intervals_ms, period_ms])
    axes.set_xlabel("decision")
    axes.set_ylabel("ms")
