"""Replay the golden frames of a bundle where it is to run."""

from dataclasses import dataclass

import numpy as np

from edge.bundle import Bundle
from edge.errors import BundleError, SelfTestFailed
from edge.stream import EngineOptions, Stream

# Other runtimes round each layer differently, which a softmax may amplify; a broken
# one is further off than this on the sure decisions that golden frames are chosen for
_TOLERANCE = 0.25


@dataclass(frozen=True)
class SelfTest:
    """How near the decisions came: the largest difference of any output, and how many."""

    decisions: int
    largest_difference: float
    exact: bool


def self_test(bundle: Bundle, options: EngineOptions = EngineOptions()) -> SelfTest:
    """Push the golden frames and compare with the outputs kept beside them.

    Raises SelfTestFailed where an output is off by more than 0.25 of its range,
    BundleError where the bundle holds no golden frames.
    """
    golden = bundle.golden
    if not golden:
        raise BundleError(
            "this bundle holds no golden frames to test with: make it with edge-convert"
        )
    found = replay(bundle, golden["frames"], options)
    largest, exact = 0.0, True
    for task, outputs in found.items():
        expected = golden[task]
        if expected.shape != outputs.shape or not np.isfinite(outputs).all():
            raise SelfTestFailed(f"task {task} gives outputs of another form than expected")
        scale = max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(outputs - expected).max()) / scale
        largest, exact = max(largest, difference), exact and difference == 0.0
    if largest > _TOLERANCE:
        raise SelfTestFailed(
            f"the golden frames decide differently here (off by {largest:.2f} of the range): "
            "try another --runtime, or no delegate"
        )
    return SelfTest(len(next(iter(found.values()))), largest, exact)


def replay(bundle: Bundle, frames_rgb: np.ndarray, options: EngineOptions) -> dict[str, np.ndarray]:
    """The outputs (decisions, k) float32 of each task over frames (N, H, W, 3) uint8 RGB."""
    stream = Stream(bundle, options)
    decisions = [stream.push(np.ascontiguousarray(frame[..., ::-1])) for frame in frames_rgb]
    due = [decision for decision in decisions if decision is not None]
    return {task.name: np.stack([d.tasks[task.name].scores for d in due]) for task in stream.tasks}
