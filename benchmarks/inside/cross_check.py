"""Whether our timing can be trusted: what it adds itself, and what another clock says.

The other one is LiteRT's benchmark script, or a plain loop. ai-edge-litert brings the script
since 2.2 (`ai_edge_litert.tools.benchmark_litert_model`, also installed as `litert-benchmark`);
it times `CompiledModel.run_by_name` in Python and rounds to 0.01 ms. If there is none, a loop of
a dozen lines around the runtime's own Interpreter serves, in a fresh process and with no code of
ours.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np

from edge.engine import engine, runtimes
from edge.stream import Decision, Frame, Stream, StreamOptions
from edge_benchmarks.measure import subjects, timing
from edge_benchmarks.statistics import median, percentile_interval
from edge_common import EngineError, children

SCRIPT = "LiteRT's benchmark script"
PLAIN_LOOP = "a plain loop in a fresh process"
AGREEMENT = 0.03  # relative

_MODULE = "ai_edge_litert.tools.benchmark_litert_model"
_TIMEOUT_S = 300
_LOOP = """\
import sys
del sys.path[0]  # the folder that the user stands in
import json, time
from {module} import Interpreter
model, threads, warmup, runs, result = sys.argv[1:]
interpreter = Interpreter(model_path=model, num_threads=int(threads))
interpreter.allocate_tensors()
for _ in range(int(warmup)):
    interpreter.invoke()
taken = []
for _ in range(int(runs)):
    started = time.perf_counter()
    interpreter.invoke()
    taken.append((time.perf_counter() - started) * 1e3)
taken.sort()
middle = (taken[(len(taken) - 1) // 2] + taken[len(taken) // 2]) / 2
json.dump({{"latency": {{"median_ms": middle}}}}, open(result, "w"))
"""


@dataclass(frozen=True)
class CrossCheckPlan:
    """Ours and theirs alternating, `rounds` times; `runs` invocations each, after `warmup`."""

    rounds: int = 30
    runs: int = 50
    warmup: int = 10


@dataclass(frozen=True)
class CrossCheck:
    """The same part timed by us and by `reference`.

    ours_ms, theirs_ms: the median of each round.  ratio: ours to theirs, the median of the
    rounds.  interval: its 95 %; None for too few rounds.
    """

    reference: str
    threads: int
    runs: int
    ours_ms: tuple[float, ...]
    theirs_ms: tuple[float, ...]
    ratio: float
    interval: tuple[float, float] | None

    @property
    def agrees(self) -> bool:
        """Within 3 %."""
        return abs(self.ratio - 1) <= AGREEMENT


def cross_check(
    model: bytes,
    options: StreamOptions,
    plan: CrossCheckPlan = CrossCheckPlan(),
    on_round: Callable[[], None] = lambda: None,
) -> CrossCheck:
    """Time a .tflite alternately (A B A B ...) with ours and the best reference there is.

    Raises EngineError if the model does not load or the reference fails, and for an
    external delegate, which the references do not take.
    """
    if not options.delegate.is_the_runtimes_choice:
        raise EngineError("the timing of an external delegate cannot be cross-checked")
    reference = reference_for(options)
    pairs = []
    with TemporaryDirectory(prefix="edge-bench-") as folder:
        path = Path(folder) / "part.tflite"
        path.write_bytes(model)
        command = _command(reference, path, options, plan)
        for _ in range(plan.rounds):
            ours = our_median_ms(model, options, plan)
            pairs.append((ours, _their_median_ms(command, path.with_suffix(".json"))))
            on_round()
    return summarise_rounds(reference, options.threads, plan.runs, pairs)


def summarise_rounds(
    reference: str, threads: int, runs: int, pairs: list[tuple[float, float]]
) -> CrossCheck:
    """Of the rounds' medians, ours first."""
    ratios = [ours / theirs for ours, theirs in pairs]
    ours_ms, theirs_ms = zip(*pairs)
    interval = percentile_interval(ratios, 0.5)
    return CrossCheck(reference, threads, runs, ours_ms, theirs_ms, median(ratios), interval)


def reference_for(options: StreamOptions) -> str:
    """LiteRT's script if it is installed and LiteRT is what runs, else the plain loop."""
    litert = runtimes.load(options.runtime).name == "litert"
    return SCRIPT if litert and has_script() else PLAIN_LOOP


def has_script() -> bool:
    """Whether this environment's LiteRT brings its benchmark script."""
    try:
        return find_spec(_MODULE) is not None
    except ImportError:
        return False


def our_median_ms(model: bytes, options: StreamOptions, plan: CrossCheckPlan) -> float:
    """As the harness times an engine: a probe around each invocation."""
    ours = engine.Engine(model, runtime=options.runtime, threads=options.threads)
    timing.fill_randomly(ours)
    return median(timing.invokes_ms(ours, plan.runs, plan.warmup))


def _command(
    reference: str, model: Path, options: StreamOptions, plan: CrossCheckPlan
) -> list[str]:
    result = model.with_suffix(".json")
    numbers = map(str, (options.threads, plan.warmup, plan.runs))
    if reference == PLAIN_LOOP:
        module = runtimes.load(options.runtime).interpreter.__module__
        loop = _LOOP.format(module=module)
        return [sys.executable, "-c", loop, str(model), *numbers, str(result)]
    names = ("--num_threads", "--warmup_runs", "--num_runs")
    options_of_script = [argument for pair in zip(names, numbers) for argument in pair]
    files = ["--model", str(model), "--result_json", str(result)]
    return children.module_command(_MODULE, *files, *options_of_script)


def _their_median_ms(command: list[str], result: Path) -> float:
    result.unlink(missing_ok=True)  # of the round before
    try:
        process = children.run_captured(command, timeout_s=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"the cross-check gave no result in {_TIMEOUT_S} s") from error
    try:
        return float(json.loads(result.read_text())["latency"]["median_ms"])
    except (OSError, KeyError, ValueError) as error:
        raise EngineError(
            f"the cross-check failed ({children.last_line(process.stderr)})"
        ) from error


LIMIT_US = 20.0
_FRAMES, _REPEATS = 200, 25  # short enough to be left alone in one of them
_DECISION = Decision(0, 0.0, 0.0, {"preprocess": 0.0, "encoder": 0.0, "head": 0.0}, {})


@dataclass(frozen=True)
class Overhead:
    """Microseconds a frame.

    reported_us: by how much the reported time of a frame is too long.
    elapsed_us: by how much a measured frame takes longer than an unmeasured one, which
    also counts what is kept of it.
    """

    reported_us: float
    elapsed_us: float

    @property
    def within_limit(self) -> bool:
        return max(self.reported_us, self.elapsed_us) <= LIMIT_US

    def __str__(self) -> str:
        verdict = "within" if self.within_limit else "above"
        return (
            f"measuring adds {self.reported_us:.1f} us to a frame's reported time and "
            f"{self.elapsed_us:.1f} us to its real one, {verdict} the limit of {LIMIT_US:.0f} us"
        )


def measure_overhead(
    frames: int = _FRAMES, repeats: int = _REPEATS, clock: timing.Clock = time.perf_counter_ns
) -> Overhead:
    """Push frames through a stream of no work with probes and without, alternating.

    Of each, the shortest repeat counts: other programs can only add to it.
    """
    picture = np.zeros((1, 1, 3), np.uint8)
    rows = [
        (*_bare(picture, frames, clock), *_measured(picture, frames, clock)) for _ in range(repeats)
    ]
    push_ns, loop_ns, total_ns, trial_ns = np.min(rows, axis=0)
    return Overhead(float(total_ns - push_ns) / 1e3, float(trial_ns - loop_ns) / 1e3)


class _IdleEngine:
    invocations = 0

    def invoke(self) -> None:
        self.invocations += 1


class _IdleNetwork:
    def __init__(self) -> None:
        self.encoder, self.head = _IdleEngine(), _IdleEngine()
        self.engines = {"encoder": self.encoder, "head": self.head}


class _IdleStream:
    """What `StreamSubject` needs of a Stream."""

    latency_ms = _DECISION.latency_ms

    def __init__(self) -> None:
        self.network = _IdleNetwork()

    def push(self, frame: Frame) -> Decision:
        self.network.encoder.invoke()
        self.network.head.invoke()
        return _DECISION


def _bare(picture: np.ndarray, frames: int, clock: timing.Clock) -> tuple[float, float]:
    """Nanoseconds of a push, and of a frame in a loop that makes it and pushes it."""
    stream, frame = _IdleStream(), Frame(picture, 0)
    started = clock()
    for _ in range(frames):
        stream.push(frame)
    pushed = clock()
    for number in range(frames):
        stream.push(Frame(picture, number))
    return (pushed - started) / frames, (clock() - pushed) / frames


def _measured(picture: np.ndarray, frames: int, clock: timing.Clock) -> tuple[float, float]:
    """Nanoseconds that are reported of a frame, mean, and those that it took in all."""
    plan = timing.Plan(frames, seconds=0.0, rounds=1)
    stream = cast(Stream, _IdleStream())
    trial = timing.SubjectTimings(subjects.StreamSubject(stream, clock), [picture], plan, clock)
    started = clock()
    trial.measure_round()
    elapsed_ns = clock() - started
    total_ms = sum(each.total_ms for each in trial.timings)
    return total_ms * 1e6 / frames, elapsed_ns / (frames + timing.SETTLE_FRAMES)
