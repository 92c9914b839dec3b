"""Whether another engine computes the same: outputs side by side on the same inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.other_engines.interface import OtherEngine
from edge.errors import EngineError
from edge.quantise import dequantise

MINIMUM_SNR_DB = 15.0  # int8 kernels that only round differently stay above it


@dataclass(frozen=True)
class Agreement:
    """Outputs of one engine against those of LiteRT.

    snr_db: power of the outputs over power of the difference, the worst output's;
    None where there is no difference.  identical: share of equal values, 0 to 1.
    inputs: how many were compared.
    """

    snr_db: float | None
    identical: float
    inputs: int

    @property
    def agrees(self) -> bool:
        return self.snr_db is None or self.snr_db >= MINIMUM_SNR_DB


def agreement(
    reference: OtherEngine, other: OtherEngine, inputs: Sequence[Sequence[np.ndarray]]
) -> Agreement:
    """Run both engines on `inputs` (for each, an array a tensor, as the tensors hold them).

    Raises EngineError where the reference answers nothing that could be compared:
    constant or not finite outputs agree with any broken engine.
    """
    wanted, found = _outputs(reference, inputs), _outputs(other, inputs)
    for tensor, expected in zip(reference.outputs, wanted):
        if not np.isfinite(expected).all() or np.ptp(expected) == 0:
            raise EngineError(f"the output {tensor.name} is constant or not finite: no comparison")
    ratios = [ratio for pair in zip(wanted, found) if (ratio := _snr_db(*pair)) is not None]
    equal = np.concatenate([np.equal(a, b).ravel() for a, b in zip(wanted, found)])
    return Agreement(min(ratios, default=None), float(equal.mean()), len(inputs))


def _outputs(engine: OtherEngine, inputs: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """For each output its real values, one row an input."""
    rows: list[list[np.ndarray]] = [[] for _ in engine.outputs]
    for arrays in inputs:
        for index, array in enumerate(arrays):
            engine.input(index)[...] = array
        engine.invoke()
        for index, tensor in enumerate(engine.outputs):
            rows[index].append(dequantise(engine.output(index), tensor))
    return [np.stack(found) for found in rows]


def _snr_db(expected: np.ndarray, found: np.ndarray) -> float | None:
    noise = float(np.square(expected - found, dtype=np.float64).sum())
    if noise == 0:
        return None
    signal = float(np.square(expected, dtype=np.float64).sum())
    return 10 * math.log10(signal / noise) if math.isfinite(noise) else -math.inf
