"""Multiply-adds of a Keras graph, before anything is converted.

Counted as everywhere, and as `edge.tflite.flatbuffer` counts those of a .tflite: one for each
multiplication of a weight (or of one activation with another, in attention) with its
addition; element-wise work is left out, and so is what is multiplied with a state of zeros.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import layers
from keras.src import ops as keras_ops

from edge_convert.cut.keras.model import Call, calls, graph_of

Shape = Sequence[Any]  # of int, None if unknown
Rule = Callable[[Any, Sequence[Shape], Sequence[Shape]], int]


def multiply_adds(operation: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """Of one call on tensors of these shapes (an unknown size counts as 1)."""
    if (inner := graph_of(operation)) is not None:
        return _size(inputs[0][:1]) * sum(of_call(call) for call in calls(inner))
    for kind in type(operation).__mro__:
        if kind in _RULES:
            return int(_RULES[kind](operation, inputs, outputs))
    return 0


def of_call(call: Call) -> int:
    """Multiply-adds of a call as it stands in its graph."""
    inputs = [value.shape for value in call.inputs]
    return multiply_adds(call.operation, inputs, [value.shape for value in call.outputs])


def _size(shape: Shape) -> int:
    return math.prod(size or 1 for size in shape)


def _over_steps(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    inner = [[(shape[0], *shape[2:]) for shape in shapes] for shapes in (inputs, outputs)]
    return inputs[0][1] * multiply_adds(layer.layer, *inner)


def _wrapped(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return multiply_adds(layer.layer, inputs, outputs)


def _convolution(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    weights = math.prod(layer.kernel_size) * inputs[0][-1] // layer.groups
    return _size(outputs[0]) * weights


def _transposed(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return _size(inputs[0]) * math.prod(layer.kernel_size) * layer.filters


def _depthwise(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return _size(outputs[0]) * math.prod(layer.kernel_size)


def _separable(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    deep = inputs[0][-1] * layer.depth_multiplier
    places = _size(outputs[0][:-1])
    return places * deep * (math.prod(layer.kernel_size) + layer.filters)


def _last_axis(operation: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """A sum over the last axis of the first input for each number of the output."""
    return _size(outputs[0]) * inputs[0][-1]


def _tensordot(operation: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    axes, first_shape = operation.axes, inputs[0]
    if isinstance(axes, int):
        return _size(outputs[0]) * _size(first_shape[len(first_shape) - axes :])
    summed = [axes[0]] if isinstance(axes[0], int) else axes[0]
    return _size(outputs[0]) * _size([first_shape[axis] for axis in summed])


def _einsum_dense(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return _einsum(layer.equation, [None, layer.kernel.shape], outputs)


def _einsum_op(operation: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return _einsum(operation.subscripts, [*inputs, None][:2], outputs)


def _einsum(equation: str, inputs: Sequence[Shape | None], outputs: Sequence[Shape]) -> int:
    """Each number of the output sums over the axes that are not in it (None: a constant)."""
    sides, result = equation.replace(" ", "").replace("...", "").split("->")
    sizes = {
        axis: size
        for axes, shape in zip(sides.split(","), inputs)
        if shape is not None and axes
        for axis, size in zip(axes, shape[-len(axes) :])
    }
    return _size(outputs[0]) * _size([size for axis, size in sizes.items() if axis not in result])


def _dot(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    axis = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return _size(outputs[0]) * inputs[0][axis]


def _multi_head(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """Projections of query, value, key and output, and the two products over all pairs."""
    query, value = inputs[0], inputs[min(1, len(inputs) - 1)]
    key = inputs[2] if len(inputs) > 2 else value
    keys, values = layer.num_heads * layer.key_dim, layer.num_heads * layer.value_dim
    projections = _size(query) * keys + _size(key) * keys + _size(value) * values
    pairs = _pairs(query, value, layer.attention_axes)
    return projections + pairs * (keys + values) + values * _size(outputs[0])


def _pairs(query: Shape, value: Shape, axes: Sequence[int] | None) -> int:
    """How many pairs of places attend to each other."""
    over = range(1, len(value) - 1) if axes is None else [axis % len(value) for axis in axes]
    return _size(query[:-1]) * _size([value[axis] for axis in over])


def _grouped_query(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    query, value = inputs[0], inputs[1]
    heads, shared = (
        layer.num_query_heads * layer.head_dim,
        layer.num_key_value_heads * layer.head_dim,
    )
    projections = _size(query) * heads + 2 * _size(value) * shared + heads * _size(outputs[0])
    return projections + 2 * _size(query[:-1]) * value[1] * heads


def _luong(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    query, value = inputs[0], inputs[1]
    return _size(query[:-1]) * value[1] * (query[-1] + value[-1])


def _bahdanau(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    query, value = inputs[0], inputs[1]
    return _size(query[:-1]) * value[1] * value[-1]


def _scaled_dot_product(operation: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return 2 * _size(inputs[0]) * inputs[1][1]


def _recurrent(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """All steps; the first has no state to multiply, unless one was given."""
    batch, steps, *place = inputs[0]
    with_state = steps if len(inputs) > 1 else steps - 1
    return _size([batch]) * _cell(layer.cell, place, steps, with_state)


def _cell(cell: Any, place: Shape, steps: int, with_state: int) -> int:
    """Of the steps of a cell; stacked cells feed each other."""
    if isinstance(cell, layers.StackedRNNCells):
        widths = [place, *([inner.units] for inner in cell.cells)]
        pairs = zip(cell.cells, widths)
        return sum(_cell(inner, width, steps, with_state) for inner, width in pairs)
    gates = _GATES.get(type(cell), 0)
    if hasattr(cell, "kernel_size"):  # of ConvLSTM, whose class is private
        gates = 4
        state = cell.compute_output_shape((1, *place))[0]
        unit, width = _size(state) * math.prod(cell.kernel_size), place[-1]
        forgets_nothing = steps - with_state  # a cell state of zeros needs no gate
        in_steps = gates * steps - forgets_nothing
        return unit * (in_steps * width + gates * with_state * cell.filters)
    return gates * cell.units * (steps * place[-1] + with_state * cell.units) if gates else 0


def _both_ways(layer: Any, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    states = [] if len(inputs) == 1 else inputs[1:2]
    directions = (layer.forward_layer, layer.backward_layer)
    return sum(multiply_adds(direction, [inputs[0], *states], outputs) for direction in directions)


_GATES: dict[type, int] = {layers.LSTMCell: 4, layers.GRUCell: 3, layers.SimpleRNNCell: 1}

_RULES: dict[type, Rule] = {
    layers.AdditiveAttention: _bahdanau,
    layers.Attention: _luong,
    layers.Bidirectional: _both_ways,
    layers.Conv1D: _convolution,
    layers.Conv1DTranspose: _transposed,
    layers.Conv2D: _convolution,
    layers.Conv2DTranspose: _transposed,
    layers.Conv3D: _convolution,
    layers.Conv3DTranspose: _transposed,
    layers.Dense: _last_axis,
    layers.DepthwiseConv1D: _depthwise,
    layers.DepthwiseConv2D: _depthwise,
    layers.Dot: _dot,
    layers.EinsumDense: _einsum_dense,
    layers.GroupQueryAttention: _grouped_query,
    layers.MultiHeadAttention: _multi_head,
    layers.RNN: _recurrent,
    layers.SeparableConv1D: _separable,
    layers.SeparableConv2D: _separable,
    layers.SpectralNormalization: _wrapped,
    layers.TimeDistributed: _over_steps,
    keras_ops.image.RGBToGrayscale: _last_axis,
    keras_ops.nn.DotProductAttention: _scaled_dot_product,
    keras_ops.numpy.Dot: _last_axis,
    keras_ops.numpy.Einsum: _einsum_op,
    keras_ops.numpy.Inner: _last_axis,
    keras_ops.numpy.Matmul: _last_axis,
    keras_ops.numpy.Tensordot: _tensordot,
}
