"""int8 latency of a row, in a process of its own: `python -m examples.thesis_table.timed JOB`.

The row's networks take turns, round by round, with the shipped network's encoder, one as long
as the other.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.bundle import open_bundle
from edge.engine.engine import Engine
from edge_benchmarks.measure.timing import (
    FrameTiming,
    Plan,
    SubjectTimings,
    alternate,
    fill_randomly,
)
from edge_benchmarks.statistics import median, percentile_estimates
from edge_common import children, decode, encode
from examples.thesis_table.rows import Timing

PLAN = Plan(frames=100, seconds=8.0, rounds=20, warmup=3)
_NO_PIXELS = [np.empty(0, np.uint8)]


@dataclass(frozen=True)
class _Job:
    models: tuple[str, ...]
    threads: int
    plan: Plan


class Inference:
    """A subject that invokes one engine after the other on what stands in their inputs."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = engines
        for engine in engines:
            fill_randomly(engine)

    def step(self, pixels: np.ndarray) -> FrameTiming:
        """One inference; the frame is not looked at."""
        started = time.perf_counter_ns()
        for engine in self._engines:
            engine.invoke()
        return FrameTiming((time.perf_counter_ns() - started) / 1e6)


def time_row(models: Sequence[Path], threads: int, plan: Plan = PLAN) -> Timing:
    """Measure in a fresh process. Raises EngineError if it fails."""
    job = _Job(tuple(map(str, models)), threads, plan)
    command = children.module_command("examples.thesis_table.timed", json.dumps(encode(job)))
    return decode(Timing, children.run_for_json(command))


def _measure(job: _Job) -> Timing:
    engines = [
        Engine(Path(model).read_bytes(), name=Path(model).name, threads=job.threads)
        for model in job.models
    ]
    yardstick = open_bundle("faces-in-motion").members["encoder.tflite"]
    subjects = Inference(engines), Inference([Engine(yardstick, threads=job.threads)])
    row, other = (SubjectTimings(subject, _NO_PIXELS, job.plan) for subject in subjects)
    alternate([row, other], job.plan.rounds)
    frames_ms, yardstick_ms = ([t.total_ms for t in trial.timings] for trial in (row, other))
    p50 = percentile_estimates(frames_ms)["p50"]
    rounds = [median([t.total_ms for t in round_timings]) for round_timings in row.rounds]
    return Timing(
        p50_ms=p50.value,
        interval=p50.interval,
        rounds=(min(rounds), max(rounds)),
        frames=len(frames_ms),
        yardstick_ms=median(yardstick_ms),
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(encode(_measure(decode(_Job, json.loads(sys.argv[1]))))) + "\n")
