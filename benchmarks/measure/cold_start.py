"""From nothing to the first result: edge-run itself, in fresh processes."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.stream.stream import EngineOptions
from edge_benchmarks.measure.frames import BenchFrames
from edge_benchmarks.statistics import Summary, summarise
from edge_common.children import found_by, module_command


@dataclass(frozen=True)
class ColdStart:
    """Fresh processes of edge-run: from process start to the first pushed frame's result.

    frames: how many frames each process ran.  peak_rss_bytes: the largest of all.
    """

    first_result_s: Summary
    peak_rss_bytes: int
    frames: int


def cold_start(
    bundle: str,
    options: EngineOptions,
    frames: BenchFrames,
    *,
    count: int,
    repeats: int,
    on_start: Callable[[], None] = lambda: None,
) -> ColdStart:
    """Run `edge-run` over `count` frames in `repeats` new processes, one after the other.

    The first process finds the files in the page cache or not, as it happens; the
    median is of processes that find them there. Raises EngineError where one fails.
    """
    with frames.readable(count) as source:
        command = _command(bundle, options, source, count)
        runs = []
        for _ in range(repeats):
            runs.append(found_by(command))
            on_start()
    return ColdStart(
        first_result_s=summarise([run["first_result_s"] for run in runs]),
        peak_rss_bytes=round(max(run["peak_rss_mb"] for run in runs) * 1e6),
        frames=runs[0]["frames"],
    )


def _command(bundle: str, options: EngineOptions, source: str, count: int) -> list[str]:
    script = shutil.which("edge-run", path=str(Path(sys.executable).parent))
    program = [sys.executable, script] if script else module_command("edge.cli")
    arguments = [bundle, "--source", source, "--frames", str(count), "--json"]
    engine = ["--runtime", options.runtime, "--threads", str(options.threads)]
    device = ["--device", options.device] if options.device else []
    return [*program, *arguments, *engine, *device, *options.delegate.arguments]
