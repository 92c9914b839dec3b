"""What a network carries from frame to frame by itself: outputs that are its next inputs."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle import Part, TensorSpec
from edge.engine.engine import Engine
from edge.stream.quantise import transfer

if TYPE_CHECKING:
    from edge.stream.network import Window


class CarriedStates:
    """The memory of an engine that works for any number of windows.

    What the newest window is to remember stays in the engine's outputs until it is needed: if
    that window goes on, as most often, each state is copied once a frame. Raises EngineError if
    the engine does.
    """

    def __init__(self, engine: Engine, part: Part) -> None:
        self._engine = engine
        inputs = {tensor.name: i for i, tensor in enumerate(part.inputs)}
        outputs = {tensor.name: i for i, tensor in enumerate(part.outputs)}
        self._inputs = [inputs[state.input] for state in part.states]
        self._pairs = [(inputs[s.input], outputs[s.output]) for s in part.states if s.output]
        self._copies = [_copy_of(part.outputs[o], part.inputs[i]) for i, o in self._pairs]
        self._newest: Window | None = None

    def load(self, window: "Window") -> None:
        """Write what `window` remembers into the engine's inputs: zeros at its start."""
        before, self._newest = self._newest, window
        if before is not None and before is not window:
            before.states = [np.array(values) for values in self._written()]
        if not window.pushed:
            for index in self._inputs:
                self._engine.input(index)[...] = self._engine.inputs[index].zero_point
            return
        states = self._written() if before is window else window.states
        for (index, _), copy, values in zip(self._pairs, self._copies, states):
            copy(self._engine.input(index), values)

    def _written(self) -> list[np.ndarray]:
        """The states as they stand in the outputs."""
        views = [self._engine.output(output) for _, output in self._pairs]
        return [view.copy() if i in self._handed_on else view for i, view in enumerate(views)]

    @cached_property
    def _handed_on(self) -> set[int]:
        """States whose output is itself an input, which is overwritten before it is read."""
        inputs = [self._engine.input(i) for i in self._inputs]
        outputs = [self._engine.output(output) for _, output in self._pairs]
        shared = [any(np.may_share_memory(o, i) for i in inputs) for o in outputs]
        return {number for number, is_shared in enumerate(shared) if is_shared}


def _copy_of(written: TensorSpec, read: TensorSpec) -> Callable[[np.ndarray, np.ndarray], None]:
    """How the contents of one tensor are written into another of the same shape."""
    if replace(written, name="") == replace(read, name=""):
        return np.copyto
    if written.dtype not in ("int8", "uint8"):
        return lambda slot, values: transfer(values, written, slot, read)
    table = np.empty(256, read.dtype)  # of 256 values each is requantised once
    transfer(np.arange(256, dtype=np.uint8).view(written.dtype), written, table, read)
    return lambda slot, values: np.copyto(slot, table[values.view(np.uint8)])
