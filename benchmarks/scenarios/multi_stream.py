"""multi-stream: N sources at once, each with a window of its own, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import click

from edge_benchmarks.cells import interrupted, key_figures, number, spreads
from edge_benchmarks.scenarios.base import Inputs, Interruptible, Scenario, ScenarioOutcome
from edge_common.document import Section

if TYPE_CHECKING:
    from edge_benchmarks.measure import conditions, timing

    Serve = Callable[[Sequence[conditions.Pixels]], object]  # one frame for each of the subjects


@dataclass(frozen=True)
class MultiStreamResult:
    """A frame of every stream arrives at once, and the next ones when all are decided on.

    threads: 1 if the streams are served in turn, else one for each.
    slowest_ms: of each round, from the arrival to the last stream's decision.
    wall_s: of all rounds.
    """

    streams: int
    threads: int
    slowest_ms: tuple[float, ...] = ()
    wall_s: float = 0.0
    complete: bool = True

    @property
    def frames_per_second(self) -> float | None:
        """Of all streams together."""
        return self.streams * len(self.slowest_ms) / self.wall_s if self.wall_s else None

    @property
    def p99_ms(self) -> float | None:
        """Of the slowest stream."""
        from edge_benchmarks.statistics import summarise

        return summarise(self.slowest_ms).p99 if self.slowest_ms else None

    def keeps(self, rate_hz: float) -> bool:
        """Whether 99 in 100 rounds are over before the next frames come."""
        return self.p99_ms is not None and self.p99_ms <= 1e3 / rate_hz


def measure_multi_stream(
    subjects: Sequence[timing.Subject],
    frames: Sequence[conditions.Pixels],
    plan: timing.Plan,
    *,
    threaded: bool = False,
    clock: timing.Clock = time.perf_counter_ns,
    on_round: Callable[[], None] = lambda: None,
) -> MultiStreamResult:
    """Measure rounds until there are `plan.frames` of them and `plan.seconds` have passed."""
    from edge_benchmarks.measure.timing import SubjectTimings

    slowest_ms: list[float] = []
    began_ns = ended_ns = 0
    with Interruptible() as run, _serving(subjects, threaded) as serve:
        for subject in subjects:
            SubjectTimings(subject, frames, plan).warm_up()
        began_ns = ended_ns = clock()
        for number in count():
            arrived = [frames[(number + i) % len(frames)] for i in range(len(subjects))]
            started_ns = clock()
            serve(arrived)
            ended_ns = clock()
            slowest_ms.append((ended_ns - started_ns) / 1e6)
            on_round()
            if len(slowest_ms) >= plan.frames and ended_ns - began_ns >= plan.seconds * 1e9:
                break
    threads = len(subjects) if threaded else 1
    wall_s = (ended_ns - began_ns) / 1e9
    return MultiStreamResult(len(subjects), threads, tuple(slowest_ms), wall_s, run.complete)


@contextmanager
def _serving(subjects: Sequence[timing.Subject], threaded: bool) -> Iterator[Serve]:
    """A function that is done when every subject has taken its frame."""
    if not threaded:
        yield lambda arrived: [s.step(pixels) for s, pixels in zip(subjects, arrived)]
        return
    with ThreadPoolExecutor(len(subjects), "stream") as pool:
        steps = [subject.step for subject in subjects]
        yield lambda arrived: list(pool.map(_call, steps, arrived))


def _call(step: Callable[[conditions.Pixels], object], pixels: conditions.Pixels) -> None:
    step(pixels)


STREAMS = click.Option(
    ["--streams"],
    type=click.IntRange(1),
    default=4,
    show_default=True,
    metavar="N",
    help="multi-stream: how many sources; sources: at most so many.",
)
STREAM_THREADS = click.Option(
    ["--stream-threads"],
    is_flag=True,
    help="multi-stream, capacity: a thread a source instead of serving them in turn.",
)


@dataclass(frozen=True)
class MultiStream(Scenario[MultiStreamResult]):
    """streams: how many.  stream_threads: each has a thread of its own."""

    name = "multi-stream"
    summary = "several sources"
    options = (STREAMS, STREAM_THREADS)

    streams: int = 4
    stream_threads: bool = False

    @classmethod
    def result_type(cls) -> type[MultiStreamResult]:
        return MultiStreamResult

    def run(self, inputs: Inputs) -> ScenarioOutcome[MultiStreamResult]:
        subjects = [inputs.subject() for _ in range(self.streams)]
        result = measure_multi_stream(
            subjects, inputs.frames.pixels, inputs.plan, threaded=self.stream_threads
        )
        return ScenarioOutcome(result)

    @classmethod
    def show(cls, result: MultiStreamResult) -> Section:
        served = "one thread for each" if result.threads > 1 else "served in turn by one thread"
        rows = [
            ("frames a second, all streams together", number(result.frames_per_second)),
            ("rounds", f"{len(result.slowest_ms):,}"),
        ]
        series = {"slowest stream": result.slowest_ms}
        return Section(
            "Several streams",
            [f"{result.streams} streams, {served}.", *interrupted(result.complete)],
            [spreads("a frame of each stream, ms", series), key_figures(rows)],
            level=3,
            digest=list(_digest(result)),
        )


def _digest(result: MultiStreamResult) -> Iterator[tuple[str, str]]:
    if result.p99_ms and result.frames_per_second:
        yield (
            f"multi-stream, {result.streams}",
            f"{result.frames_per_second:.0f} frames/s together; "
            f"the last of a round after {result.p99_ms:.1f} ms p99",
        )
