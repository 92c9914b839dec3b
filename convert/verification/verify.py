"""What has to hold before a converted part may go into a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.bundle.archive import Bundle, write_bundle
from edge.bundle.manifest import Trial
from edge.check.rerun import WindowRerun
from edge.check.self_test import replay
from edge.engine import runtimes
from edge.engine.delegate import AUTO, Delegate
from edge.engine.engine import Engine
from edge.stream import Stream, StreamOptions
from edge_common.children import last_line, module_command, run_captured
from edge_common.errors import EngineError
from edge_convert.precision.score import agreement

RING_TOLERANCE = 5e-5  # float parts may sum in another order, integers may not


@dataclass(frozen=True)
class RuntimeRun:
    """A runtime's turn with the golden frames: how near its outputs came to LiteRT's.

    agreement: share of decisions that mean the same, by task.  difference: the largest.
    """

    trials: tuple[Trial, ...]
    agreement: Mapping[str, float]
    difference: float = float("nan")


def ring_difference(bundle: Bundle, frames_rgb: np.ndarray) -> float:
    """Push frames (N, H, W, 3) through the ring and through whole windows; the largest difference."""
    stream, oracle = Stream(bundle), WindowRerun(bundle)
    worst = 0.0
    for frame in frames_rgb:
        pixels = np.ascontiguousarray(frame[..., ::-1])
        decision, expected = stream.push(pixels), oracle.push(pixels)
        if decision is not None and expected is not None:
            scores = {task: answer.scores for task, answer in decision.tasks.items()}
            worst = float(np.maximum(worst, _largest_difference(expected, scores)))  # keeps NaN
    return worst


def run_on_runtimes(
    bundle: Bundle,
    frames_rgb: np.ndarray,
    pythons: Sequence[Path] = (),
    delegates: Sequence[Delegate] = (),
) -> tuple[RuntimeRun, ...]:
    """Run golden frames on each installed runtime, with delegates, and in other Pythons.

    pythons: interpreters whose environments hold another runtime with numpy and OpenCV.
    delegates: for LiteRT.
    """
    expected = replay(bundle, frames_rgb, StreamOptions(runtime="litert"))
    variants = [StreamOptions(name) for name in runtimes.installed()]
    variants += [StreamOptions("litert", delegate=delegate) for delegate in delegates]
    own_runs = [_run_here(bundle, frames_rgb, expected, options) for options in variants]
    other_runs = [_run_there(bundle, frames_rgb, expected, python) for python in pythons]
    return (*own_runs, *other_runs)


def _run_here(
    bundle: Bundle, frames: np.ndarray, expected: Mapping[str, np.ndarray], options: StreamOptions
) -> RuntimeRun:
    trials = tuple(
        _try(part.file, bundle.members[part.file], options) for part in bundle.manifest.parts
    )
    if not all(trial.ok for trial in trials):
        return RuntimeRun(trials, {})
    outputs = replay(bundle, frames, options)
    return RuntimeRun(
        trials, _agreement(bundle, expected, outputs), _largest_difference(expected, outputs)
    )


def _try(file: str, model: bytes, options: StreamOptions) -> Trial:
    version, delegate = "unknown", options.delegate
    name = options.runtime if delegate == AUTO else f"{options.runtime} with {delegate.label}"
    try:
        version = runtimes.load(options.runtime).version
        engine = Engine(model, name=file, runtime=options.runtime, delegate=delegate)
        engine.invoke()
    except EngineError as error:
        return Trial(file, name, version, False, str(error))
    if delegate == AUTO:
        return Trial(file, name, version, True)
    delegation = engine.delegation
    return Trial(
        file, name, version, not delegation.fallback, delegation.fallback or str(delegation)
    )


def _run_there(
    bundle: Bundle, frames: np.ndarray, expected: Mapping[str, np.ndarray], python: Path
) -> RuntimeRun:
    """Replay in another Python, which has only what a board would have."""
    with TemporaryDirectory(prefix="edge-runtime-") as folder:
        bundle_path, output = Path(folder) / "given.edge", Path(folder) / "answers.npz"
        write_bundle(bundle_path, bundle.manifest, bundle.members)
        np.save(Path(folder) / "frames.npy", frames)
        process = run_captured(
            module_command(
                "edge.check.replay", bundle_path, Path(folder) / "frames.npy", output, python=python
            )
        )
        if process.returncode or not output.exists():
            files = [part.file for part in bundle.manifest.parts]
            reason = last_line(process.stderr).removeprefix("Error: ")
            return RuntimeRun(
                tuple(Trial(file, str(python.name), "unknown", False, reason) for file in files), {}
            )
        with np.load(output) as arrays:
            outputs = {name: arrays[name] for name in arrays.files}
    runtime, version = (str(outputs.pop(key)) for key in ("runtime", "version"))
    trials = tuple(Trial(part.file, runtime, version, True) for part in bundle.manifest.parts)
    return RuntimeRun(
        trials, _agreement(bundle, expected, outputs), _largest_difference(expected, outputs)
    )


def _agreement(
    bundle: Bundle, expected: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    tasks = bundle.manifest.tasks
    return {t.name: agreement(t, expected[t.name], outputs[t.name]) for t in tasks}


def _largest_difference(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
    """The largest absolute difference over all tasks."""
    return max(float(np.abs(a[task] - b[task]).max()) for task in a)
