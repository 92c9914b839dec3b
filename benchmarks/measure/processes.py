"""Fresh processes: the shortest frame of each, which comparisons rest on, and how fast they start.

A process keeps its luck with memory and caches for life, so several are measured. Those that
time frames run `python -m edge_benchmarks.measure.processes JOB`, with the job as JSON; those
that are timed from their start are edge-run itself.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.bundle.plain_tflite import open_any
from edge.stream import Stream, StreamOptions
from edge_benchmarks.measure import conditions, subjects
from edge_benchmarks.measure.timing import Plan, SubjectTimings, alternate
from edge_benchmarks.statistics import Summary, summarise
from edge_common import children, data


@dataclass(frozen=True)
class ColdStart:
    """Fresh processes of edge-run: from process start to the first pushed frame's result.

    frames: how many frames each process ran.  peak_rss_bytes: the largest of all.
    """

    first_result_s: Summary
    peak_rss_bytes: int
    frames: int


@dataclass(frozen=True)
class Starts:
    """`repeats` fresh processes to start, each of which runs a bundle over `count` frames.

    detector: that finds people for it; "": it looks at the frames.
    """

    bundle: str
    options: StreamOptions
    frames: conditions.BenchFrames
    count: int
    repeats: int = 1
    detector: str = ""


def cold_start(starts: Starts, on_start: Callable[[], None] = lambda: None) -> ColdStart:
    """Run `edge-run` in new processes, one after the other.

    The first process finds the files in the page cache or not, as it happens; the
    median is of processes that find them there. Raises EngineError if one fails.
    """
    with starts.frames.readable(starts.count) as source:
        command = _command(starts, source)
        runs = []
        for _ in range(starts.repeats):
            runs.append(children.run_for_json(command))
            on_start()
    return ColdStart(
        first_result_s=summarise([run["first_result_s"] for run in runs]),
        peak_rss_bytes=round(max(run["peak_rss_mb"] for run in runs) * 1e6),
        frames=runs[0]["frames"],
    )


def edge_run(bundle: str, options: StreamOptions) -> list[str]:
    """The command that runs a bundle, but for its sources."""
    script = shutil.which("edge-run", path=str(Path(sys.executable).parent))
    program = [sys.executable, script] if script else children.module_command("edge.cli")
    return [*program, bundle, *options.arguments]


def _command(starts: Starts, source: str) -> list[str]:
    arguments = ["--source", source, "--frames", str(starts.count), "--json"]
    detector = ["--detector", starts.detector] if starts.detector else []
    return [*edge_run(starts.bundle, starts.options), *detector, *arguments]


PLAN = Plan(frames=1000, seconds=1.5, rounds=20, warmup=30)


def plan_for(p50_ms: float) -> Plan:
    """`PLAN` for networks of up to 8 ms a frame; of slower ones fewer frames, 100 at least."""
    frames = int(min(PLAN.frames, max(100.0, 1e3 * PLAN.frames * 8e-3 / p50_ms)))
    return replace(PLAN, frames=frames)


def process_floors_ms(
    bundle: str,
    options: StreamOptions,
    frames: conditions.BenchFrames,
    processes: int,
    plan: Plan = PLAN,
    on_process: Callable[[], None] = lambda: None,
) -> Iterator[float]:
    """Milliseconds of the shortest streamed frame of each process, one after the other.

    Raises EngineError if a process fails.
    """
    with _frames_file(frames) as pixels:
        job = _Job((bundle,), options, plan, str(pixels))
        for _ in range(processes):
            yield _floors_ms(job)[0]
            on_process()


def interleaved_floors_ms(
    before: str,
    after: str,
    options: StreamOptions,
    frames: conditions.BenchFrames,
    processes: int,
    plan: Plan = PLAN,
    on_process: Callable[[], None] = lambda: None,
) -> Iterator[tuple[float, float]]:
    """The floors of two bundles that take turns (A B A B ...) in each process.

    Every other process creates the second one first: the later one has other memory,
    which makes a difference by itself. Raises EngineError if a process fails.
    """
    with _frames_file(frames) as pixels:
        for number in range(processes):
            order = (before, after) if number % 2 == 0 else (after, before)
            floors = _floors_ms(_Job(order, options, plan, str(pixels)))
            first, second = floors
            yield (first, second) if number % 2 == 0 else (second, first)
            on_process()


@dataclass(frozen=True)
class _Job:
    """The job of a process: the bundles to measure alternately, and the frames (.npz)."""

    bundles: tuple[str, ...]
    options: StreamOptions
    plan: Plan
    frames: str

    @property
    def text(self) -> str:
        return json.dumps(data.encode(self))

    @classmethod
    def of(cls, text: str) -> "_Job":
        return data.decode(cls, json.loads(text))


def _floors_ms(job: _Job) -> list[float]:
    return children.run_for_json(
        children.module_command("edge_benchmarks.measure.processes", job.text)
    )


@contextmanager
def _frames_file(frames: conditions.BenchFrames) -> Iterator[Path]:
    """The frames where another process can read them."""
    with TemporaryDirectory(prefix="edge-bench-") as folder:
        path = Path(folder) / "frames.npz"
        np.savez(path, *frames.pixels)
        yield path


def main(text: str) -> list[float]:
    """The floors of this process, a bundle each."""
    job = _Job.of(text)
    with np.load(job.frames) as arrays:
        frames = [arrays[name] for name in arrays.files]
    trials = [_trial(bundle, job, frames) for bundle in job.bundles]
    alternate(trials, job.plan.rounds)
    return [
        floor_ms([[timing.total_ms for timing in timings] for timings in trial.rounds])
        for trial in trials
    ]


def _trial(name: str, job: _Job, frames: Sequence[np.ndarray]) -> SubjectTimings:
    bundle = open_any(name, runtime=job.options.runtime)
    return SubjectTimings(subjects.StreamSubject(Stream(bundle, job.options)), frames, job.plan)


def floor_ms(rounds: Sequence[Sequence[float] | np.ndarray]) -> float:
    """The shortest frame of all rounds of one process, milliseconds."""
    return float(min(np.min(frames_ms) for frames_ms in rounds))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")
