"""Inputs for timing alone: noise, the same in each run."""

import numpy as np

from edge.engine.engine import Engine

_SEED = 1


def fill_randomly(engine: Engine) -> list[np.ndarray]:
    """Write noise into an engine's inputs: any integer, or 0 to 1; what was written."""
    rng = np.random.default_rng(_SEED)
    written = []
    for index, tensor in enumerate(engine.inputs):
        kind = np.dtype(tensor.dtype)
        if np.issubdtype(kind, np.integer):
            noise = rng.integers(-128 if kind.kind == "i" else 0, 128, tensor.shape)
        else:
            noise = rng.random(tensor.shape, np.float32)
        engine.input(index)[...] = noise
        written.append(engine.input(index).copy())
    return written
