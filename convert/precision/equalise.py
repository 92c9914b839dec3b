"""A float32 .tflite whose channels all reach equally far, which computes the same.

An int8 tensor has one scale for all channels: where one of them reaches a hundred times as far as
another, of that other little is left. What a layer writes can be divided by a number a channel if
whatever reads it multiplies by that (M. Nagel et al., "Data-free quantization through weight
equalization and bias correction", 2019); here by how far it reaches on calibration frames, so that
weights, which have a scale a channel anyway, bear it all. The numbers are powers of two: no float
is rounded by them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph, prune
from edge_convert.precision.activations import Probe
from edge_convert.precision.channels import WEIGHTED, Channels

EXAMPLES = 32  # how far channels reach is known to a factor of two from fewer


def equalised(model: bytes, examples: Mapping[str, np.ndarray]) -> bytes:
    """Equalise a model by what its activations are on examples {input: (n, ...)}."""
    reach = _reach(model, examples)
    root = flatbuffer.read(model)
    channels = Channels(root)
    if not channels.consistent:
        return model
    scales, replaced = channels.scales(reach), dict[tuple[int, ...], int]()
    for operator in list(root.subgraphs[0].operators):
        name = flatbuffer.operator_name(root, operator)
        if name in WEIGHTED:
            _rescale(root, operator, name, scales, replaced)
        elif name in _SPELLED:
            operators = root.subgraphs[0].operators
            position = next(i for i, other in enumerate(operators) if other is operator)
            operators[position : position + 1] = _SPELLED[name](root, operator, scales)
    prune.prune(root)
    return flatbuffer.write(root)


def has_scales(model: bytes) -> bool:
    """Whether anything with weights could be scaled at all, whatever its channels reach."""
    root = flatbuffer.read(model)
    channels = Channels(root)
    outputs = [int(operator.outputs[0]) for operator in flatbuffer.operators(root, *WEIGHTED)]
    return channels.consistent and any(channels.is_free(tensor) for tensor in outputs)


def _reach(model: bytes, examples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How far each channel of each activation reaches from zero, by the tensor's name."""
    probe, reach = Probe(model), dict[str, np.ndarray]()
    for index in range(len(next(iter(examples.values())))):
        inputs = {name: values[index : index + 1] for name, values in examples.items()}
        for name, values in probe.activations(inputs):
            far = np.abs(values).max(axis=tuple(range(values.ndim - 1)))
            reach[name] = np.maximum(reach.get(name, 0.0), far)
    return reach


def _rescale(
    root: Any,
    operator: Any,
    name: str,
    scales: Mapping[int, np.ndarray],
    replaced: dict[tuple[int, ...], int],
) -> None:
    """Weights that read what is divided, and write what is to be.

    replaced: by the constants before. What several operators share they still do: they are scaled alike.
    """
    inputs = [int(index) for index in operator.inputs]
    weights = main_graph.constant(root, inputs[1])
    if weights is None:
        return
    read, written = scales[inputs[0]], scales[int(operator.outputs[0])]
    read = np.resize(read, weights.shape[-1]) if name == "FULLY_CONNECTED" else read
    if name == "DEPTHWISE_CONV_2D":
        changed = weights * np.repeat(read, weights.shape[-1] // len(read)) / written
    else:
        changed = weights * read / written.reshape(-1, *[1] * (weights.ndim - 1))
    old = tuple(inputs[1:])  # a bias of zeros may stand beside several weights
    inputs[1] = _replaced(root, old[:1], changed, replaced)
    if len(inputs) > 2 and inputs[2] >= 0:
        bias = main_graph.constant(root, inputs[2])
        inputs[2] = _replaced(root, old, bias / written, replaced)
    operator.inputs = inputs


def _replaced(
    root: Any, old: tuple[int, ...], values: np.ndarray, replaced: dict[tuple[int, ...], int]
) -> int:
    if old not in replaced:
        name = main_graph.name_of(root.subgraphs[0].tensors[old[-1]])
        replaced[old] = main_graph.add_constant(root, name, values.astype(np.float32))
    return replaced[old]


def _hard_swish(root: Any, operator: Any, scales: Mapping[int, np.ndarray]) -> list[Any]:
    """x * relu6(x + 3) / 3 of an x that is divided: the operator, doubled.

    What bends stands apart, from -1 to 1, so that x may have a scale a channel.
    """
    source, output = int(operator.inputs[0]), int(operator.outputs[0])
    tensor = root.subgraphs[0].tensors[output]
    shape, name = flatbuffer.shape_of(tensor), main_graph.name_of(tensor)
    bend, gate = (main_graph.add_tensor(root, f"{name}/{n}", shape) for n in ("bend", "gate"))
    third = main_graph.add_constant(root, f"{name}/third", scales[source] / np.float32(3))
    unit = main_graph.add_constant(root, f"{name}/one", np.array([1.0], np.float32))
    limits = schema.ActivationFunctionType.RELU_N1_TO_1
    return [
        main_graph.elementwise(root, "MUL", (source, third), bend, limits),
        main_graph.elementwise(root, "ADD", (bend, unit), gate),
        main_graph.elementwise(root, "MUL", (source, gate), output),
    ]


def _relu(root: Any, operator: Any, scales: Mapping[int, np.ndarray]) -> list[Any]:
    """A product with one, and the limit fused into it; XNNPACK takes no sum with an integer zero."""
    source, output = int(operator.inputs[0]), int(operator.outputs[0])
    unit = main_graph.add_constant(root, "one", np.array([1.0], np.float32))
    relu = schema.ActivationFunctionType.RELU
    return [main_graph.elementwise(root, "MUL", (source, unit), output, relu)]


# XNNPACK has kernels of int8 for what these are spelled in, and none for them
_SPELLED: dict[str, Callable[..., list[Any]]] = {"HARD_SWISH": _hard_swish, "RELU": _relu}
