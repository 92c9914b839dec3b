"""The shape of `edge.engine.engine.Engine`, in which other engines are brought to the same probes."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from edge.bundle import TensorSpec
from edge.engine.engine import Engine
from edge.stream.quantise import dequantise
from edge_common import EngineError, command_line

Specs = tuple[TensorSpec, ...]


class LoadedModel(Protocol):
    """A model with its tensors, as `edge.engine.engine.Engine` has them."""

    inputs: Specs
    outputs: Specs

    def input(self, index: int = 0) -> np.ndarray:
        """A view of the input's memory."""

    def output(self, index: int = 0) -> np.ndarray:
        """A view of the output's memory, overwritten by the next `invoke`."""

    def invoke(self) -> None:
        """Run the model once on what stands in its inputs."""


class OtherEngine(LoadedModel, Protocol):
    """The same in an engine that is not ours."""

    name: str
    version: str
    invocations: int


def tensors_of(model: bytes) -> tuple[Specs, Specs]:
    """Inputs and outputs of a .tflite, as LiteRT sees them: others know no quantisation."""
    engine = Engine(model)
    return engine.inputs, engine.outputs


def need(package: str, extra: str = "engines") -> None:
    """Raise EngineError if a package is not installed."""
    if find_spec(package) is None:
        raise EngineError(f"{package} is not installed: {command_line.install_hint(extra)}")


@contextlib.contextmanager
def refusals(engine: str, does: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """What an engine raises as EngineError in one line."""
    try:
        yield
    except errors as error:
        lines = str(error).strip().splitlines() or ["no reason given"]
        raise EngineError(f"{engine} does not {does} ({lines[-1].strip()[:200]})") from error


def in_order(specs: Specs, names: list[set[str]], engine: str) -> list[int]:
    """For each wanted tensor the place of the one that bears its name.

    Raises EngineError if one is missing.
    """
    places = [next((i for i, n in enumerate(names) if spec.name in n), None) for spec in specs]
    known = [place for place in places if place is not None]
    if len(known) < len(places):
        raise EngineError(f"{engine} has other inputs or outputs than the .tflite")
    return known


# of a .tflite and a number of threads; the folder keeps what has to be converted for it
Make = Callable[[bytes, int, Path | None], OtherEngine]


MINIMUM_SNR_DB = 15.0  # int8 kernels that only round differently stay above it


@dataclass(frozen=True)
class Agreement:
    """Outputs of one engine against those of LiteRT.

    snr_db: power of the outputs over power of the difference, the worst output's;
    None if there is no difference.  identical: share of equal values, 0 to 1.
    inputs: how many were compared.
    """

    snr_db: float | None
    identical: float
    inputs: int

    @property
    def agrees(self) -> bool:
        return self.snr_db is None or self.snr_db >= MINIMUM_SNR_DB


def agreement(
    reference: LoadedModel, other: LoadedModel, inputs: Sequence[Sequence[np.ndarray]]
) -> Agreement:
    """Run both engines on `inputs` (for each, an array a tensor, as the tensors hold them).

    Raises EngineError if the reference answers nothing that could be compared:
    constant or not finite outputs agree with any broken engine.
    """
    expected, actual = _outputs(reference, inputs), _outputs(other, inputs)
    for tensor, values in zip(reference.outputs, expected):
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            raise EngineError(f"the output {tensor.name} is constant or not finite: no comparison")
    ratios = [ratio for pair in zip(expected, actual) if (ratio := _snr_db(*pair)) is not None]
    equal = np.concatenate([np.equal(a, b).ravel() for a, b in zip(expected, actual)])
    return Agreement(min(ratios, default=None), float(equal.mean()), len(inputs))


def _outputs(engine: LoadedModel, inputs: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """For each output its real values, one row an input."""
    rows: list[list[np.ndarray]] = [[] for _ in engine.outputs]
    for arrays in inputs:
        for index, array in enumerate(arrays):
            engine.input(index)[...] = array
        engine.invoke()
        for index, tensor in enumerate(engine.outputs):
            rows[index].append(dequantise(engine.output(index), tensor))
    return [np.stack(samples) for samples in rows]


def _snr_db(expected: np.ndarray, actual: np.ndarray) -> float | None:
    noise = float(np.square(expected - actual, dtype=np.float64).sum())
    if noise == 0:
        return None
    signal = float(np.square(expected, dtype=np.float64).sum())
    return 10 * math.log10(signal / noise) if math.isfinite(noise) else -math.inf
