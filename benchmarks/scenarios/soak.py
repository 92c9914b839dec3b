"""soak: the same network for minutes or days; what heat, leaks and rare errors do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from edge_benchmarks.cells import interrupted, key_figures, number
from edge_benchmarks.scenarios.base import RATE, Inputs, Scenario, ScenarioOutcome
from edge_common import command_line, document, figures

if TYPE_CHECKING:
    from edge_benchmarks.scenarios.soak_loop import SoakInterval, SoakResult

SOAK_MINUTES = click.Option(
    ["--soak-minutes"],
    type=command_line.FiniteFloat(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="MIN",
    help="soak: how long.",
)
_INTERVAL_S = 10.0
_MIN_SPAN_MB = 1.0  # so that a few pages do not look like a leak


@dataclass(frozen=True)
class Soak(Scenario["SoakResult"]):
    """rate_hz: None is the bundle's own, 0 flat out."""

    name = "soak"
    summary = "for --soak-minutes"
    options = (RATE, SOAK_MINUTES)

    rate_hz: float | None = None
    soak_minutes: float = 10.0

    @classmethod
    def result_type(cls) -> type[SoakResult]:
        from edge_benchmarks.scenarios.soak_loop import SoakResult

        return SoakResult

    def run(self, inputs: Inputs) -> ScenarioOutcome[SoakResult]:
        from edge_benchmarks.measure.subjects import StreamSubject
        from edge_benchmarks.scenarios.soak_loop import SoakPlan, measure_soak
        from edge_devices.telemetry import TimeLine

        rate_hz = inputs.rate_hz(None) if self.rate_hz is None else self.rate_hz
        plan = SoakPlan(60 * self.soak_minutes, _INTERVAL_S, rate_hz)
        line = TimeLine()
        line.start()
        intervals = max(1, round(plan.seconds / plan.interval_s))
        with inputs.progress.count("soak, intervals", intervals) as on_interval:
            result = measure_soak(
                StreamSubject(inputs.stream()),
                inputs.frames.pixels,
                plan,
                telemetry=line.take,
                on_interval=lambda interval: on_interval(),
            )
        return ScenarioOutcome(result)

    @classmethod
    def show(cls, result: SoakResult) -> document.Section:
        growth, intervals = result.memory, result.intervals
        lasted_s = intervals[-1].until_s if intervals else 0.0
        grown = number(growth.kb_per_h, "kB an hour")
        if growth.interval:
            grown += f" ({number(growth.interval[0])} to {number(growth.interval[1])})"
        rows = [
            ("lasted", number(lasted_s, "s")),
            ("frames", f"{sum(interval.frames for interval in intervals):,}"),
            ("errors of the engine", str(result.errors)),
            ("frames overtaken by newer ones", str(sum(i.missed for i in intervals))),
            ("memory grows by", grown),
            ("verdict on memory", growth.verdict),
        ]
        failed = [f"**The engine failed:** {result.last_error}."] if result.last_error else []
        digest = f"{result.errors} errors; memory: {growth.verdict}"
        return document.Section(
            "Soak",
            [*failed, *interrupted(result.complete)],
            [key_figures(rows)],
            svg=(lambda: _plot(result)) if any(i.latency_ms for i in intervals) else "",
            level=3,
            digest=[(f"soak, {lasted_s / 60:.1f} min", digest)] if intervals else [],
        )


def _plot(result: SoakResult) -> str:
    """Percentiles of each interval, memory, and the temperature if the machine tells it."""
    sampled = [(i.until_s, i.telemetry) for i in result.intervals if i.telemetry]
    hot = [(at, s.temperature_c) for at, s in sampled if s.temperature_c is not None]
    rows = 3 if hot else 2

    def draw(figure: figures.Figure) -> None:
        top, last = (figures.panel(figure, (rows, 1, row)) for row in (1, 2))
        _plot_percentiles(top, [i for i in result.intervals if i.latency_ms])
        _plot_memory(last, result.intervals)
        if hot:
            last = figures.panel(figure, (rows, 1, 3))
            last.plot(*zip(*hot), color=figures.COLOURS[1])
            last.set_ylabel("°C")
        last.set_xlabel("since the soak began, s")
        figures.legend(figure, [top])

    return figures.svg_figure(draw, height=5.6 if hot else 4.2)


def _plot_memory(axes: figures.Axes, intervals: Sequence[SoakInterval]) -> None:
    resident_mb = [interval.rss_bytes / 1e6 for interval in intervals]
    axes.plot([i.until_s for i in intervals], resident_mb, color=figures.COLOURS[3])
    axes.set_ylim(min(resident_mb) - _MIN_SPAN_MB, max(resident_mb) + _MIN_SPAN_MB)
    axes.set_ylabel("resident, MB")


def _plot_percentiles(axes: figures.Axes, intervals: Sequence[SoakInterval]) -> None:
    seconds = [interval.until_s for interval in intervals]
    for colour, name in zip(figures.COLOURS, ("p50", "p90", "p99")):
        values = [getattr(interval.latency_ms, name) for interval in intervals]
        axes.plot(seconds, values, color=colour, label=name)
    figures.from_zero(axes, [i.latency_ms.p99 for i in intervals if i.latency_ms])
    axes.set_ylabel("a frame, ms")
