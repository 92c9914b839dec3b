"""Biases of an int8 .tflite, moved so that each channel has the mean that it has in float.

Rounding and clipping shift means, and what follows shifts them further. Measured on examples, front to
back: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019,
section 4.2 and appendix D.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.precision.activations import Probe, spread
from edge_convert.precision.quantiser import biased_layers, steps_of

EXAMPLES = 8


def corrected(model: bytes, floating: bytes, examples: Mapping[str, np.ndarray]) -> bytes:
    """Correct an int8 model by the float32 one that it was made of.

    examples: {input: (n, ...)} float32. Raises EngineError if LiteRT refuses a model.
    """
    some = {name: spread(values, EXAMPLES) for name, values in examples.items()}
    root = flatbuffer.read(model)
    layers = {
        layer.name: layer.bias
        for layer in biased_layers(root)
        if layer.is_integer(root, schema.TensorType.INT32)
    }
    expected = _means(floating, some, layers)
    for name in expected:  # each behind those that are corrected: what they pass on is theirs
        actual = _means(flatbuffer.write(root), some, {name})
        _move(root, layers[name], expected[name] - actual[name])
    return flatbuffer.write(root)


def _move(root: Any, index: int, shift: np.ndarray) -> None:
    """A bias by a real number a channel, in its steps."""
    bias, limits = np.asarray(main_graph.constant(root, index)), np.iinfo(np.int32)
    bias = np.clip(np.rint(bias + shift / steps_of(root, index)), limits.min, limits.max)
    main_graph.set_constant(root, index, bias.astype(np.int32))


def _means(
    model: bytes, examples: Mapping[str, np.ndarray], names: Collection[str]
) -> dict[str, np.ndarray]:
    """Of each channel of the activations of these names, over all examples."""
    probe, sums = Probe(model), dict[str, np.ndarray]()
    count = len(next(iter(examples.values())))
    for index in range(count):
        inputs = {name: values[index : index + 1] for name, values in examples.items()}
        for name, values in probe.activations(inputs, names):
            means = values.mean(axis=tuple(range(values.ndim - 1)), dtype=np.float64)
            sums[name] = sums.get(name, 0.0) + means / count
    return sums
