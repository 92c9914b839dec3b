"""How far single frames go through a float .tflite: what each becomes, step by step.

What several copies of the same operators make of several frames is one step: frames that are
taken out of the window and passed one by one are followed as well as those in a batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph, moves, rules
from edge_convert.cut.tflite.operators import (
    Operand,
    Place,
    WindowOperator,
    of_one_frame,
    one_frame,
)


@dataclass
class FrameStep:
    """An operator on one frame.

    position: of the first operator in the graph that does it.  contents: what it reads, by operand; None
    if that is no frame.  constants: operands that differ for one frame, by position.
    shares: the shapes of its outputs.  multiply_adds: a frame.
    copies: how many frames that operator is for.
    frames: all those of the window that it is done for.
    """

    position: int
    contents: tuple[moves.Frames | None, ...]
    constants: Mapping[int, np.ndarray]
    shares: tuple[main_graph.Shape, ...]
    multiply_adds: int = 0
    copies: int = 1
    frames: set[int] = field(default_factory=set)


@dataclass
class FramePath:
    """The steps that single frames pass alone, and what the graph's tensors hold of them.

    contents: by tensor.  step_at: the step that an operator does, by its position.
    """

    root: Any
    window: int
    source: int
    contents: dict[int, moves.Frames]
    steps: list[FrameStep] = field(default_factory=list)
    step_at: dict[int, int] = field(default_factory=dict)

    @property
    def graph(self) -> Any:
        """The main graph."""
        return self.root.subgraphs[0]

    def shape(self, tensor: int) -> main_graph.Shape:
        """The shape of a tensor in the graph."""
        return flatbuffer.shape_of(self.graph.tensors[tensor])

    def kind_at(self, position: int) -> str:
        """The operator there."""
        return flatbuffer.operator_name(self.root, self.graph.operators[position])

    def share(self, value: moves.Value) -> main_graph.Shape:
        """One frame's share of a value, as the step gives it."""
        if value == moves.FRAME_ITSELF:
            return self.contents[self.source].share
        return self.steps[value.step].shares[value.output]

    def tensor_of(self, value: moves.Value) -> int:
        """A tensor of the graph that holds a value."""
        if value == moves.FRAME_ITSELF:
            return self.source
        operator = self.graph.operators[self.steps[value.step].position]
        return int(operator.outputs[value.output])

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        """The positions of the operators that read each tensor."""
        readers: dict[int, list[int]] = {}
        for position, operator in enumerate(self.graph.operators):
            for index in dict.fromkeys(main_graph.inputs_of(operator)):
                readers.setdefault(index, []).append(position)
        return readers


def follow(model: bytes) -> FramePath:
    """Follow the frames of the only input, (1, T, H, W, C), by dataflow.

    Raises ModelError if the input has another form or holds a single frame.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    shapes = [flatbuffer.shape_of(graph.tensors[index]) for index in graph.inputs]
    if [len(shape) for shape in shapes] != [5] or shapes[0][0] != 1 or shapes[0][1] < 2:
        forms = ", ".join(str(list(shape)) for shape in shapes)
        raise ModelError(f"only a network over a window (1, T, H, W, C) is cut; this takes {forms}")
    (_, window, *frame), source = shapes[0], int(graph.inputs[0])
    whole = moves.Frames(moves.FRAME_ITSELF, tuple(range(window)), (1, 1, *frame), Place(axis=1))
    follower = _Follower(FramePath(root, window, source, {source: whole}))
    for position in range(len(graph.operators)):
        follower.pass_through(position)
    return follower.path


class _Follower:
    def __init__(self, path: FramePath) -> None:
        self.path = path
        self._steps: dict[Any, int] = {}
        self._digests: dict[int, str] = {}

    def pass_through(self, position: int) -> None:
        """Note what the outputs of one operator hold, if that is frames, each passed alone."""
        path, operator = self.path, self.path.graph.operators[position]
        contents = tuple(path.contents.get(int(index)) for index in operator.inputs)
        if not any(contents):
            return
        window_operator = self._as_rules_see_it(position, contents)
        outputs = moves.moved(window_operator, contents)
        if outputs is None:
            outputs = self._passed(position, window_operator, contents)
        if outputs is not None:
            path.contents.update(zip(map(int, operator.outputs), outputs, strict=True))

    def _as_rules_see_it(
        self, position: int, contents: Sequence[moves.Frames | None]
    ) -> WindowOperator:
        path, operator = self.path, self.path.graph.operators[position]
        operands = [
            None
            if index < 0
            else Operand(
                path.shape(index),
                frames.place if frames else None,
                main_graph.constant(path.root, index),
            )
            for index, frames in zip(map(int, operator.inputs), contents)
        ]
        return WindowOperator(
            kind=path.kind_at(position),
            options=operator.builtinOptions,
            operands=tuple(operands),
            outputs=tuple(path.shape(int(index)) for index in operator.outputs),
            window=max(len(frames.frames) for frames in contents if frames),
        )

    def _passed(
        self, position: int, operator: WindowOperator, contents: tuple[moves.Frames | None, ...]
    ) -> list[moves.Frames] | None:
        """Each frame by itself, in a step that may be known already."""
        frames = {each.frames for each in contents if each}
        alone = all(
            each is not None or operand is None or operand.value is not None
            for each, operand in zip(contents, operator.operands)
        )
        if len(frames) > 1 or not alone or operator.kind not in rules.KINDS:
            return None
        place = None
        if operator.window > 1 and (place := rules.place_behind(operator)) is None:
            return None
        shares, constants = operator.outputs, dict[int, np.ndarray]()
        if place is not None:
            shares = tuple(one_frame(shape, place, operator.window) for shape in operator.outputs)
            constants = _constants(operator, shares[0], place)
        step = self._step(position, operator, FrameStep(position, contents, constants, shares))
        (numbers,) = frames
        self.path.steps[step].frames.update(numbers)
        self.path.step_at[position] = step
        return [
            moves.Frames(moves.Value(step, output), numbers, share, place)
            for output, share in enumerate(shares)
        ]

    def _step(self, position: int, operator: WindowOperator, step: FrameStep) -> int:
        """The number of the step that does the same, a new one if there is none."""
        path = self.path
        graph_operator = path.graph.operators[position]
        options = graph_operator.builtinOptions
        operands = tuple(
            (each.value, each.share) if each else self._constant(int(index), step.constants.get(i))
            for i, (index, each) in enumerate(zip(graph_operator.inputs, step.contents))
        )
        key = operator.kind, repr(options and vars(options)), operands, step.shares
        if key not in self._steps:
            work = flatbuffer.multiply_adds_of(path.root, graph_operator) or 0
            step.multiply_adds, step.copies = work // operator.window, operator.window
            self._steps[key] = len(path.steps)
            path.steps.append(step)
        return self._steps[key]

    def _constant(self, index: int, value: np.ndarray | None) -> str:
        """Equal for equal constants."""
        if value is not None:
            return _digest(value)
        if index not in self._digests:
            constant = main_graph.constant(self.path.root, index)
            self._digests[index] = "" if constant is None else _digest(constant)
        return self._digests[index]


def _digest(value: np.ndarray) -> str:
    content = np.ascontiguousarray(value)
    return f"{content.dtype}{content.shape}{sha256(content.tobytes()).hexdigest()}"


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


def with_biases_apart(model: bytes) -> bytes:
    """The graph with the bias of a matrix product added behind it if another product has none.

    An unrolled LSTM has it within the first step's product, and then not: without it, all steps
    multiply the frames alike.
    """
    root = flatbuffer.read(model)
    products = list(flatbuffer.operators(root, "FULLY_CONNECTED"))
    bare = {int(o.inputs[1]) for o in products if not _has_bias(o)}
    biased = [o for o in products if _has_bias(o) and int(o.inputs[1]) in bare]
    if not biased:
        return model
    graph, fused = root.subgraphs[0], schema.ActivationFunctionType.NONE
    for product in biased:
        target, bias = int(product.outputs[0]), int(product.inputs[2])
        name, shape = main_graph.name_of(graph.tensors[target]), graph.tensors[target].shape
        bare_output = main_graph.add_tensor(root, f"{name.split(';')[0]}_unbiased", tuple(shape))
        activation = product.builtinOptions.fusedActivationFunction
        product.inputs, product.outputs = [*product.inputs[:2], -1], [bare_output]
        product.builtinOptions.fusedActivationFunction = fused
        add = main_graph.elementwise(root, "ADD", (bare_output, bias), target, activation)
        position = next(i for i, o in enumerate(graph.operators) if o is product)
        graph.operators.insert(position + 1, add)
    return flatbuffer.write(root)


def _has_bias(product: Any) -> bool:
    return len(product.inputs) > 2 and int(product.inputs[2]) >= 0
