"""Replay the golden frames of a bundle where it is to run."""

import itertools
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge import engine, tasks
from edge.bundle import Bundle, write_bundle
from edge.check import detections, evaluate
from edge.detector import Detector
from edge.stream import Stream, StreamOptions, from_stored, golden_inputs
from edge_common import BundleError, SelfTestFailed, children, decode, parse_json
from edge_devices.detection import memory

# Other runtimes and instruction sets round each layer differently, and a softmax
# amplifies it if the network wavers; if it is sure, they have to agree.
SURE_MARGIN = 0.5
_TIMEOUT_S = 90.0  # systemd waits for settings no longer than 120 s
# what runs here goes before, and on a busy machine this still ends in time
_AT_LOWER_PRIORITY = ("nice", "-n", "5")
_TIMED_FRAMES, _TIMED_S = 60, 3.0
_TOLERANCE = 0.25  # of the largest value, for numbers, and classes if none is sure


@dataclass(frozen=True)
class SelfTest:
    """How near the decisions came: the largest difference of any output, and how many.

    decisions: of a detector the boxes that were expected.
    delegation: who computed the operators of each part, by its role.
    frame_ms: the median of a frame's pass here, once warm; of no detector.
    memory_bytes: that it took to load and run; of no detector.
    """

    decisions: int
    largest_difference: float
    exact: bool
    delegation: dict[str, engine.Delegation] = field(default_factory=dict)
    frame_ms: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True)
class Replayed:
    """What a process of its own said of a bundle, as SelfTest has it."""

    frame_ms: float = 0.0
    memory_bytes: int = 0


def self_test(bundle: Bundle, options: StreamOptions = StreamOptions()) -> SelfTest:
    """Push the golden frames and compare with the outputs kept beside them.

    Raises SelfTestFailed if a class differs that was decided by a margin of 0.5 or
    more, or another output is off by more than 0.25 of the largest value, or a sure box is not
    found; BundleError if the bundle holds no golden frames.
    """
    golden = bundle.golden
    if not golden:
        raise BundleError(
            f"{bundle.manifest.name} holds no golden frames to test with: make it with edge-convert"
        )
    if bundle.manifest.detection:
        return _test_detector(bundle, golden, options)
    before_bytes = memory.read_memory(with_pss=False).rss_bytes or 0
    stream = Stream(bundle, options.for_clips().with_inputs(golden_inputs(bundle)))
    outputs = evaluate.outputs_of(stream, golden["frames"])
    memory_bytes = (memory.read_memory(with_pss=False).rss_bytes or 0) - before_bytes
    for task in bundle.manifest.tasks:
        _compare(task, golden[task.name], outputs[task.name])
    largest = max(_difference(golden[task], outputs[task]) for task in outputs)
    decisions = len(next(iter(outputs.values())))
    return SelfTest(
        decisions,
        largest,
        largest == 0.0,
        stream.network.delegation,
        _frame_ms(stream, golden["frames"], options),
        max(memory_bytes, 0),
    )


def _frame_ms(stream: Stream, frames: np.ndarray, options: StreamOptions) -> float:
    """The median of passes over these frames, as often as there is time for.

    What others took of the processor meanwhile is left out, if it alone computes.
    """
    stored = [from_stored(frame, stream.bundle.manifest.input) for frame in frames]
    times_ms, began = list[float](), time.perf_counter()
    clocks = [time.perf_counter]
    if options.delegate.is_the_runtimes_choice and not options.device:
        clocks.append(time.process_time)  # of several threads it is the sum, which is more
    for frame in itertools.islice(itertools.cycle(stored), _TIMED_FRAMES):
        started = [clock() for clock in clocks]
        stream.push(frame)
        passed_s = min(clock() - start for clock, start in zip(clocks, started))
        times_ms.append(passed_s * 1e3)
        if time.perf_counter() - began > _TIMED_S:
            break
    return float(np.median(times_ms))


def require_elsewhere(bundle: Bundle, options: StreamOptions) -> Replayed:
    """Let a process of its own replay the golden frames: what crashes or hangs there ends nothing here.

    Raises SelfTestFailed in that process's own words. A bundle without golden frames passes.
    """
    if not bundle.golden:
        return Replayed()
    name = f"{bundle.path or bundle.manifest.name}"
    with TemporaryDirectory(prefix="edge-run-") as folder:
        copy = Path(folder, "new.edge")
        write_bundle(copy, bundle.whole or bundle.manifest, bundle.members)
        replay_command = children.module_command(
            "edge.cli", copy, "--self-test", "--json", *options.arguments
        )
        command = [*_AT_LOWER_PRIORITY, *replay_command]
        try:
            process = children.run_captured(command, timeout_s=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise SelfTestFailed(
                f"{name}: its golden frames did not come to their end in {_TIMEOUT_S:.0f} s"
            ) from None
    if code := process.returncode:
        reason = children.last_line(process.stderr).removeprefix("Error: ").replace(str(copy), name)
        crash = f"the runtime crashed ({children.signal_name(-code)}) at its golden frames"
        raise SelfTestFailed(f"{name}: {crash if code < 0 else reason}")
    report = parse_json(process.stdout.strip().splitlines()[-1], name)
    return decode(Replayed, report, ignore_unknown=True)


def _test_detector(
    bundle: Bundle, golden: Mapping[str, np.ndarray], options: StreamOptions
) -> SelfTest:
    detector = Detector(bundle, options.for_clips())
    outputs = detections.found_in(detector, golden["frames"])
    largest = detections.largest_difference(golden, outputs, detector.spec.score)
    exact = all(np.array_equal(golden[name], outputs[name]) for name in outputs)
    boxes = int((golden["scores"] > 0).sum())
    return SelfTest(boxes, largest, exact, {"detector": detector.engine.delegation})


def _compare(task: tasks.Task, expected: np.ndarray, outputs: np.ndarray) -> None:
    """Raise SelfTestFailed if outputs (n, k) do not mean the same."""
    if expected.shape != outputs.shape or not np.isfinite(outputs).all():
        raise SelfTestFailed(f"task {task.name} gives outputs of another form than expected")
    if not np.isfinite(expected).all():
        raise SelfTestFailed(
            f"task {task.name} has NaN or infinity as a golden output: make the bundle again"
        )
    kind = tasks.kind_of(task)
    margin = kind.margin(expected)
    if margin is not None:
        sure = margin >= SURE_MARGIN
        wrong = int((kind.figures(outputs, kind.decide(expected)) == 0)[sure].sum())
        if wrong:
            raise SelfTestFailed(
                f"task {task.name} decides {wrong} of {sure.sum()} sure golden decisions "
                "differently here: try another --runtime, or no delegate"
            )
        if sure.any():
            return
    if not (off := _difference(expected, outputs)) <= _TOLERANCE:  # NaN is no agreement
        raise SelfTestFailed(
            f"task {task.name} is off by {off:.2f} of its range on the golden frames: "
            "try another --runtime, or no delegate"
        )


def _difference(expected: np.ndarray, outputs: np.ndarray) -> float:
    """The largest absolute difference, relative to the largest expected value."""
    return float(np.abs(outputs - expected).max()) / max(1e-6, float(np.abs(expected).max()))
