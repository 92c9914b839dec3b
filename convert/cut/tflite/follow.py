"""How far single frames go through a float .tflite before they meet each other."""

from dataclasses import dataclass, field
from typing import Any

from edge.tflite import flatbuffer
from edge.tflite.flatbuffer import shape_of
from edge_common.errors import ModelError
from edge_convert.cut.tflite.edit import Shape, constant, inputs_of
from edge_convert.cut.tflite.operators import Operand, Place, WindowOperator, one_frame
from edge_convert.cut.tflite.rules import place_behind


@dataclass
class FramePath:
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
        producers = (o for o in self.graph.operators if tensor in o.outputs)
        names = (flatbuffer.operator_name(self.root, operator) for operator in producers)
        return next(names, "frame").lower()

    def operator(self, position: int) -> WindowOperator:
        """An operator as the rules see it."""
        operator = self.graph.operators[position]
        return WindowOperator(
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


def follow(model: bytes) -> FramePath:
    """Follow the frames of the only input, (1, T, H, W, C), by dataflow.

    Raises ModelError if the input has another form or holds a single frame.
    """
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    shapes = [shape_of(graph.tensors[index]) for index in graph.inputs]
    if [len(shape) for shape in shapes] != [5] or shapes[0][0] != 1 or shapes[0][1] < 2:
        forms = ", ".join(str(list(shape)) for shape in shapes)
        raise ModelError(f"only a network over a window (1, T, H, W, C) is cut; this takes {forms}")
    source = int(graph.inputs[0])
    frame_path = FramePath(root, shapes[0][1], source, {source: Place(axis=1)})
    for position, operator in enumerate(graph.operators):
        if not frame_path.places.keys().isdisjoint(inputs_of(operator)):
            place = place_behind(frame_path.operator(position))
            if place is not None:
                frame_path.operators.append(position)
                frame_path.places.update((int(index), place) for index in operator.outputs)
    return frame_path
