"""A .tflite with one operator more, which changes no value: x + 0."""

import copy
import math

import numpy as np

from edge.tflite import flatbuffer


def with_an_addition(model: bytes, least_elements: int) -> bytes:
    """Add zero to the first convolution's result that has at least so many int8 elements."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    convolution = next(
        operator
        for operator in flatbuffer.operators(root, "CONV_2D")
        if math.prod(graph.tensors[operator.outputs[0]].shape) >= least_elements
    )
    place = graph.operators.index(convolution)
    (before,) = convolution.outputs
    zero, after = len(graph.tensors), len(graph.tensors) + 1
    graph.tensors += [_zero(root, graph.tensors[before]), _like(graph.tensors[before], b"after")]
    for operator in graph.operators[place + 1 :]:
        operator.inputs = [after if tensor == before else tensor for tensor in operator.inputs]
    addition = copy.deepcopy(next(flatbuffer.operators(root, "ADD")))
    addition.inputs, addition.outputs = [before, zero], [after]
    graph.operators.insert(place + 1, addition)
    return flatbuffer.write(root)


def _like(tensor, name: bytes):
    found = copy.deepcopy(tensor)
    found.name = name
    return found


def _zero(root, tensor):
    """One element that stands for 0.0 in the tensor's own scale."""
    found = _like(tensor, b"zero")
    found.shape, found.shapeSignature, found.buffer = [1], None, len(root.buffers)
    held = copy.deepcopy(root.buffers[0])
    held.data = np.array(tensor.quantization.zeroPoint, np.int8).view(np.uint8)
    root.buffers.append(held)
    return found
