"""The few real frames that a bundle keeps, with what it answers to them."""

import io
from collections.abc import Mapping

import numpy as np

from edge.bundle import Bundle
from edge.evaluate import stream_outputs
from edge.selftest import margin, replay
from edge.stream import EngineOptions

DECISIONS = 4


def golden_arrays(bundle: Bundle, windows: np.ndarray) -> dict[str, np.ndarray]:
    """`frames` (N, H, W, 3) uint8 RGB and one array of outputs a task.

    The window with the surest answers is taken, and the beginning of the next one:
    where a network is unsure, another runtime's rounding may tip it without a fault.
    """
    outputs = stream_outputs(bundle, windows)
    classes = [t.name for t in bundle.manifest.tasks if t.kind == "classification"]
    surest = int(sum((margin(outputs[task]) for task in classes), np.zeros(len(windows))).argmax())
    following = [windows[(surest + i) % len(windows)] for i in range(DECISIONS + 1)]
    frames = np.concatenate(following)[: bundle.manifest.window + DECISIONS - 1]
    return {"frames": frames, **replay(bundle, frames, EngineOptions())}


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The `.npz` of a bundle."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()
