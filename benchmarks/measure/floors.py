"""The shortest frame of each of several fresh processes, which comparisons rest on.

A process keeps its luck with memory and caches for life, so several are asked. Each runs
`python -m edge_benchmarks.measure.floors JOB`, told as JSON.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.bundle.plain_tflite import open_any
from edge.stream.stream import EngineOptions, Stream
from edge_benchmarks.judge.compare import floor_ms
from edge_benchmarks.measure.frames import BenchFrames
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.measure.timing import Plan, Trial, alternate
from edge_common.children import found_by, module_command
from edge_common.data import decode, encode

PLAN = Plan(frames=1000, seconds=1.5, rounds=20, warmup=30)


def plan_for(p50_ms: float) -> Plan:
    """`PLAN` for networks of up to 8 ms a frame; of slower ones fewer frames, 100 at least."""
    frames = int(min(PLAN.frames, max(100.0, 1e3 * PLAN.frames * 8e-3 / p50_ms)))
    return replace(PLAN, frames=frames)


def process_floors_ms(
    bundle: str,
    options: EngineOptions,
    frames: BenchFrames,
    processes: int,
    plan: Plan = PLAN,
    on_process: Callable[[], None] = lambda: None,
) -> Iterator[float]:
    """Milliseconds of the shortest streamed frame of each process, one after the other.

    Raises EngineError where a process fails.
    """
    with _frames_file(frames) as pixels:
        job = _Job((bundle,), options, plan, str(pixels))
        for _ in range(processes):
            yield _floors_ms(job)[0]
            on_process()


def interleaved_floors_ms(
    before: str,
    after: str,
    options: EngineOptions,
    frames: BenchFrames,
    processes: int,
    plan: Plan = PLAN,
    on_process: Callable[[], None] = lambda: None,
) -> Iterator[tuple[float, float]]:
    """The floors of two bundles that take turns (A B A B ...) in each process.

    Every other process creates the second one first: the later one has other memory,
    which makes a difference by itself. Raises EngineError where a process fails.
    """
    with _frames_file(frames) as pixels:
        for number in range(processes):
            order = (before, after) if number % 2 == 0 else (after, before)
            floors = _floors_ms(_Job(order, options, plan, str(pixels)))
            yield tuple(floors if number % 2 == 0 else floors[::-1])
            on_process()


@dataclass(frozen=True)
class _Job:
    """What a process is told: whom to measure in turn, and on which frames (.npz)."""

    bundles: tuple[str, ...]
    options: EngineOptions
    plan: Plan
    frames: str

    @property
    def text(self) -> str:
        return json.dumps(encode(self))

    @classmethod
    def of(cls, text: str) -> "_Job":
        return decode(cls, json.loads(text))


def _floors_ms(job: _Job) -> list[float]:
    return found_by(module_command("edge_benchmarks.measure.floors", job.text))


@contextmanager
def _frames_file(frames: BenchFrames) -> Iterator[Path]:
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
        floor_ms([[timing.total_ms for timing in taken] for taken in trial.rounds])
        for trial in trials
    ]


def _trial(name: str, job: _Job, frames: Sequence[np.ndarray]) -> Trial:
    bundle = open_any(name, runtime=job.options.runtime)
    return Trial(StreamSubject(Stream(bundle, job.options)), frames, job.plan)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")
