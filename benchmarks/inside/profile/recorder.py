"""The process that records a trace of a model.

A process of its own, because a release of LiteRT with other structures would end it.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.engine.engine import Engine
from edge_benchmarks.inside.noise import fill_randomly
from edge_benchmarks.inside.profile.estimate import Event, Trace, to_json
from edge_benchmarks.inside.profile.litert import ProfiledModel
from edge_benchmarks.measure.timing import SETTLE_FRAMES, Clock
from edge_common.errors import EdgeError, EngineError

_WARM_UP, _BLOCK = 10, 5


class _Profiled(Protocol):
    def invoke(self) -> None: ...

    def profile(self) -> list[tuple[Event, int]]: ...


class _Plain(Protocol):
    def invoke(self) -> None: ...


@dataclass(frozen=True)
class RecordingPlan:
    """How long to record: until `runs` of each sort are there, or `limit_s` is over."""

    runs: int = 400
    limit_s: float = 45.0


def record(
    profiled: _Profiled,
    plain: _Plain,
    plan: RecordingPlan,
    on_progress: Callable[[int, int], None],
    clock: Clock = time.perf_counter_ns,
) -> Trace:
    """Blocks of runs with the profiler and without it in turn; raises EngineError where the
    kernels of one run are others than those of the next."""
    events: tuple[Event, ...] = ()
    elapsed_us: list[tuple[int, ...]] = []
    whole_ns: list[int] = []
    for model in (profiled, plain):
        _repeat(model.invoke, _WARM_UP)
    started = clock()
    while len(elapsed_us) < plan.runs and clock() - started < plan.limit_s * 1e9:
        _repeat(plain.invoke, SETTLE_FRAMES)
        whole_ns += [_timed(plain.invoke, clock) for _ in range(_BLOCK)]
        for _ in range(_BLOCK):
            profiled.invoke()  # reading the last profile emptied the caches
            run = profiled.profile()
            found = tuple(event for event, _ in run)
            if events and found != events:
                raise EngineError("LiteRT ran other kernels than the time before")
            events = found
            elapsed_us.append(tuple(us for _, us in run))
        on_progress(len(elapsed_us), plan.runs)
    return Trace(events, tuple(elapsed_us), tuple(whole_ns))


def _repeat(step: Callable[[], None], times: int) -> None:
    for _ in range(times):
        step()


def _timed(step: Callable[[], None], clock: Clock) -> int:
    started = clock()
    step()
    return clock() - started


def main() -> int:
    """Print the progress, a line each, and at last the trace or the error as JSON.

    Arguments: path of the model, threads, runs, limit in seconds.
    """
    path, threads, runs, limit_s = sys.argv[1:]
    model = Path(path).read_bytes()
    try:
        plain = Engine(model, runtime="litert", threads=int(threads))
        profiled = ProfiledModel(model, int(threads))
        profiled.fill(fill_randomly(plain))
        plan = RecordingPlan(int(runs), float(limit_s))
        trace = record(profiled, plain, plan, _print_progress)
    except EdgeError as error:
        _print({"error": str(error)})
        return error.exit_code
    _print({"trace": to_json(trace)})
    return 0


def _print_progress(done: int, total: int) -> None:
    _print({"progress": [done, total]})


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
