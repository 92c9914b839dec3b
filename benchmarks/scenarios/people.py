"""people: so many walkers in one picture, each found, followed and looked at within a budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import click

from edge.commands import scene_options, source_options
from edge_benchmarks import cells
from edge_benchmarks.scenarios import base
from edge_common import ConfigError, command_line, document, figures

if TYPE_CHECKING:
    from edge_benchmarks.statistics import samples

_MOST_PIXELS = 8192 * 8192


@dataclass(frozen=True)
class PeopleLoad:
    """So many people at once.

    frames: that were looked at.  dropped: overtaken by newer ones.  wall_s: of all of them.
    age_ms: of each frame, from when it was due until all was done with it.
    decisions: on each of the people, ascending.
    detections: passes of the detector.  follow_ms: of tracking, in each frame without one.
    """

    people: int
    frames: int = 0
    dropped: int = 0
    wall_s: float = 0.0
    age_ms: base.Series = ()
    decisions: tuple[int, ...] = ()
    detections: int = 0
    follow_ms: base.Series = ()
    complete: bool = True

    @property
    def age(self) -> samples.Summary | None:
        """Of the frames; None if there were none."""
        from edge_benchmarks.statistics import summarise

        return summarise(self.age_ms) if self.age_ms else None

    @property
    def each_hz(self) -> float | None:
        """Decisions a second on each of them, their mean."""
        return sum(self.decisions) / self.people / self.wall_s if self.wall_s else None

    @property
    def frames_a_detection(self) -> float | None:
        return self.frames / self.detections if self.detections else None

    @property
    def unevenness(self) -> float | None:
        """How far the one who is furthest from the mean is from it, as a share of it."""
        mean = sum(self.decisions) / self.people
        return max(abs(each / mean - 1) for each in self.decisions) if mean else None


@dataclass(frozen=True)
class PeopleResult:
    """rate_hz: of the frames, each of width x height.  loads: by the number of people, ascending."""

    detector: str
    width: int
    height: int
    rate_hz: float
    budget_ms: float
    loads: tuple[PeopleLoad, ...] = ()
    complete: bool = True


PEOPLE = click.Option(
    ["--people"],
    type=click.IntRange(1, 64),
    default=10,
    show_default=True,
    metavar="N",
    help="people: the most at once.",
)
DETECTOR = click.Option(
    ["--detector"],
    default="person",
    show_default=True,
    metavar="NAME|FILE",
    help="people: what finds them.",
)
BUDGET = click.Option(
    ["--budget-ms"],
    type=command_line.FiniteFloat(0, min_open=True),
    metavar="MS",
    help="people: milliseconds a frame for all of them. [default: half of a frame's time]",
)
PICTURE = click.Option(
    ["--picture-size"],
    type=source_options.SizeParam(),
    default="640x480",
    show_default=True,
    metavar="WxH",
    help="people: of the frames that they are in.",
)


@dataclass(frozen=True)
class People(base.Scenario[PeopleResult]):
    """rate_hz, budget_ms: None is the bundle's own, and half of a frame's time.  people: the most."""

    name = "people"
    summary = "walkers in one picture, a window each"
    options = (base.RATE, PEOPLE, DETECTOR, BUDGET, PICTURE)

    rate_hz: float | None = None
    people: int = 10
    detector: str = "person"
    budget_ms: float | None = None
    picture_size: tuple[int, int] = (640, 480)

    def __post_init__(self) -> None:
        base.refuse_flat_out(self.rate_hz)
        if math.prod(self.picture_size) > _MOST_PIXELS:
            width, height = self.picture_size
            raise ConfigError(f"frames of {width} x {height} pixels are more than any camera gives")

    @classmethod
    def result_type(cls) -> type[PeopleResult]:
        return PeopleResult

    def check(self, inputs: base.Inputs) -> None:
        from edge.detector import open_detector

        base.refuse_emulated(self.name, inputs.engine)
        open_detector(self.detector, runtime=inputs.engine.runtime)

    def run(self, inputs: base.Inputs) -> base.ScenarioOutcome[PeopleResult]:
        from edge_benchmarks.scenarios import walkers

        rate_hz = inputs.rate_hz(self.rate_hz)
        budget_ms = self.budget_ms or scene_options.BUDGET_SHARE * 1e3 / rate_hz
        crowd = walkers.Crowd(inputs, self.detector, self.picture_size, rate_hz, budget_ms)
        result = PeopleResult(crowd.detector_name, *self.picture_size, rate_hz, budget_ms)
        counts = [1, *(count for count in (2, 5, 10, 20, 50) if count < self.people)]
        counts += [self.people] if self.people > 1 else []
        with inputs.progress.count("people, frames", crowd.frames * len(counts)) as on_frame:
            for count in counts:
                load = crowd.watch(count, on_frame)
                result = replace(result, loads=(*result.loads, load), complete=load.complete)
                if not load.complete:
                    break
        return base.ScenarioOutcome(result)

    @classmethod
    def settings(cls, result: PeopleResult) -> Mapping[str, str]:
        return {
            "people's detector": result.detector,
            "people's frames": f"{result.width} x {result.height} at {result.rate_hz:g} Hz",
            "budget for people": f"{result.budget_ms:.1f} ms",
        }

    @classmethod
    def show(cls, result: PeopleResult) -> document.Section:
        text = [
            f"Walkers whose places are known, in frames of {result.width} x {result.height} that "
            f"come {result.rate_hz:g} times a second. The detector ({result.detector}) runs and its "
            "boxes are replaced by theirs; they are followed, and each is looked at through a "
            f"window of their own, all within {result.budget_ms:.1f} ms a frame."
        ]
        return document.Section(
            "People",
            [*text, *cells.interrupted(result.complete)],
            [_table(result)],
            svg=(lambda: _plot(result)) if len(result.loads) > 1 else "",
            caption="Even: what one person gets, shared among all.",
            level=3,
            digest=list(_digest(result)),
        )

    @classmethod
    def columns(cls, result: PeopleResult) -> Mapping[str, base.Cell]:
        if not result.loads:
            return {}
        most = result.loads[-1]
        return {
            "people": most.people,
            "people_decisions_hz": most.each_hz,
            "people_age_p99_ms": most.age.p99 if most.age else None,
        }


def _table(result: PeopleResult) -> document.Table:
    header = (
        "people", "decisions/s each", "furthest from even", "frame age, ms p50", "p99",
        "dropped", "frames a detection", "tracking, ms",
    )  # fmt: skip
    rows = [
        (
            str(load.people),
            cells.number(load.each_hz),
            cells.percent(load.unevenness),
            *(map(cells.number, (load.age.p50, load.age.p99) if load.age else (None, None))),
            f"{load.dropped:,}",
            cells.number(load.frames_a_detection),
            cells.number(median(load.follow_ms) if load.follow_ms else None),
        )
        for load in result.loads
    ]
    return document.Table(header, rows)


def _digest(result: PeopleResult) -> Iterator[tuple[str, str]]:
    for load in result.loads:
        age = load.age
        if load.each_hz is None or age is None:
            continue
        yield (
            f"people, {load.people} at once",
            f"{load.each_hz:.2f} decisions/s each (at most {load.unevenness or 0:.0%} from even); "
            f"frame age {age.p50:.1f} ms p50, {age.p99:.1f} p99; {load.dropped} dropped; "
            f"detector every {load.frames_a_detection or 0:.1f} frames",
        )


def _plot(result: PeopleResult) -> str:
    """How often each is decided on, and how old frames get, by the number of people."""
    loads = [load for load in result.loads if load.each_hz is not None]
    people = [load.people for load in loads]

    def draw(figure: figures.Figure) -> None:
        left, right = figures.panel(figure, (1, 2, 1)), figures.panel(figure, (1, 2, 2))
        rates_hz = [load.each_hz or 0.0 for load in loads]
        left.plot(people, rates_hz, "o-", color=figures.COLOURS[0], label="decisions on each")
        left.set_ylabel("a second")
        ages = {load.people: load.age for load in loads if load.age}
        for label, ages_ms, colour in (
            ("frame age, p50", [age.p50 for age in ages.values()], 1),
            ("p99", [age.p99 for age in ages.values()], 2),
        ):
            right.plot(list(ages), ages_ms, "o-", color=figures.COLOURS[colour], label=label)
        right.axhline(
            1e3 / result.rate_hz, color=figures.INK, linestyle="--", linewidth=1, label="period"
        )
        right.set_ylabel("ms")
        for axes in (left, right):
            axes.set_xlabel("people at once")
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
        figures.legend(figure, [left, right])

    return figures.svg_figure(draw, height=3.2)
