"""How far single frames go through a float .tflite before they meet each other."""

from dataclasses import dataclass, field
from typing import Any

from edge.tflite import flatbuffer
from edge.tflite.flatbuffer import shape_of
from edge_common.errors import ModelError
from edge_convert.cut.tflite.edit import Shape, constant, inputs_of, name_of
from edge_convert.cut.tflite.rules import RESHAPES, place_behind
from edge_convert.cut.tflite.steps import Operand, Place, Step, one_frame


@dataclass
class Followed:
    """The operators that single frames pass alone, by position, and where they take the frames."""

    root: Any
    window: int
    source: int
    places: dict[int, Place]
    operators: list[int] = field(default_factory=list)

    @property
    def graph(self) -> Any:
        """The main graph."""
        return self.root.subgraphs[0]

    def shape(self, tensor: int) -> Shape:
        """The shape of a tensor over the whole window."""
        return shape_of(self.graph.tensors[tensor])

    def share(self, tensor: int) -> Shape:
        """The shape of a tensor of frames in a window of one."""
        return one_frame(self.shape(tensor), self.places[tensor], self.window)

    def feature_shape(self, tensor: int) -> Shape:
        """One frame's share of a tensor of frames, (1, ...), without other axes of 1 before it."""
        share = self.share(tensor)
        first = next((i for i, size in enumerate(share) if size > 1), len(share) - 1)
        return (1, *share[first:])

    def kind_of(self, tensor: int) -> str:
        """The operator that gives a tensor, in small letters; `frame` of the input."""
        found = (o for o in self.graph.operators if tensor in o.outputs)
        names = (flatbuffer.operator_name(self.root, operator) for operator in found)
        return next(names, "frame").lower()

    def step(self, position: int) -> Step:
        """An operator as the rules see it."""
        operator = self.graph.operators[position]
        return Step(
            kind=flatbuffer.operator_name(self.root, operator),
            options=operator.builtinOptions,
            operands=tuple(self._operand(int(index)) for index in operator.inputs),
            outputs=tuple(self.shape(int(index)) for index in operator.outputs),
            window=self.window,
        )

    def _operand(self, tensor: int) -> Operand | None:
        if tensor < 0:
            return None
        value = constant(self.root, tensor)
        return Operand(self.shape(tensor), self.places.get(tensor), value)


def follow(model: bytes) -> Followed:
    """Follow the frames of the only input, (1, T, H, W, C), by dataflow.

    Raises ModelError where the input has another form or holds a single frame.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    shapes = [shape_of(graph.tensors[index]) for index in graph.inputs]
    if [len(shape) for shape in shapes] != [5] or shapes[0][0] != 1 or shapes[0][1] < 2:
        forms = ", ".join(str(list(shape)) for shape in shapes)
        raise ModelError(f"only a network over a window (1, T, H, W, C) is cut; this takes {forms}")
    source = int(graph.inputs[0])
    followed = Followed(root, shapes[0][1], source, {source: Place(axis=1)})
    for position, operator in enumerate(graph.operators):
        if not followed.places.keys().isdisjoint(inputs_of(operator)):
            place = place_behind(followed.step(position))
            if place is not None:
                followed.operators.append(position)
                followed.places.update((int(index), place) for index in operator.outputs)
    return followed


def frontier(followed: Followed) -> dict[int, int]:
    """The tensors of frames that something behind the cut reads -> what they are reshaped from.

    Raises ModelError where an answer is given for every frame by itself.
    """
    graph = followed.graph
    for index in map(int, graph.outputs):
        if index in followed.places:
            raise ModelError(
                f"the network answers '{name_of(graph.tensors[index])}' for every frame by itself, "
                "not for the window: end it with what looks over time (LSTM, mean, attention, ...)"
            )
    behind = set(range(len(graph.operators))) - set(followed.operators)
    read = {index for position in behind for index in inputs_of(graph.operators[position])}
    reshaped = _reshaped(followed)
    return {index: _origin(index, reshaped) for index in sorted(read & followed.places.keys())}


def blocking(followed: Followed, tensor: int | None = None) -> tuple[str, str]:
    """(kind, name) of the first operator that mixes frames, or mixes those of one tensor."""
    graph, kept = followed.graph, set(followed.operators)
    wanted = set(followed.places) if tensor is None else {tensor, *_copies(followed, tensor)}
    for position, operator in enumerate(graph.operators):
        if position not in kept and wanted.intersection(inputs_of(operator)):
            name = name_of(graph.tensors[operator.outputs[0]])
            return flatbuffer.operator_name(followed.root, operator), name
    raise AssertionError("nothing reads the frames: asked for an operator that does not exist")


def _reshaped(followed: Followed) -> dict[int, int]:
    """{tensor: what it only reshapes}, of the tensors of frames."""
    found = {}
    for position in followed.operators:
        operator = followed.graph.operators[position]
        if flatbuffer.operator_name(followed.root, operator) in RESHAPES:
            found[int(operator.outputs[0])] = int(operator.inputs[0])
    return found


def _origin(tensor: int, reshaped: dict[int, int]) -> int:
    while tensor in reshaped:
        tensor = reshaped[tensor]
    return tensor


def _copies(followed: Followed, tensor: int) -> set[int]:
    reshaped = _reshaped(followed)
    return {index for index in reshaped if _origin(index, reshaped) == tensor}
