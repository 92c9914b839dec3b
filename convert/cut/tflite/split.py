"""The cut of a float32 .tflite: an encoder of single frames and a head over T features.

For graphs whose frames go through one copy of the operators, folded into the batch or
as a window that keeps them apart. If each frame has its own copy (Keras'
TimeDistributed gives that), there is nothing to cut: the copies read single frames.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph, prune, rules
from edge_convert.cut.tflite.follow import FramePath, cut_boundary, feature_name, follow, obstacle
from edge_convert.cut.tflite.operators import Operand, Place, WindowOperator, of_one_frame

FRAME = "frame"


@dataclass(frozen=True)
class CutFile:
    """Both parts of a network as float32 .tflite with one signature each, `serving_default`.

    encoder: `frame` (1, H, W, C) -> {feature: (1, ...)}.
    head: {feature: (1, window, ...)} -> the outputs of the source, under its names.
    """

    encoder: bytes
    head: bytes
    features: tuple[str, ...]
    window: int


def split(model: bytes) -> CutFile:
    """Cut a float32 .tflite (1, T, H, W, C) behind all that each frame passes alone.

    Raises ModelError that names the operator in the way if single frames pass no
    convolution or matrix product, and if the input has another form.
    """
    frame_path = follow(model)
    read = cut_boundary(frame_path)
    origins = sorted(set(read.values()))
    features = {feature_name(frame_path, index, i): index for i, index in enumerate(origins)}
    encoder = _encoder(model, frame_path, features)
    if not flatbuffer.cost(encoder).multiply_adds:
        raise ModelError(obstacle(frame_path, origins))
    head = _head(model, frame_path, features, read)
    return CutFile(encoder, head, tuple(features), frame_path.window)


def _encoder(model: bytes, frame_path: FramePath, features: Mapping[str, int]) -> bytes:
    """`frame` (1, H, W, C) -> {feature: (1, ...)}: the followed operators, on a window of one."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    operators = [graph.operators[position] for position in frame_path.operators]
    for position, operator in zip(frame_path.operators, operators):
        _for_one_frame(root, operator, frame_path, frame_path.operator(position))
    for index in frame_path.places:
        graph.tensors[index].shape = list(frame_path.share(index))
        graph.tensors[index].shapeSignature = None
    frame = main_graph.add_tensor(root, FRAME, (1, *frame_path.shape(frame_path.source)[2:]))
    graph.operators = [main_graph.reshape(root, frame, frame_path.source), *operators]
    outputs = {}
    for name, index in features.items():
        outputs[name] = index
        if index == frame_path.source or _shape(root, index) != frame_path.feature_shape(index):
            outputs[name] = main_graph.add_tensor(root, name, frame_path.feature_shape(index))
            graph.operators.append(main_graph.reshape(root, index, outputs[name]))
    main_graph.sign(root, {FRAME: frame}, outputs)
    prune.tidy(root)
    return flatbuffer.write(root)


def _head(
    model: bytes, frame_path: FramePath, features: Mapping[str, int], read: Mapping[int, int]
) -> bytes:
    """{feature: (1, T, ...)} -> the source's outputs: all operators but the followed ones.

    read: the tensors behind the cut -> the features that they are a reshape of.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    remaining = set(range(len(graph.operators))) - set(frame_path.operators)
    inputs = {
        name: main_graph.add_tensor(
            root, name, (1, frame_path.window, *frame_path.feature_shape(index)[1:])
        )
        for name, index in features.items()
    }
    feature_inputs = {index: inputs[name] for name, index in features.items()}
    laid_out = [
        operator
        for index, origin in read.items()
        for operator in _laid_out(root, frame_path, feature_inputs[origin], index)
    ]
    graph.operators = [*laid_out, *(graph.operators[position] for position in sorted(remaining))]
    main_graph.sign(root, inputs, main_graph.outputs_of(root))
    prune.tidy(root)
    return flatbuffer.write(root)


def _shape(root: Any, index: int) -> main_graph.Shape:
    return flatbuffer.shape_of(root.subgraphs[0].tensors[index])


def _laid_out(root: Any, frame_path: FramePath, feature: int, target: int) -> list[Any]:
    """Operators that lay T features out as the tensor that they are the shares of."""
    shape, place = frame_path.shape(target), frame_path.places[target]
    stride = place.stride(shape)
    outer = math.prod(shape) // (frame_path.window * stride)
    if outer == 1:
        return [main_graph.reshape(root, feature, target)]
    apart = main_graph.add_tensor(root, "apart", (frame_path.window, outer, stride))
    ordered = main_graph.add_tensor(root, "ordered", (outer, frame_path.window, stride))
    return [
        main_graph.reshape(root, feature, apart),
        main_graph.transpose(root, apart, ordered, (1, 0, 2)),
        main_graph.reshape(root, ordered, target),
    ]


def _for_one_frame(root: Any, operator: Any, frame_path: FramePath, op: WindowOperator) -> None:
    """Give an operator the constants that it needs on a window of one frame."""
    share = frame_path.share(int(operator.outputs[0]))
    if op.kind in rules.RESHAPES:
        target = main_graph.add_tensor(root, "target", share)
        ready = main_graph.reshape(root, main_graph.inputs_of(operator)[0], target)
        ready.outputs = operator.outputs
        vars(operator).update(vars(ready))
        return
    place = frame_path.places[int(operator.outputs[0])]
    for position, values in _constants(op, share, place).items():
        operator.inputs = list(operator.inputs)
        name = main_graph.name_of(root.subgraphs[0].tensors[operator.inputs[position]])
        operator.inputs[position] = main_graph.add_constant(root, f"{name}_of_one_frame", values)


def _constants(op: WindowOperator, share: main_graph.Shape, place: Place) -> dict[int, np.ndarray]:
    """The operands that change with the number of frames, by position.

    share, place: the output's shape for one frame, and where the whole holds frames.
    """
    if op.kind in _OUTPUT_SHAPE_AT:
        position = _OUTPUT_SHAPE_AT[op.kind]
        return {position: np.array(share, op.value(position).dtype)}
    if op.kind in _END_AT:
        values = op.value(_END_AT[op.kind]).copy()
        if op.axis < len(values) and values[op.axis] > 0:
            values[op.axis] = op.shape[op.axis] // op.window
        return {_END_AT[op.kind]: values}
    behind = len(share) - place.axis
    return {
        position: of_one_frame(operand.constant, len(operand.shape) - behind, place, op.window)
        for position, operand in enumerate(op.operands)
        if op.kind in _BROADCASTING and operand is not None and _repeats(operand, behind)
    }


def _repeats(operand: Operand, behind: int) -> bool:
    """Whether it is a constant that is written out for each frame."""
    axis = len(operand.shape) - behind
    return operand.value is not None and axis >= 0 and operand.shape[axis] > 1


_END_AT = {"SLICE": 2, "STRIDED_SLICE": 2}
_OUTPUT_SHAPE_AT = {"BROADCAST_TO": 1, "TRANSPOSE_CONV": 0}
_BROADCASTING = rules.ELEMENTWISE | {"CONCATENATION"}
