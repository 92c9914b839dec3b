"""Converted parts, each tried on LiteRT as soon as it exists."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edge.bundle.manifest import Part, TensorSpec
from edge.engine.engine import Engine
from edge.stream.quantise import dequantise, quantise
from edge.tflite import flatbuffer
from edge_convert.precision.recipes import Recipe


@dataclass(frozen=True)
class FloatPart:
    """A part as its source gives it: a float32 .tflite and how many weights it has."""

    role: str
    model: bytes
    parameters: int


@dataclass(frozen=True)
class ConvertedPart:
    """A converted part: its description, how it was made, its bytes."""

    part: Part
    recipe: Recipe
    model: bytes

    @cached_property
    def engine(self) -> Engine:
        """On all cores, which changes no result of XNNPACK."""
        return Engine(self.model, name=self.part.file, threads=os.cpu_count() or 1)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once on real values, one array (1, ...) an input; real values back."""
        for index, tensor in enumerate(self.part.inputs):
            real = inputs[tensor.name].reshape(tensor.shape)
            np.copyto(self.engine.input(index), quantise(real, tensor))
        self.engine.invoke()
        outputs = enumerate(self.part.outputs)
        return {tensor.name: dequantise(self.engine.output(i), tensor) for i, tensor in outputs}

    def over(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run on each of n examples: arrays (n, ...) in, arrays (n, ...) out."""
        count = len(next(iter(inputs.values())))
        rows = [
            self({name: values[i : i + 1] for name, values in inputs.items()}) for i in range(count)
        ]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def describe(role: str, recipe: Recipe, model: bytes, parameters: int) -> ConvertedPart:
    """Read a converted model's tensors and cost; load it on LiteRT.

    Tensors get the names of the signature, in the order of the graph, because
    their own names differ from one converter to the next. Raises EngineError where
    LiteRT refuses the model.
    """
    file = f"{role}.tflite"
    engine = Engine(model, name=file)
    inputs, outputs = flatbuffer.signature(model)
    part = Part(
        role=role,
        file=file,
        precision=recipe.precision,
        inputs=_named(engine.inputs, inputs),
        outputs=_named(engine.outputs, outputs),
        parameters=parameters,
        multiply_adds=flatbuffer.cost(model).multiply_adds,
        ranges=recipe.ranges if recipe.static else "",
        float_layers=recipe.float_layers,
    )
    return ConvertedPart(part, recipe, model)


def _named(tensors: tuple[TensorSpec, ...], positions: dict[str, int]) -> tuple[TensorSpec, ...]:
    names = {position: name for name, position in positions.items()}
    return tuple(replace(tensor, name=names[i]) for i, tensor in enumerate(tensors))


def encode_windows(encoder: ConvertedPart, windows: np.ndarray) -> dict[str, np.ndarray]:
    """Each feature of all frames: real input (N, T, H, W, C) -> {feature: (N, T, ...)} float32."""
    count, length = windows.shape[:2]
    frames = windows.reshape(count * length, *windows.shape[2:])
    features = encoder.over({encoder.part.inputs[0].name: frames})
    return {
        name: values.reshape(count, length, *values.shape[1:]) for name, values in features.items()
    }
