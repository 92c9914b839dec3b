"""Profile a part of a bundle in a process of its own, which a crash of the profiler cannot take along."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.engine import runtimes
from edge.stream.stream import EngineOptions
from edge.tflite.operators import read_operators
from edge_benchmarks.inside.profile.assembly import assemble
from edge_benchmarks.inside.profile.estimate import Trace, from_json
from edge_benchmarks.inside.profile.figures import PartProfile
from edge_benchmarks.inside.profile.litert import check_release
from edge_benchmarks.inside.profile.recorder import RecordingPlan
from edge_common.children import module_command
from edge_common.errors import EngineError

_RECORDER = "edge_benchmarks.inside.profile.recorder"
_PATIENCE_S = 60.0  # beyond the plan's limit: starting, loading, warming up

OnProgress = Callable[[int, int], None]  # (runs recorded, runs wanted)


def record_trace(model: bytes, threads: int, plan: RecordingPlan, on_progress: OnProgress) -> Trace:
    """Record a .tflite with LiteRT's profiler. Raises EngineError where that fails."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        path = Path(folder) / "part.tflite"
        path.write_bytes(model)
        command = module_command(_RECORDER, path, threads, plan.runs, plan.limit_s)
        return run_recorder(command, plan.limit_s + _PATIENCE_S, on_progress)


def run_recorder(command: list[str], patience_s: float, on_progress: OnProgress) -> Trace:
    """The trace that a recorder prints; EngineError where it fails, crashes or hangs."""
    last: dict = {}
    with _started(command, patience_s) as process:
        for line in process.stdout:
            if not line.startswith("{"):  # a library's own line
                continue
            last = json.loads(line)
            if "progress" in last:
                on_progress(*last["progress"])
    if "trace" in last:
        return from_json(last["trace"])
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
    options: EngineOptions,
    plan: RecordingPlan = RecordingPlan(),
    on_progress: OnProgress = lambda done, total: None,
) -> PartProfile:
    """The time of each operator of a .tflite, as LiteRT's own profiler tells it.

    Raises EngineError, with the reason in one line, where it cannot be had: no LiteRT
    whose profiler is known, another runtime, an external delegate, a model that LiteRT
    does not run.
    """
    _check(options)
    trace = record_trace(model, options.threads, plan, on_progress)
    return assemble(read_operators(model), trace, options.threads)


def _check(options: EngineOptions) -> None:
    name = runtimes.load(options.runtime).name
    if name != "litert":
        raise EngineError(f"{name} has no profiler that can be reached: give --runtime litert")
    if not options.delegate.is_the_runtimes_choice:
        raise EngineError("the operators inside of an external delegate cannot be timed")
    check_release()
