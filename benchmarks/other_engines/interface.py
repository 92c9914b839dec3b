"""The shape of `edge.engine.Engine`, in which other engines are brought to the same probes."""

import contextlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from edge.engine import Engine
from edge.errors import EngineError
from edge.manifest import TensorSpec

Specs = tuple[TensorSpec, ...]


class OtherEngine(Protocol):
    """A loaded model with its tensors, as `edge.engine.Engine` has them."""

    name: str
    version: str
    invocations: int
    inputs: Specs
    outputs: Specs

    def input(self, index: int = 0) -> np.ndarray:
        """A view of the input's memory."""

    def output(self, index: int = 0) -> np.ndarray:
        """A view of the output's memory, overwritten by the next `invoke`."""

    def invoke(self) -> None:
        """Run the model once on what stands in its inputs."""


def tensors_of(model: bytes) -> tuple[Specs, Specs]:
    """Inputs and outputs of a .tflite, as LiteRT sees them: others know no quantisation."""
    engine = Engine(model)
    return engine.inputs, engine.outputs


def need(package: str, extra: str = "engines") -> None:
    """Raise EngineError where a package is not installed."""
    if find_spec(package) is None:
        raise EngineError(f"{package} is not installed: pip install 'edge-run[{extra}]'")


@contextlib.contextmanager
def refusals(engine: str, does: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """What an engine raises as EngineError in one line."""
    try:
        yield
    except errors as error:
        lines = str(error).strip().splitlines() or ["no reason given"]
        raise EngineError(f"{engine} does not {does} ({lines[-1].strip()[:200]})") from error


def in_order(wanted: Specs, names: list[set[str]], engine: str) -> list[int]:
    """For each wanted tensor the place of the one that bears its name.

    Raises EngineError where one is missing.
    """
    places = [next((i for i, n in enumerate(names) if spec.name in n), None) for spec in wanted]
    if None in places:
        raise EngineError(f"{engine} has other inputs or outputs than the .tflite")
    return places


Make = Callable[[bytes, int], OtherEngine]
