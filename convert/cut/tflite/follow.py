"""How far single frames go through a float .tflite: what each becomes, step by step.

What several copies of the same operators make of several frames is one step: frames that are
taken out of the window and passed one by one are followed as well as those in a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph, moves, past, rules
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
    ages: which frames it reads, by operand, as in `past.Mixture`.  reach: how many frames before the
    newest its results depend on.  loop: the steps of its recurrence, which are done together.
    """

    position: int
    contents: tuple[moves.Frames | None, ...]
    constants: Mapping[int, np.ndarray]
    shares: tuple[main_graph.Shape, ...]
    ages: tuple[past.Ages, ...]
    copies: int
    multiply_adds: int = 0
    frames: set[int] = field(default_factory=set)
    reach: int = 0
    loop: Sequence[int] = ()

    @property
    def reads(self) -> list[tuple[moves.Frames, past.Ages]]:
        """What it reads of frames, and which of them."""
        return [(frames, ages) for frames, ages in zip(self.contents, self.ages) if frames]


@dataclass
class FramePath:
    """The steps that single frames pass alone, and what the graph's tensors hold of them.

    contents: by tensor.  step_at: the step that an operator does, by its position.
    late_loop: the frame of the window with which a recurrence begins that cannot be one step a frame, as
    it would begin with a stream's first.
    """

    root: Any
    window: int
    source: int
    contents: dict[int, moves.Frames]
    steps: list[FrameStep] = field(default_factory=list)
    step_at: dict[int, int] = field(default_factory=dict)
    late_loop: int = 0

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

    def reach(self, value: moves.Value) -> int:
        """How many frames before its own a value depends on."""
        return 0 if value == moves.FRAME_ITSELF else self.steps[value.step].reach

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


Digest = Callable[[int], str]  # of a constant tensor: equal for equal constants


def follow(
    model: bytes,
    memory: past.Past = past.Past.NOTHING,
    extend: Callable[[FramePath, Digest], bool] = lambda path, digest: False,
) -> FramePath:
    """Follow the frames of the first input, (1, T, H, W, C) or (1, T, F), by dataflow.

    Other inputs are vectors or numbers.

    memory: what each layer keeps of the frames before.  extend: finds more steps where it ends, if it
    can. Raises ModelError if the input has another form or holds a single frame.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    shapes = [flatbuffer.shape_of(graph.tensors[index]) for index in graph.inputs]
    ranks = [len(shape) for shape in shapes]
    if (
        ranks[0] not in (3, 5)
        or max(ranks[1:], default=0) > 2
        or shapes[0][0] != 1
        or shapes[0][1] < 2
    ):
        forms = ", ".join(str(list(shape)) for shape in shapes)
        raise ModelError(
            f"only a network over a window (1, T, H, W, C) or (1, T, F) is cut; this takes {forms}"
        )
    (_, window, *frame), source = shapes[0], int(graph.inputs[0])
    whole = moves.Frames(moves.FRAME_ITSELF, tuple(range(window)), (1, 1, *frame), Place(axis=1))
    follower = _Follower(FramePath(root, window, source, {source: whole}), memory)
    follower.go_on()
    while extend(follower.path, follower.digest):
        follower.go_on()
    return follower.path


class _Follower:
    def __init__(self, path: FramePath, memory: past.Past) -> None:
        self.path, self._memory = path, memory
        self._steps: dict[Any, int] = {}
        self._digests: dict[int, str] = {}

    def go_on(self) -> None:
        """Pass all operators that are not passed yet."""
        for position, operator in enumerate(self.path.graph.operators):
            if not any(int(output) in self.path.contents for output in operator.outputs):
                self._pass_through(position)

    def _pass_through(self, position: int) -> None:
        """Note what the outputs of one operator hold, if that is frames, each passed alone."""
        path, operator = self.path, self.path.graph.operators[position]
        contents = tuple(path.contents.get(int(index)) for index in operator.inputs)
        if not any(contents):
            return
        window_operator = self._as_rules_see_it(position, contents)
        is_known = all(
            each is not None or operand is None or operand.value is not None
            for each, operand in zip(contents, window_operator.operands)
        )
        if not is_known:
            return
        outputs = moves.moved(window_operator, contents)
        if outputs is None:
            outputs = past.padded(window_operator, contents, self._memory)
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
        """Each frame by itself or with those before it, in a step that may be known already."""
        if operator.kind not in rules.KINDS:
            return None
        mixture = past.mixture(operator, contents, self._memory)
        if mixture is None or not past.stays_zero(operator, mixture.frames):
            return None
        place, constants = mixture.place, dict(mixture.constants)
        shares, count = operator.outputs, len(mixture.frames)
        if place is not None:
            shares = tuple(one_frame(shape, place, count) for shape in operator.outputs)
            constants = {**_constants(operator, shares[0], place), **constants}
        new = FrameStep(position, contents, constants, shares, mixture.ages, count)
        new.reach = max(self.path.reach(f.value) + oldest for f, (oldest, _) in new.reads)
        step = self._step(position, operator, new)
        self.path.steps[step].frames.update(mixture.frames)
        self.path.step_at[position] = step
        return [
            moves.Frames(moves.Value(step, output), mixture.frames, share, place)
            for output, share in enumerate(shares)
        ]

    def _step(self, position: int, operator: WindowOperator, step: FrameStep) -> int:
        """The number of the step that does the same, a new one if there is none."""
        path = self.path
        graph_operator = path.graph.operators[position]
        options = graph_operator.builtinOptions
        operands = tuple(
            (each.value, each.share) if each else self.digest(int(index), step.constants.get(i))
            for i, (index, each) in enumerate(zip(graph_operator.inputs, step.contents))
        )
        key = operator.kind, repr(options and vars(options)), operands, step.shares, step.ages
        if key not in self._steps:
            work = flatbuffer.multiply_adds_of(path.root, graph_operator) or 0
            step.multiply_adds = work // step.copies
            self._steps[key] = len(path.steps)
            path.steps.append(step)
        return self._steps[key]

    def digest(self, index: int, value: np.ndarray | None = None) -> str:
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
