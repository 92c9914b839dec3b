"""first-frames: a scenario in one file, as somebody who needs a new one would write it."""

from collections.abc import Mapping
from dataclasses import dataclass

import click

from edge_benchmarks.cells import key_figures, number
from edge_benchmarks.scenarios.base import Cell, Inputs, Scenario, ScenarioOutcome
from edge_common import figures
from edge_common.document import Section

COUNT = click.Option(["--first"], type=int, default=3, help="first-frames: how many.")


@dataclass(frozen=True)
class FirstFramesResult:
    """frame_ms: of each of the first frames after the window was full."""

    frame_ms: tuple[float, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class FirstFrames(Scenario[FirstFramesResult]):
    """first: how many frames."""

    name = "first-frames"
    summary = "the first frames after the window was full"
    options = (COUNT,)

    first: int = 3

    @classmethod
    def result_type(cls) -> type[FirstFramesResult]:
        return FirstFramesResult

    def run(self, inputs: Inputs) -> ScenarioOutcome[FirstFramesResult]:
        subject, frame_ms = inputs.subject(), list[float]()
        while len(frame_ms) < self.first:
            timing = subject.step(inputs.frames.pixels[0])
            frame_ms += [timing.total_ms] if timing else []
        return ScenarioOutcome(FirstFramesResult(tuple(frame_ms)))

    @classmethod
    def show(cls, result: FirstFramesResult) -> Section:
        slowest = number(max(result.frame_ms), "ms")
        return Section(
            "First frames",
            tables=[key_figures([("slowest of the first frames", slowest)])],
            svg=lambda: _plot(result),
            level=3,
            digest=[("first frames", f"{slowest} at most, of {len(result.frame_ms)}")],
        )

    @classmethod
    def columns(cls, result: FirstFramesResult) -> Mapping[str, Cell]:
        return {"first_frames_max_ms": max(result.frame_ms)}


def _plot(result: FirstFramesResult) -> str:
    def draw(figure: figures.Figure) -> None:
        figures.panel(figure).plot(result.frame_ms, color=figures.COLOURS[0])

    return figures.svg_figure(draw, height=2.0)
