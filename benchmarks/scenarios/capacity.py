"""How many streams a board keeps up with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge_benchmarks.cells import interrupted, number
from edge_benchmarks.scenarios import base, multi_stream
from edge_common import document, figures

if TYPE_CHECKING:
    from edge_benchmarks.measure import conditions, timing

    Measure = Callable[[Sequence[timing.Subject]], multi_stream.MultiStreamResult]

_FRAMES = 100  # an attempt is judged by its p99


@dataclass(frozen=True)
class CapacityResult:
    """limit: more streams were not tried.  tried: in the order of the search."""

    rate_hz: float
    limit: int
    tried: tuple[multi_stream.MultiStreamResult, ...] = ()
    complete: bool = True

    @property
    def streams(self) -> int:
        """The largest number that kept the rate; 0 if not even one stream did."""
        return max((t.streams for t in self.tried if t.keeps(self.rate_hz)), default=0)


def search_capacity(
    new_subject: Callable[[], timing.Subject],
    frames: Sequence[conditions.Pixels],
    plan: timing.Plan,
    rate_hz: float,
    *,
    limit: int = 64,
    threaded: bool = False,
    measure: Measure | None = None,
    on_attempt: Callable[[multi_stream.MultiStreamResult], None] = lambda attempt: None,
) -> CapacityResult:
    """Find the largest number of streams at `rate_hz` frames a second each.

    new_subject: a stream with engines and a window of its own; it is called as often as
    there are streams.  plan: of each attempt.  measure: `measure_multi_stream` unless given.
    """

    measure = measure or partial(
        multi_stream.measure_multi_stream, frames=frames, plan=plan, threaded=threaded
    )
    subjects: list[timing.Subject] = []
    attempts: list[multi_stream.MultiStreamResult] = []

    def keeps(streams: int) -> bool:
        while len(subjects) < streams:
            subjects.append(new_subject())
        attempt = measure(subjects[:streams])
        attempts.append(attempt)
        on_attempt(attempt)
        if not attempt.complete:
            raise KeyboardInterrupt
        return attempt.keeps(rate_hz)

    with base.Interruptible() as search:
        largest(keeps, limit)
    whole = tuple(attempt for attempt in attempts if attempt.complete)
    return CapacityResult(rate_hz, limit, whole, search.complete)


def largest(holds: Callable[[int], bool], limit: int) -> int:
    """The largest number from 1 to `limit` that `holds`, 0 if none: doubling, then bisection.

    If one number holds, all smaller ones must.
    """
    good, bad = 0, 1
    while bad <= limit and holds(bad):
        good, bad = bad, min(2 * bad, limit) if bad < limit else limit + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


@dataclass(frozen=True)
class Capacity(base.Scenario[CapacityResult]):
    """rate_hz: of each stream; None is the bundle's own."""

    name = "capacity"
    summary = "how many of them"
    options = (base.RATE, multi_stream.STREAM_THREADS)

    rate_hz: float | None = None
    stream_threads: bool = False

    def __post_init__(self) -> None:
        base.refuse_flat_out(self.rate_hz)

    @classmethod
    def result_type(cls) -> type[CapacityResult]:
        return CapacityResult

    def run(self, inputs: base.Inputs) -> base.ScenarioOutcome[CapacityResult]:
        from edge_benchmarks.measure.timing import Plan

        result = search_capacity(
            inputs.subject,
            inputs.frames.pixels,
            Plan(max(inputs.plan.frames, _FRAMES), inputs.plan.seconds),
            inputs.rate_hz(self.rate_hz),
            threaded=self.stream_threads,
            on_attempt=lambda attempt: inputs.progress.say(
                f"... {attempt.streams} streams: p99 {attempt.p99_ms or 0:.1f} ms a round"
            ),
        )
        return base.ScenarioOutcome(result)

    @classmethod
    def show(cls, result: CapacityResult) -> document.Section:
        rows = [
            (
                str(attempt.streams),
                number(attempt.p99_ms),
                number(attempt.frames_per_second),
                "yes" if attempt.keeps(result.rate_hz) else "no",
            )
            for attempt in result.tried
        ]
        header = ("streams tried", "p99 of a round, ms", "frames/s", "in time")
        fits = f"**{result.streams} streams** at {result.rate_hz:g} frames a second each"
        limit = " (no more were tried)" if result.streams == result.limit else ""
        has_rounds = any(attempt.slowest_ms for attempt in result.tried)
        return document.Section(
            "Capacity",
            [f"{fits} (at most {result.limit} were tried).", *interrupted(result.complete)],
            [document.Table(header, rows, words=1)],
            svg=(lambda: _plot(result)) if has_rounds else "",
            level=3,
            digest=[("capacity", f"{result.streams} streams at {result.rate_hz:g} Hz{limit}")],
        )


def _plot(result: CapacityResult) -> str:
    """What each attempt of the search took against the time that there is."""
    attempts = sorted(result.tried, key=lambda attempt: attempt.streams)
    p99_ms = {a.streams: a.p99_ms for a in attempts if a.p99_ms is not None}
    period_ms = 1e3 / result.rate_hz

    def draw(figure: figures.Figure) -> None:
        axes = figures.panel(figure)
        axes.plot(
            list(p99_ms), list(p99_ms.values()), "o-",
            color=figures.COLOURS[0], markersize=5, label="p99 of a round",
        )  # fmt: skip
        axes.axhline(
            period_ms, color=figures.INK, linestyle="--", linewidth=1,
            label=f"period of {result.rate_hz:g} frames a second",
        )  # fmt: skip
        figures.from_zero(axes, [period_ms, *p99_ms.values()])
        axes.set_xlim(left=0)
        axes.set_xlabel("streams")
        axes.set_ylabel("a frame of each stream, ms")
        figures.legend(figure, [axes])

    return figures.svg_figure(draw, height=3.0)
