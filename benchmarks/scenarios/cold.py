"""cold: from nothing to the first result, and what takes how long on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import click

from edge_benchmarks.cells import interrupted, memory, number
from edge_benchmarks.scenarios.base import Inputs, Interruptible, Scenario, ScenarioOutcome
from edge_benchmarks.show.plots import shapes
from edge_common import children, document, encode

if TYPE_CHECKING:
    from edge.stream import StreamOptions
    from edge_benchmarks.measure import processes, timing
    from edge_benchmarks.record import Record

_STEPS = "edge_benchmarks.scenarios.first_decision"

Run = Callable[[list[str]], dict[str, int]]


@dataclass(frozen=True)
class ColdResult:
    """Seconds of each fresh process; the first may have found its files on the disk only.

    first_result_s: edge-run itself, from process start to the first frame's result.
    peak_rss_bytes: the largest of edge-run's processes.
    first_decision_s: a like process, from before its start to its first decision.
    steps_s: what that time is made of: `interpreter` (process and Python), `import`,
    `bundle` (read and verified), `engines` (runtime imported, parts loaded), `source`
    (opened, first frame read), `first frame` (pushed), `window` (the frames up to T).
    """

    first_result_s: tuple[float, ...] = ()
    peak_rss_bytes: int = 0
    first_decision_s: tuple[float, ...] = ()
    steps_s: dict[str, tuple[float, ...]] = field(default_factory=dict)
    complete: bool = True


def measure_cold(
    starts: processes.Starts, on_start: Callable[[], None] = lambda: None
) -> ColdResult:
    """Start edge-run and a process that times its steps in turn, `repeats` times each.

    Raises EngineError if a process fails, or its frames do not fill the window.
    """
    from edge_benchmarks.measure.processes import cold_start

    results: list[processes.ColdStart] = []
    steps: list[dict[str, float]] = []
    with Interruptible() as run, starts.frames.readable(starts.count) as uri:
        one = replace(starts, frames=replace(starts.frames, uri=uri), repeats=1)
        for _ in range(starts.repeats):
            results.append(cold_start(one))
            steps.append(steps_s(starts.bundle, starts.options, uri))
            on_start()
    return ColdResult(
        tuple(result.first_result_s.p50 for result in results),
        max((result.peak_rss_bytes for result in results), default=0),
        tuple(sum(each.values()) for each in steps),
        {name: tuple(each[name] for each in steps) for name in (steps[0] if steps else ())},
        run.complete,
    )


def run_steps(arguments: list[str]) -> dict[str, int]:
    """When each step of a fresh process ended, nanoseconds on the monotonic clock."""
    return children.run_for_json(children.module_command(_STEPS, *arguments))


def steps_s(
    bundle: str,
    options: StreamOptions,
    source: str,
    run: Run = run_steps,
    clock: timing.Clock = time.monotonic_ns,
) -> dict[str, float]:
    """How long each step of one fresh process took; its clock is this process's, too."""
    arguments = [bundle, source, json.dumps(encode(options))]
    started_ns = clock()
    ends_ns = run(arguments)
    times_ns = pairwise([started_ns, *ends_ns.values()])
    return {name: (end - begin) / 1e9 for name, (begin, end) in zip(ends_ns, times_ns)}


COLD_STARTS = click.Option(
    ["--cold-starts"],
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="cold: fresh edge-run processes to start; 0 for none.",
)
_FRAMES_BEYOND_A_WINDOW = 15


@dataclass(frozen=True)
class Cold(Scenario[ColdResult]):
    """cold_starts: fresh processes of each kind; 0 for none."""

    name = "cold"
    summary = "process start to first decision"
    options = (COLD_STARTS,)

    cold_starts: int = 3

    @classmethod
    def result_type(cls) -> type[ColdResult]:
        return ColdResult

    @property
    def enabled(self) -> bool:
        return self.cold_starts > 0

    def run(self, inputs: Inputs) -> ScenarioOutcome[ColdResult]:
        from edge_benchmarks.measure.processes import Starts

        count = inputs.bundle.manifest.window + _FRAMES_BEYOND_A_WINDOW
        starts = Starts(inputs.bundle_name, inputs.engine, inputs.frames, count, self.cold_starts)
        with inputs.progress.count("starting anew, times", self.cold_starts) as on_start:
            result = measure_cold(starts, on_start)
        return ScenarioOutcome(result, cold_start=_summary(result, count))

    @classmethod
    def section(cls, record: Record) -> document.Section | None:
        """Also of a record that holds the starts alone."""
        result, starts = cls.result_of(record), record.cold_start
        if result is None and starts is None:
            return None
        whole = cls.show(result or ColdResult())
        peak = f"Peak memory of edge-run: {memory(edge_run_peak_bytes(record))}."
        rows = list(whole.tables[0].rows)
        if starts:
            first = starts.first_result_s
            row = _row(_FIRST_RESULT, first.p50, first.min, first.max, first.n)
            rows = [row, *(each for each in rows if each[0] != _FIRST_RESULT)]
        table = replace(whole.tables[0], rows=rows)
        return replace(whole, text=[peak, *whole.text], tables=[table])

    @classmethod
    def show(cls, result: ColdResult) -> document.Section:
        steps_s = {step: median(seconds) for step, seconds in result.steps_s.items()}
        return document.Section(
            "Cold start",
            interrupted(result.complete),
            [
                document.Table(
                    ("fresh processes, s", "median", "least", "most", "n"), _rows(result), words=1
                )
            ],
            svg=(lambda: _plot(steps_s)) if steps_s else "",
            level=3,
            digest=list(_digest(result, steps_s)),
        )


def edge_run_peak_bytes(record: Record) -> int | None:
    """The largest resident memory of edge-run's own processes; None if none was started."""
    starts = [record.cold_start, Cold.result_of(record)]
    return max((each.peak_rss_bytes for each in starts if each), default=0) or None


_FIRST_RESULT = "edge-run to its first result"


def _summary(result: ColdResult, frames: int) -> processes.ColdStart | None:
    """edge-run's own starts in short; None if there was none."""
    from edge_benchmarks.measure.processes import ColdStart
    from edge_benchmarks.statistics import summarise

    if not result.first_result_s:
        return None
    return ColdStart(summarise(result.first_result_s), result.peak_rss_bytes, frames)


def _rows(result: ColdResult) -> list[Sequence[str]]:
    series = {
        _FIRST_RESULT: result.first_result_s,
        "a like process to its first decision": result.first_decision_s,
        **{f"of it: {step}": seconds for step, seconds in result.steps_s.items()},
    }
    return [_of(name, seconds) for name, seconds in series.items() if seconds]


def _of(name: str, seconds: Sequence[float]) -> tuple[str, ...]:
    return _row(name, median(seconds), min(seconds), max(seconds), len(seconds))


def _row(name: str, middle: float, least: float, most: float, n: int) -> tuple[str, ...]:
    return (name, number(middle), number(least), number(most), str(n))


def _digest(result: ColdResult, steps_s: dict[str, float]) -> Iterator[tuple[str, str]]:
    if result.first_decision_s:
        steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in steps_s.items())
        yield "cold, s", f"{median(result.first_decision_s):.2f} to the first decision: {steps}"


def _plot(steps_s: dict[str, float]) -> str:
    return shapes.stacked_bars({"first decision": steps_s}, "s", "fresh process, median, s")
