"""A network that is fixed to n windows at once, rebuilt for one.

What the input reaches has n times the elements: shapes that are written out lose that factor, and
constants that are the same for each of the n keep one row. What comes out has to be held against the
network as it was, since nothing says that a graph treats all windows of its batch alike.
"""

from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph

# which operand of an operator is a shape or a size, with the batch first
_SIZES = {"RESHAPE": 1, "BROADCAST_TO": 1, "SLICE": 2, "STRIDED_SLICE": 2}
_WEIGHTS = frozenset({"CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})


def with_batch_of_one(model: bytes, batch: int) -> bytes:
    """The graph with an input of (1, ...) for (n, ...), shapes behind it left open.

    Raises ModelError if a shape behind it cannot be divided.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    reached = {int(index) for index in graph.inputs}
    for operator in graph.operators:
        if reached.isdisjoint(main_graph.inputs_of(operator)):
            continue
        kind = flatbuffer.operator_name(root, operator)
        operands = list(map(int, operator.inputs))
        shape = flatbuffer.shape_of(graph.tensors[operands[0]])
        for position, index in enumerate(operands):
            values = main_graph.constant(root, index)
            if values is None or index in reached:
                continue
            if position == _SIZES.get(kind):
                values = _of_one(values, batch, kind, shape)
            elif kind not in _SIZES and (kind not in _WEIGHTS) and _is_of_each(values, batch):
                values = values[:1]
            else:
                continue
            operands[position] = main_graph.add_constant(root, "of_one", values)
        operator.inputs = operands
        if kind == "RESHAPE" and operator.builtinOptions is not None:
            sizes = main_graph.constant(root, operands[1]) if len(operands) > 1 else None
            written = operator.builtinOptions.newShape if sizes is None else sizes
            if sizes is None:
                written = _of_one(np.asarray(written), batch, kind, shape)
            operator.builtinOptions.newShape = list(map(int, written))
        reached |= {int(index) for index in operator.outputs}
    _leave_open(graph, reached)
    return flatbuffer.write(root)


def _of_one(sizes: np.ndarray, batch: int, kind: str, shape: main_graph.Shape) -> np.ndarray:
    """Without the factor of the batch, in the first axis that is a multiple of it."""
    divided = sizes.copy()
    if kind in ("SLICE", "STRIDED_SLICE"):  # the batch, where it stands, is taken whole
        whole = [axis for axis, size in enumerate(shape) if size == batch == sizes[axis]]
        divided[whole[:1]] = 1
        return divided
    if -1 in sizes[:1]:
        return divided
    axes = [axis for axis, size in enumerate(sizes) if size > 0 and size % batch == 0]
    axis = 0 if 0 in axes else next((a for a in axes if sizes[a] == batch), None)
    if axis is None and -1 not in sizes:
        raise ModelError(f"it reshapes them to {sizes.tolist()}")
    if axis is not None:
        divided[axis] //= batch
    return divided


def _is_of_each(values: np.ndarray, batch: int) -> bool:
    """Whether a constant holds the same for each window, such as a state to begin with."""
    return values.ndim > 1 and len(values) == batch and bool((values == values[:1]).all())


def _leave_open(graph: Any, reached: set[int]) -> None:
    """Let the shapes of what the input reaches be taken anew; that of the input is known."""
    for index in reached:
        tensor = graph.tensors[index]
        shape = flatbuffer.shape_of(tensor)
        if index in set(map(int, graph.inputs)):
            tensor.shape, tensor.shapeSignature = [1, *shape[1:]], None
        elif shape:
            tensor.shapeSignature = [-1, *shape[1:]]
