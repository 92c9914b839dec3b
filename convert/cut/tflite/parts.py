"""The two parts of a cut .tflite: an encoder of single frames, a head over T features."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge.tflite.flatbuffer import shape_of
from edge_convert.cut.tflite.edit import (
    Shape,
    add_constant,
    add_tensor,
    inputs_of,
    name_of,
    reshape,
    sign,
    transpose,
)
from edge_convert.cut.tflite.follow import Followed
from edge_convert.cut.tflite.prune import tidy
from edge_convert.cut.tflite.rules import ELEMENTWISE, RESHAPES
from edge_convert.cut.tflite.steps import Operand, Place, Step, of_one_frame

FRAME = "frame"


def encoder(model: bytes, followed: Followed, features: Mapping[str, int]) -> bytes:
    """`frame` (1, H, W, C) -> {feature: (1, ...)}: the followed operators, on a window of one."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    operators = [graph.operators[position] for position in followed.operators]
    for position, operator in zip(followed.operators, operators):
        _for_one_frame(root, operator, followed, followed.step(position))
    for index in followed.places:
        graph.tensors[index].shape = list(followed.share(index))
        graph.tensors[index].shapeSignature = None
    frame = add_tensor(root, FRAME, (1, *followed.shape(followed.source)[2:]))
    graph.operators = [reshape(root, frame, followed.source), *operators]
    outputs = {}
    for name, index in features.items():
        outputs[name] = index
        if index == followed.source or _shape(root, index) != followed.feature_shape(index):
            outputs[name] = add_tensor(root, name, followed.feature_shape(index))
            graph.operators.append(reshape(root, index, outputs[name]))
    sign(root, {FRAME: frame}, outputs)
    tidy(root)
    return flatbuffer.write(root)


def head(
    model: bytes, followed: Followed, features: Mapping[str, int], read: Mapping[int, int]
) -> bytes:
    """{feature: (1, T, ...)} -> the source's outputs: all operators but the followed ones.

    read: the tensors behind the cut -> the features that they are a reshape of.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    left = set(range(len(graph.operators))) - set(followed.operators)
    inputs = {
        name: add_tensor(root, name, (1, followed.window, *followed.feature_shape(index)[1:]))
        for name, index in features.items()
    }
    given = {index: inputs[name] for name, index in features.items()}
    assembled = [
        operator
        for index, origin in read.items()
        for operator in _assembled(root, followed, given[origin], index)
    ]
    graph.operators = [*assembled, *(graph.operators[position] for position in sorted(left))]
    sign(root, inputs, outputs_of(root))
    tidy(root)
    return flatbuffer.write(root)


def outputs_of(root: Any) -> dict[str, int]:
    """The graph's outputs as its signature names and orders them; without one, as they stand."""
    graph = root.subgraphs[0]
    if root.signatureDefs:
        entries = root.signatureDefs[0].outputs
        return {entry.name.decode(): int(entry.tensorIndex) for entry in entries}
    return {name_of(graph.tensors[index]): int(index) for index in graph.outputs}


def _shape(root: Any, index: int) -> Shape:
    return shape_of(root.subgraphs[0].tensors[index])


def _assembled(root: Any, followed: Followed, feature: int, target: int) -> list[Any]:
    """Operators that lay T features out as the tensor that they are the shares of."""
    shape, place = followed.shape(target), followed.places[target]
    stride = place.stride(shape)
    outer = math.prod(shape) // (followed.window * stride)
    if outer == 1:
        return [reshape(root, feature, target)]
    apart = add_tensor(root, "apart", (followed.window, outer, stride))
    ordered = add_tensor(root, "ordered", (outer, followed.window, stride))
    return [
        reshape(root, feature, apart),
        transpose(root, apart, ordered, (1, 0, 2)),
        reshape(root, ordered, target),
    ]


def _for_one_frame(root: Any, operator: Any, followed: Followed, step: Step) -> None:
    """Give an operator the constants that it needs on a window of one frame."""
    share = followed.share(int(operator.outputs[0]))
    if step.kind in RESHAPES:
        target = add_tensor(root, "target", share)
        ready = reshape(root, inputs_of(operator)[0], target)
        ready.outputs = operator.outputs
        vars(operator).update(vars(ready))
        return
    place = followed.places[int(operator.outputs[0])]
    for position, values in _constants(step, share, place).items():
        operator.inputs = list(operator.inputs)
        name = name_of(root.subgraphs[0].tensors[operator.inputs[position]])
        operator.inputs[position] = add_constant(root, f"{name}_of_one_frame", values)


def _constants(step: Step, share: Shape, place: Place) -> dict[int, np.ndarray]:
    """The operands that change with the number of frames, by position.

    share, place: the output's shape for one frame, and where the whole holds frames.
    """
    if step.kind in _OUTPUT_SHAPE_AT:
        position = _OUTPUT_SHAPE_AT[step.kind]
        return {position: np.array(share, step.value(position).dtype)}
    if step.kind in _END_AT:
        values = step.value(_END_AT[step.kind]).copy()
        if step.axis < len(values) and values[step.axis] > 0:
            values[step.axis] = step.shape[step.axis] // step.window
        return {_END_AT[step.kind]: values}
    behind = len(share) - place.axis
    return {
        position: of_one_frame(operand.value, len(operand.shape) - behind, place, step.window)
        for position, operand in enumerate(step.operands)
        if step.kind in _BROADCASTING and operand is not None and _repeats(operand, behind)
    }


def _repeats(operand: Operand, behind: int) -> bool:
    """Whether it is a constant that is written out for each frame."""
    axis = len(operand.shape) - behind
    return operand.value is not None and axis >= 0 and operand.shape[axis] > 1


_END_AT = {"SLICE": 2, "STRIDED_SLICE": 2}
_OUTPUT_SHAPE_AT = {"BROADCAST_TO": 1, "TRANSPOSE_CONV": 0}
_BROADCASTING = ELEMENTWISE | {"CONCATENATION"}
