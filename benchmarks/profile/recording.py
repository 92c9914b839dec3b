"""A trace out of a process of its own, which a crash of the profiler cannot take along."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import benchmarks
from benchmarks.profile.recorder import RecordingPlan
from benchmarks.profile.trace import Trace, from_json
from edge.errors import EngineError

_RECORDER = "import sys; from benchmarks.profile.recorder import main; sys.exit(main())"
_PATIENCE_S = 60.0  # beyond the plan's limit: starting, loading, warming up

OnProgress = Callable[[int, int], None]  # (runs recorded, runs wanted)


def record_trace(model: bytes, threads: int, plan: RecordingPlan, on_progress: OnProgress) -> Trace:
    """Record a .tflite with LiteRT's profiler. Raises EngineError where that fails."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        path = Path(folder) / "part.tflite"
        path.write_bytes(model)
        program = [sys.executable, "-c", _RECORDER]
        asked = [str(path), str(threads), str(plan.runs), str(plan.limit_s)]
        return run_recorder([*program, *asked], plan.limit_s + _PATIENCE_S, on_progress)


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
    root = str(Path(benchmarks.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
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
