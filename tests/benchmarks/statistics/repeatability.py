"""How often `edge-bench compare` is right on this machine, by the real engine.

`python -m tests.benchmarks.statistics.repeatability measure FOLDER` measures runs one after the other,
every second one slowed down by 5 % inside of the engine; `... rates FOLDER` then says how often
two equal runs are called different, and how often a slowed run is found.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import click
import numpy as np

from edge.bundle import open_bundle
from edge.shipped import BENCHMARK_BUNDLE
from edge.stream import Stream
from edge_benchmarks.judge.compare import (
    NO_DIFFERENCE,
    SLOWER,
    compare_apart,
    measured_repeatability,
)
from edge_benchmarks.measure.processes import floor_ms
from edge_benchmarks.measure.subjects import StreamSubject
from edge_benchmarks.measure.timing import Clock, Invokable, Plan, SubjectTimings
from edge_common.statistics import wilson_interval

SLOW_DOWN = 0.05
PLAN = Plan(frames=1000, seconds=1.5, rounds=20, warmup=30)


@dataclass(frozen=True)
class Run:
    """The floors of one run's processes, milliseconds, and how much it was slowed down."""

    slow_down: float
    floors_ms: tuple[float, ...]


@dataclass(frozen=True)
class Rate:
    """How many of `n` pairs."""

    count: int
    n: int

    def __str__(self) -> str:
        low, high = wilson_interval(self.count, self.n)
        return f"{self.count} of {self.n}: {self.count / self.n:.1%} ({low:.1%} to {high:.1%})"


class Slowed:
    """Lengthens each `invoke` of an engine by a share of what it took."""

    def __init__(self, engine: Invokable, share: float, clock: Clock) -> None:
        self._invoke, self._share, self._clock = engine.invoke, share, clock
        engine.invoke = self._slowly

    def _slowly(self) -> None:
        started = self._clock()
        self._invoke()
        ended = self._clock()
        until = ended + (ended - started) * self._share
        while self._clock() < until:
            pass


def process_floor_ms(slow_down: float) -> float:
    """Measure the shipped bundle in this process."""
    bundle = open_bundle(BENCHMARK_BUNDLE)
    stream = Stream(bundle)
    for engine in stream.network.engines.values():
        Slowed(engine, slow_down, time.perf_counter_ns)
    frames = [np.ascontiguousarray(rgb[..., ::-1]) for rgb in bundle.golden["frames"]]
    trial = SubjectTimings(StreamSubject(stream), frames, PLAN)
    trial.warm_up()
    for _ in range(PLAN.rounds):
        trial.measure_round()
    return floor_ms([[timing.total_ms for timing in taken] for taken in trial.rounds])


def measure_run(slow_down: float, processes: int) -> Run:
    """In fresh processes, one after the other."""
    command = [sys.executable, "-m", __spec__.name, "process", str(slow_down)]
    floors = (
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(processes)
    )
    return Run(slow_down, tuple(floors))


def false_alarms(runs: list[Run]) -> Rate:
    """Pairs of equal runs that are not called equal."""
    pairs = [(a, b) for a, b in combinations(runs, 2) if a.slow_down == b.slow_down]
    found = [compare_apart(a.floors_ms, b.floors_ms).verdict for a, b in pairs]
    return Rate(sum(verdict != NO_DIFFERENCE for verdict in found), len(pairs))


def detections(runs: list[Run]) -> Rate:
    """Pairs of a normal and a slowed run of which the slowed one is called slower."""
    normal = [run for run in runs if not run.slow_down]
    slowed = [run for run in runs if run.slow_down]
    found = [compare_apart(a.floors_ms, b.floors_ms).verdict for a in normal for b in slowed]
    return Rate(found.count(SLOWER), len(found))


def read_runs(folder: Path) -> Iterator[Run]:
    for path in sorted(folder.glob("run*.json")):
        stored = json.loads(path.read_text())
        yield Run(stored["slow_down"], tuple(stored["floors_ms"]))


@click.group()
def main() -> None:
    """Measure runs, or say the rates of those that were measured."""


@main.command()
@click.argument("slow_down", type=float)
def process(slow_down: float) -> None:
    """Print the floor of this process, milliseconds."""
    click.echo(process_floor_ms(slow_down))


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--runs", default=24)
@click.option("--processes", default=20)
def measure(folder: Path, runs: int, processes: int) -> None:
    """Measure runs into FOLDER, every second one slowed down."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(runs):
        run = measure_run(SLOW_DOWN * (number % 2), processes)
        (folder / f"run{number:03}.json").write_text(json.dumps(asdict(run)))
        click.echo(f"run {number}: {run.slow_down:.0%} slower, floor {min(run.floors_ms):.4f} ms")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def rates(folder: Path) -> None:
    """Judge all pairs of the runs in FOLDER, at least two of each kind."""
    runs = list(read_runs(folder))
    normal = [run.floors_ms for run in runs if not run.slow_down]
    click.echo(f"false alarms {false_alarms(runs)}")
    click.echo(f"detections {detections(runs)}")
    click.echo(f"repeatability of this machine {measured_repeatability(normal):.4f}")


if __name__ == "__main__":
    main()
