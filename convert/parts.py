"""The two parts on their way from Keras to TFLite, each tried on LiteRT as soon as it exists."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import keras
import numpy as np

from edge import flatbuffer
from edge.engine import Engine
from edge.manifest import Part, TensorSpec
from edge.quantise import dequantise, quantise


@dataclass(frozen=True)
class ConvertedPart:
    """A converted part: its description, its bytes and an engine that loaded it."""

    part: Part
    model: bytes

    @cached_property
    def engine(self) -> Engine:
        """Raises EngineError where LiteRT refuses the part."""
        return Engine(self.model, name=self.part.file)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once on real values, one array (1, ...) an input; real values back."""
        for index, tensor in enumerate(self.part.inputs):
            np.copyto(self.engine.input(index), quantise(inputs[tensor.name], tensor))
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


def describe(role: str, precision: str, model: bytes, source: keras.Model) -> ConvertedPart:
    """Read a converted model's tensors and cost; load it on LiteRT.

    Tensors get the names of the signature, in the order of the graph, because
    their own names differ from one converter to the next.
    """
    file = f"{role}.tflite"
    engine = Engine(model, name=file)
    inputs, outputs = flatbuffer.signature(model)
    part = Part(
        role=role,
        file=file,
        precision=precision,
        inputs=_named(engine.inputs, inputs),
        outputs=_named(engine.outputs, outputs),
        parameters=source.count_params(),
        multiply_adds=flatbuffer.cost(model).multiply_adds,
    )
    return ConvertedPart(part, model)


def _named(tensors: tuple[TensorSpec, ...], positions: dict[str, int]) -> tuple[TensorSpec, ...]:
    names = {position: name for name, position in positions.items()}
    return tuple(replace(tensor, name=names[i]) for i, tensor in enumerate(tensors))


def encode_windows(
    encoder: ConvertedPart | keras.Model, windows: np.ndarray
) -> dict[str, np.ndarray]:
    """Each feature of all frames: real input (N, T, H, W, C) -> {feature: (N, T, ...)} float32."""
    count, length = windows.shape[:2]
    frames = windows.reshape(count * length, *windows.shape[2:])
    if isinstance(encoder, ConvertedPart):
        features = encoder.over({encoder.part.inputs[0].name: frames})
    else:
        features = encoder.predict(frames, batch_size=32, verbose=0)
    return {
        name: values.reshape(count, length, *values.shape[1:]) for name, values in features.items()
    }
