"""Multiply-adds of a Keras graph, before anything is converted.

Counted as everywhere: one for each multiplication of a weight (or of one activation
with another, in attention) with its addition; element-wise work is left out.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers
from keras.src import ops as keras_ops

from convert.graph import Call, calls, graph_of

Shape = Sequence[int | None]


def multiply_adds(operation: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """Of one call, for a batch of 1 (an unknown size counts as 1)."""
    if isinstance(operation, layers.TimeDistributed):
        steps = inputs[0][1]
        inner = [_without_steps(shape) for shape in inputs]
        return steps * multiply_adds(operation.layer, inner, [_without_steps(s) for s in outputs])
    if isinstance(operation, keras.Model):
        return sum(of_call(call) for call in calls(graph_of(operation)) if isinstance(call, Call))
    if isinstance(operation, layers.Bidirectional):
        return 2 * multiply_adds(operation.forward_layer, inputs, outputs)
    for kind, count in _COUNTS.items():
        if isinstance(operation, kind):
            return int(count(operation, inputs[0], outputs[0]))
    return 0


def of_call(call: Call) -> int:
    """Multiply-adds of a call as it stands in its graph."""
    inputs = [tensor.shape for tensor in call.inputs]
    return multiply_adds(call.operation, inputs, [tensor.shape for tensor in call.outputs])


def _without_steps(shape: Shape) -> Shape:
    return (shape[0], *shape[2:])


def _size(shape: Shape) -> int:
    return math.prod(size or 1 for size in shape)


def _convolution(layer: Any, given: Shape, found: Shape) -> int:
    return _size(found) * math.prod(layer.kernel_size) * given[-1] // getattr(layer, "groups", 1)


def _depthwise(layer: Any, given: Shape, found: Shape) -> int:
    return _size(found) * math.prod(layer.kernel_size)


def _separable(layer: Any, given: Shape, found: Shape) -> int:
    deep = given[-1] * layer.depth_multiplier
    places = _size(found[:-1])
    return places * deep * math.prod(layer.kernel_size) + places * deep * layer.filters


def _dense(layer: Any, given: Shape, found: Shape) -> int:
    return _size(found) * given[-1]


def _recurrent(gates: int) -> Callable[[Any, Shape, Shape], int]:
    def count(layer: Any, given: Shape, found: Shape) -> int:
        return given[1] * gates * layer.units * (given[-1] + layer.units)

    return count


def _product(operation: Any, given: Shape, found: Shape) -> int:
    return _size(found) * given[-1]


def _attention(layer: Any, given: Shape, found: Shape) -> int:
    """Projections of query, key, value and output, and the two products of T x T weights."""
    steps, width = _size(given[1:-1]), layer.num_heads * layer.key_dim
    return 4 * steps * given[-1] * width + 2 * steps * steps * width


_COUNTS: dict[type, Callable[[Any, Shape, Shape], int]] = {
    layers.SeparableConv1D: _separable,
    layers.SeparableConv2D: _separable,
    layers.DepthwiseConv1D: _depthwise,
    layers.DepthwiseConv2D: _depthwise,
    layers.Conv1D: _convolution,
    layers.Conv2D: _convolution,
    layers.Conv3D: _convolution,
    layers.Dense: _dense,
    layers.LSTM: _recurrent(4),
    layers.GRU: _recurrent(3),
    layers.SimpleRNN: _recurrent(1),
    layers.MultiHeadAttention: _attention,
    layers.Dot: _product,
    keras_ops.numpy.Matmul: _product,
}
