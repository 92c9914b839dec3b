"""What has to hold before a bundle is written, its golden frames, and its writing."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from edge.bundle import GOLDEN, GOLDEN_INPUT, REPORT, Bundle, RuntimeTrial, write_bundle
from edge.check import evaluate
from edge.engine import runtimes
from edge.engine.delegate import AUTO, Delegate
from edge.engine.engine import Engine, left_to_other_kernels
from edge.stream import Stream, StreamOptions, from_stored, given_beside
from edge.tasks import Task, kind_of
from edge.tflite import flatbuffer
from edge_common import EngineError, children, document
from edge_convert.network import TrainedNetwork
from edge_convert.precision.candidates import agreement
from edge_convert.precision.parts import on_every_core
from edge_convert.request import ConversionRequest
from edge_convert.verification.conversion_report import ConversionReport, RuntimeRun
from edge_convert.verification.sections import sections, untimed

RING_TOLERANCE = 5e-5  # float parts may sum in another order, integers may not


Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class WindowComparison:
    """What a stream answers to the same frames as whole windows: (n, k) float32 of each task."""

    expected: Outputs
    streamed: Outputs

    @property
    def difference(self) -> float:
        """The largest; NaN if one is."""
        return _largest_difference(self.expected, self.streamed)

    @property
    def first(self) -> "WindowComparison":
        """The first decision, which has seen no frame before its window."""
        of_first = ({n: v[:1] for n, v in x.items()} for x in (self.expected, self.streamed))
        return WindowComparison(*of_first)

    def carried(self, tasks: Sequence[Task]) -> dict[str, float]:
        """The share of the later decisions that mean what the window's do, by task."""
        later = {t.name: (self.expected[t.name][1:], self.streamed[t.name][1:]) for t in tasks}
        return {t.name: agreement(t, *later[t.name]) for t in tasks}


def compare_with_windows(
    bundle: Bundle, frames_rgb: np.ndarray, inputs: Outputs = MappingProxyType({})
) -> WindowComparison:
    """Push frames (N, H, W, 3) through the ring without a gap, and through whole windows.

    inputs: what is given beside all of them.
    """
    options = StreamOptions().for_clips().with_inputs(inputs)
    stream, oracle = Stream(bundle, options), evaluate.WindowRerun(bundle, options)
    rows: list[tuple[Outputs, Outputs]] = []
    for frame in frames_rgb:
        pixels = from_stored(frame, bundle.manifest.input)
        decision, expected = stream.push(pixels), oracle.push(pixels)
        if decision is not None and expected is not None:
            rows.append((expected, {task: a.scores for task, a in decision.tasks.items()}))
    names = [task.name for task in bundle.manifest.tasks]
    sides = ({n: np.stack([row[i][n] for row in rows]) for n in names} for i in (0, 1))
    return WindowComparison(*sides)


def run_on_runtimes(
    bundle: Bundle,
    frames_rgb: np.ndarray,
    pythons: Sequence[Path] = (),
    delegates: Sequence[Delegate] = (),
    inputs: Outputs = MappingProxyType({}),
) -> tuple[RuntimeRun, ...]:
    """Run golden frames on each installed runtime, with delegates, and in other Pythons.

    pythons: interpreters whose environments hold another runtime with numpy and OpenCV.
    delegates: for LiteRT.  inputs: what is given beside all frames.
    """
    usual = StreamOptions(runtime="litert").with_inputs(inputs)
    expected = evaluate.replay(bundle, frames_rgb, usual)
    variants = [replace(usual, runtime=name) for name in runtimes.installed()]
    variants += [replace(usual, delegate=delegate) for delegate in delegates]
    own_runs = [_run_here(bundle, frames_rgb, expected, options) for options in variants]
    other_runs = [_run_there(bundle, frames_rgb, expected, python, usual) for python in pythons]
    return (*own_runs, *other_runs)


def _run_here(
    bundle: Bundle, frames: np.ndarray, expected: Mapping[str, np.ndarray], options: StreamOptions
) -> RuntimeRun:
    trials = tuple(
        _try(part.file, bundle.members[part.file], options) for part in bundle.manifest.parts
    )
    if not all(trial.ok for trial in trials):
        return RuntimeRun(trials, {})
    outputs = evaluate.replay(bundle, frames, options)
    return RuntimeRun(
        trials, _agreement(bundle, expected, outputs), _largest_difference(expected, outputs)
    )


def _try(file: str, model: bytes, options: StreamOptions) -> RuntimeTrial:
    version, delegate = "unknown", options.delegate
    name = options.runtime if delegate == AUTO else f"{options.runtime} with {delegate.label}"
    try:
        version = runtimes.load(options.runtime).version
        engine = Engine(model, name=file, runtime=options.runtime, delegate=delegate)
        engine.invoke()
    except EngineError as error:
        return RuntimeTrial(file, name, version, False, str(error))
    if delegate == AUTO:
        return RuntimeTrial(file, name, version, True)
    delegation = engine.delegation
    return RuntimeTrial(
        file, name, version, not delegation.fallback, delegation.fallback or str(delegation)
    )


def _run_there(
    bundle: Bundle,
    frames: np.ndarray,
    expected: Mapping[str, np.ndarray],
    python: Path,
    options: StreamOptions,
) -> RuntimeRun:
    """Replay in another Python, which has only what a board would have."""
    with TemporaryDirectory(prefix="edge-runtime-") as folder:
        bundle_path, output = Path(folder) / "given.edge", Path(folder) / "answers.npz"
        write_bundle(bundle_path, bundle.manifest, bundle.members)
        np.save(Path(folder) / "frames.npy", frames)
        process = children.run_captured(
            children.module_command(
                "edge.check.evaluate",
                bundle_path,
                Path(folder) / "frames.npy",
                output,
                *options.input_arguments,
                python=python,
            )
        )
        if process.returncode or not output.exists():
            files = [part.file for part in bundle.manifest.parts]
            reason = children.last_line(process.stderr).removeprefix("Error: ")
            return RuntimeRun(
                tuple(
                    RuntimeTrial(file, str(python.name), "unknown", False, reason) for file in files
                ),
                {},
            )
        with np.load(output) as arrays:
            outputs = {name: arrays[name] for name in arrays.files}
    runtime, version = (str(outputs.pop(key)) for key in ("runtime", "version"))
    trials = tuple(
        RuntimeTrial(part.file, runtime, version, True) for part in bundle.manifest.parts
    )
    return RuntimeRun(
        trials, _agreement(bundle, expected, outputs), _largest_difference(expected, outputs)
    )


def _agreement(
    bundle: Bundle, expected: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    tasks = bundle.manifest.tasks
    return {t.name: agreement(t, expected[t.name], outputs[t.name]) for t in tasks}


def _largest_difference(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
    """The largest absolute difference over all tasks; of a detector, of the scores."""
    return max(float(np.abs(a[name] - b[name]).max()) for name in a if name != "boxes")


def stream_on_every_core(
    bundle: Bundle, windows: np.ndarray, on_window: Callable[[], None]
) -> dict[str, np.ndarray]:
    """As `stream_outputs`, with a stream on each core."""
    stretches = on_every_core(
        len(windows),
        lambda some: evaluate.stream_outputs(
            bundle, windows[some.start : some.stop], on_window=on_window
        ),
    )
    return {task: np.concatenate([each[task] for each in stretches]) for task in stretches[0]}


DECISIONS = 4


def golden_arrays(bundle: Bundle, windows: np.ndarray) -> dict[str, np.ndarray]:
    """`frames` (N, H, W, 3) uint8 RGB and one array of outputs a task.

    The window with the surest answers is taken, and the beginning of the next one:
    if a network is unsure, another runtime's rounding may tip it without a fault.
    """
    outputs = evaluate.stream_outputs(bundle, windows)
    margins = (kind_of(task).margin(outputs[task.name]) for task in bundle.manifest.tasks)
    surest = int(sum((m for m in margins if m is not None), np.zeros(len(windows))).argmax())
    following = [windows[(surest + i) % len(windows)] for i in range(DECISIONS + 1)]
    frames = np.concatenate(following)[: bundle.manifest.window + DECISIONS - 1]
    side_values = {name: values[surest] for name, values in given_beside(windows).items()}
    golden_given = {GOLDEN_INPUT + name: np.asarray(values) for name, values in side_values.items()}
    outputs = evaluate.replay(bundle, frames, StreamOptions().with_inputs(side_values))
    return {"frames": frames, **golden_given, **outputs}


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The `.npz` of a bundle."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **dict[str, Any](arrays))
    return stream.getvalue()


def try_parts(
    bundle: Bundle,
    golden: Mapping[str, np.ndarray],
    request: ConversionRequest,
    report: ConversionReport,
) -> None:
    """Run the golden frames on every runtime, and see who computes which operators."""
    side_values = {e.name: golden[GOLDEN_INPUT + e.name] for e in bundle.manifest.inputs}
    report.runs = run_on_runtimes(
        bundle, golden["frames"], request.try_with, request.try_delegate, side_values
    )
    for part in bundle.manifest.parts:
        model = bundle.members[part.file]
        report.operators[part.file] = flatbuffer.cost(model).ops
        report.outside_xnnpack[part.file] = left_to_other_kernels(model)


def package(
    output: Path,
    bundle: Bundle,
    golden: Mapping[str, np.ndarray],
    network: TrainedNetwork,
    report: ConversionReport,
) -> tuple[Bundle, Sequence[document.Section]]:
    """The bundle as written, with golden frames and `report.md`; and the whole report.

    Raises BundleError if it cannot be written.
    """
    trials = tuple(trial for run in report.runs for trial in run.trials)
    manifest = replace(bundle.manifest, trials=trials, accuracy=report.accuracy)
    report_sections = sections(manifest, network, report, bundle.members)
    report_md = document.markdown(manifest.name, untimed(report_sections)).encode()
    members = {**bundle.members, GOLDEN: npz_bytes(golden), REPORT: report_md}
    return write_bundle(output, manifest, members), report_sections
