"""Record a trace of a part in a process of its own, and make its profile of it.

A process of its own, because a release of LiteRT with other structures would end it.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.engine import engine, runtimes
from edge.stream import StreamOptions
from edge.tflite.operators import read_operators
from edge_benchmarks.inside.profile import assembly, figures, litert
from edge_benchmarks.measure.timing import SETTLE_FRAMES, Clock, fill_randomly
from edge_common import EdgeError, EngineError, children

_WARM_UP, _BLOCK = 10, 5


class _Profiled(Protocol):
    def invoke(self) -> None: ...

    def profile(self) -> list[tuple[figures.ProfileEvent, int]]: ...


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
) -> figures.Trace:
    """Blocks of runs with the profiler and without it, alternating; raises EngineError if the
    kernels of one run are others than those of the next."""
    events: tuple[figures.ProfileEvent, ...] = ()
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
            run_events = tuple(event for event, _ in run)
            if events and run_events != events:
                raise EngineError("LiteRT ran other kernels than the time before")
            events = run_events
            elapsed_us.append(tuple(us for _, us in run))
        on_progress(len(elapsed_us), plan.runs)
    return figures.Trace(events, tuple(elapsed_us), tuple(whole_ns))


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
        plain = engine.Engine(model, runtime="litert", threads=int(threads))
        profiled = litert.ProfiledModel(model, int(threads))
        profiled.fill(fill_randomly(plain))
        plan = RecordingPlan(int(runs), float(limit_s))
        trace = record(profiled, plain, plan, _print_progress)
    except EdgeError as error:
        _print({"error": str(error)})
        return error.exit_code
    _print({"trace": figures.to_json(trace)})
    return 0


def _print_progress(count: int, total: int) -> None:
    _print({"progress": [count, total]})


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


_RECORDER = "edge_benchmarks.inside.profile.recorder"
_PATIENCE_S = 60.0  # beyond the plan's limit: starting, loading, warming up

OnProgress = Callable[[int, int], None]  # (runs recorded, runs wanted)


def record_trace(
    model: bytes, threads: int, plan: RecordingPlan, on_progress: OnProgress
) -> figures.Trace:
    """Record a .tflite with LiteRT's profiler. Raises EngineError if that fails."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        path = Path(folder) / "part.tflite"
        path.write_bytes(model)
        command = children.module_command(_RECORDER, path, threads, plan.runs, plan.limit_s)
        return run_recorder(command, plan.limit_s + _PATIENCE_S, on_progress)


def run_recorder(command: list[str], patience_s: float, on_progress: OnProgress) -> figures.Trace:
    """The trace that a recorder prints; EngineError if it fails, crashes or hangs."""
    last: dict = {}
    with _started(command, patience_s) as process:
        for line in process.stdout or ():
            if not line.startswith("{"):  # a library's own line
                continue
            last = json.loads(line)
            if "progress" in last:
                on_progress(*last["progress"])
    if "trace" in last:
        return figures.from_json(last["trace"])
    if "error" in last:
        raise EngineError(last["error"])
    raise EngineError(
        f"LiteRT's profiler ended without a result (status {process.returncode}): "
        "another release of ai-edge-litert may be able to"
    )


@contextmanager
def _started(command: list[str], patience_s: float) -> Iterator[subprocess.Popen]:
    """A process that is ended when it takes longer than `patience_s`."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        alarm = threading.Timer(patience_s, process.kill)
        alarm.start()
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            alarm.cancel()


def profile_part(
    model: bytes,
    options: StreamOptions,
    plan: RecordingPlan = RecordingPlan(),
    on_progress: OnProgress = lambda count, total: None,
) -> figures.PartProfile:
    """The time of each operator of a .tflite, as LiteRT's own profiler tells it.

    Raises EngineError, with the reason in one line, if it cannot be had: no LiteRT
    whose profiler is known, another runtime, an external delegate, a model that LiteRT
    does not run.
    """
    _check(options)
    trace = record_trace(model, options.threads, plan, on_progress)
    return assembly.assemble(read_operators(model), trace, options.threads)


def _check(options: StreamOptions) -> None:
    name = runtimes.load(options.runtime).name
    if name != "litert":
        raise EngineError(f"{name} has no profiler that can be reached: give --runtime litert")
    if not options.delegate.is_the_runtimes_choice:
        raise EngineError("the operators inside of an external delegate cannot be timed")
    litert.check_release()


if __name__ == "__main__":
    sys.exit(main())
