"""cold: from nothing to the first result, and what takes how long on the way."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from edge.stream.stream import EngineOptions
from edge_benchmarks.measure.frames import BenchFrames
from edge_benchmarks.measure.processes import cold_start
from edge_benchmarks.measure.timing import Clock
from edge_benchmarks.scenarios.samples import Interruptible
from edge_common.children import module_command, run_for_json

_STEPS = "edge_benchmarks.scenarios.first_decision"

Run = Callable[[list[str]], dict[str, int]]


@dataclass(frozen=True)
class Cold:
    """Seconds of each fresh process; the first may have found its files on the disk only.

    first_result_s: edge-run itself, from process start to the first frame's result.
    peak_rss_bytes: the largest of edge-run's processes.
    first_decision_s: a like process, from before its start to its first decision.
    steps_s: what that time is made of: `interpreter` (process and Python), `import`,
    `bundle` (read and verified), `engines` (runtime imported, parts loaded), `source`
    (opened, first frame read), `first frame` (pushed), `window` (the frames up to T).
    """

    first_result_s: tuple[float, ...] = ()
    peak_rss_bytes: int = 0
    first_decision_s: tuple[float, ...] = ()
    steps_s: dict[str, tuple[float, ...]] = field(default_factory=dict)
    complete: bool = True


def cold(
    bundle: str,
    options: EngineOptions,
    frames: BenchFrames,
    *,
    count: int,
    repeats: int,
    on_start: Callable[[], None] = lambda: None,
) -> Cold:
    """Start edge-run and a process that tells its steps in turn, `repeats` times each.

    count: frames that edge-run is given, at least the window. Raises EngineError where
    a process fails.
    """
    starts, steps = [], []
    with Interruptible() as run, frames.readable(count) as uri:
        readable = replace(frames, uri=uri)
        for _ in range(repeats):
            starts.append(cold_start(bundle, options, readable, count=count, repeats=1))
            steps.append(steps_s(bundle, options, uri))
            on_start()
    return Cold(
        tuple(start.first_result_s.p50 for start in starts),
        max((start.peak_rss_bytes for start in starts), default=0),
        tuple(sum(each.values()) for each in steps),
        {name: tuple(each[name] for each in steps) for name in (steps[0] if steps else ())},
        run.complete,
    )


def run_steps(arguments: list[str]) -> dict[str, int]:
    """When each step of a fresh process ended, nanoseconds on the monotonic clock."""
    return run_for_json(module_command(_STEPS, *arguments))


def steps_s(
    bundle: str,
    options: EngineOptions,
    source: str,
    run: Run = run_steps,
    clock: Clock = time.monotonic_ns,
) -> dict[str, float]:
    """How long each step of one fresh process took; its clock is this process's, too."""
    engine = (options.runtime, str(options.threads), str(options.delegate), options.device)
    started_ns = clock()
    ends_ns = run([bundle, source, *engine])
    times_ns = pairwise([started_ns, *ends_ns.values()])
    return {name: (end - begin) / 1e9 for name, (begin, end) in zip(ends_ns, times_ns)}
