"""What has to hold before a converted part may go into a bundle."""

from collections.abc import Mapping, Sequence

import numpy as np

from edge import runtimes
from edge.bundle import Bundle
from edge.engine import Engine
from edge.errors import EngineError, ModelError
from edge.manifest import Part, Trial
from edge.rerun import WindowRerun
from edge.stream import Stream

RING_TOLERANCE = 5e-5  # float parts may sum in another order, integers may not


def refuse_degenerate(name: str, outputs: np.ndarray) -> None:
    """Raise ModelError where outputs (n, ...) over n inputs carry no information.

    NaN, all zero and constant outputs "agree" with a reference that is broken
    in the same way, so no comparison would find them.
    """
    if not np.isfinite(outputs).all():
        raise ModelError(
            f"{name} gives NaN or infinity: check the weights and the calibration clips"
        )
    if not outputs.any():
        raise ModelError(
            f"{name} gives only zeros: the model is untrained, or its conversion broke"
        )
    if len(outputs) > 1 and (outputs == outputs[0]).all():
        raise ModelError(f"{name} gives the same for all inputs: check the weights and the clips")


def signal_to_noise_db(reference: np.ndarray, approximation: np.ndarray) -> float:
    """10 log10 of the power of `reference` over that of the difference."""
    noise = float(np.square(reference - approximation, dtype=np.float64).mean())
    signal = float(np.square(reference, dtype=np.float64).mean())
    return float("inf") if noise == 0.0 else 10.0 * float(np.log10(signal / noise))


def agreement(reference: np.ndarray, found: np.ndarray, kind: str) -> float:
    """How far two arrays of outputs (n, k) decide alike, 0 to 1.

    classification: share of equal labels; binary: of equal sides of 0.5; else one
    minus the mean difference relative to the reference's spread.
    """
    if kind == "classification":
        return float((reference.argmax(1) == found.argmax(1)).mean())
    if kind == "binary":
        return float(((reference >= 0.5) == (found >= 0.5)).mean())
    spread = float(reference.std()) or 1.0
    return max(0.0, 1.0 - float(np.abs(reference - found).mean()) / spread)


def largest_difference(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> float:
    """The largest absolute difference over all tasks."""
    return max(float(np.abs(a[task] - b[task]).max()) for task in a)


def ring_difference(bundle: Bundle, frames_rgb: np.ndarray) -> float:
    """Push frames (N, H, W, 3) through the ring and through whole windows; the largest difference."""
    stream, oracle = Stream(bundle), WindowRerun(bundle)
    worst = 0.0
    for frame in frames_rgb:
        pixels = np.ascontiguousarray(frame[..., ::-1])
        decision, expected = stream.push(pixels), oracle.push(pixels)
        if decision is not None and expected is not None:
            found = {task: answer.scores for task, answer in decision.tasks.items()}
            worst = max(worst, largest_difference(expected, found))
    return worst


def try_runtimes(parts: Sequence[Part], members: Mapping[str, bytes]) -> tuple[Trial, ...]:
    """Load and run each part once on each installed runtime."""
    return tuple(
        _try(part, members[part.file], name) for name in runtimes.installed() for part in parts
    )


def _try(part: Part, model: bytes, runtime: str) -> Trial:
    version = "unknown"
    try:
        version = runtimes.load(runtime).version
        Engine(model, name=part.file, runtime=runtime).invoke()
    except EngineError as error:
        return Trial(part.file, runtime, version, False, str(error))
    return Trial(part.file, runtime, version, True)
