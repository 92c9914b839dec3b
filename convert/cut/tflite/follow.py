"""How far single frames go through a float .tflite, and what the head reads of each there."""

import re
from dataclasses import dataclass, field
from typing import Any

from edge.tflite import flatbuffer
from edge_common import ModelError
from edge_convert.cut.tflite import main_graph, rules
from edge_convert.cut.tflite.operators import Operand, Place, WindowOperator, one_frame


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

    def shape(self, tensor: int) -> main_graph.Shape:
        """The shape of a tensor over the whole window."""
        return flatbuffer.shape_of(self.graph.tensors[tensor])

    def share(self, tensor: int) -> main_graph.Shape:
        """The shape of a tensor of frames in a window of one."""
        return one_frame(self.shape(tensor), self.places[tensor], self.window)

    def feature_shape(self, tensor: int) -> main_graph.Shape:
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
        value = main_graph.constant(self.root, tensor)
        return Operand(self.shape(tensor), self.places.get(tensor), value)


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
    source = int(graph.inputs[0])
    frame_path = FramePath(root, shapes[0][1], source, {source: Place(axis=1)})
    for position, operator in enumerate(graph.operators):
        if not frame_path.places.keys().isdisjoint(main_graph.inputs_of(operator)):
            place = rules.place_behind(frame_path.operator(position))
            if place is not None:
                frame_path.operators.append(position)
                frame_path.places.update((int(index), place) for index in operator.outputs)
    return frame_path


_TAKE_FRAMES_OUT = frozenset({"GATHER", "SLICE", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "UNPACK"})
_LONGEST_NAME = 40


def cut_boundary(frame_path: FramePath) -> dict[int, int]:
    """The tensors of frames that something behind the cut reads -> what they are reshaped from.

    Raises ModelError if an answer is given for every frame by itself.
    """
    graph = frame_path.graph
    for index in map(int, graph.outputs):
        if index in frame_path.places:
            name = main_graph.name_of(graph.tensors[index])
            raise ModelError(
                f"the network answers '{name}' for every frame by itself, not for the "
                "window: end it with what looks over time (LSTM, mean, attention, ...)"
            )
    behind = set(range(len(graph.operators))) - set(frame_path.operators)
    read = {
        index for position in behind for index in main_graph.inputs_of(graph.operators[position])
    }
    reshaped = _reshaped(frame_path)
    return {index: _origin(index, reshaped) for index in sorted(read & frame_path.places.keys())}


def obstacle(frame_path: FramePath, origins: list[int]) -> str:
    """Why no work is left to the encoder, for a person; origins: what the boundary's tensors are."""
    raw = frame_path.source in origins
    kind, name = _blocking(frame_path, frame_path.source if raw else None)
    place = "straight from the input" if raw else "before any convolution or matrix product"
    if kind in _TAKE_FRAMES_OUT:
        return (
            f"the graph cannot be cut: its operator {kind} ('{name}') takes single frames out of "
            f"the window {place}. Networks with a copy of their operators for each frame (from "
            "Keras' TimeDistributed) are not cut: fold the frames into the batch instead"
        )
    return (
        f"the graph cannot be cut: its operator {kind} ('{name}') reads all {frame_path.window} "
        f"frames at once, {place}. What a single frame can pass alone has to stand before it, "
        "with the frames folded into the batch"
    )


def feature_name(frame_path: FramePath, tensor: int, index: int) -> str:
    """`f0_` and the end of the tensor's path, or the operator's kind if it has no path."""
    path = main_graph.name_of(frame_path.graph.tensors[tensor]).split(";")[
        0
    ]  # of several that were fused
    if "/" not in path:
        path = frame_path.kind_of(tensor)
    words = [re.sub(r"[^0-9A-Za-z_]+", "_", word).strip("_") for word in path.split("/")[-2:]]
    return f"f{index}_{'_'.join(word for word in words if word)}"[:_LONGEST_NAME].rstrip("_")


def _blocking(frame_path: FramePath, tensor: int | None = None) -> tuple[str, str]:
    """(kind, name) of the first operator that mixes frames, or mixes those of one tensor."""
    graph, framewise = frame_path.graph, set(frame_path.operators)
    tensors = set(frame_path.places) if tensor is None else {tensor, *_copies(frame_path, tensor)}
    for position, operator in enumerate(graph.operators):
        if position not in framewise and tensors.intersection(main_graph.inputs_of(operator)):
            name = main_graph.name_of(graph.tensors[operator.outputs[0]])
            return flatbuffer.operator_name(frame_path.root, operator), name
    raise AssertionError("nothing reads the frames: asked for an operator that does not exist")


def _reshaped(frame_path: FramePath) -> dict[int, int]:
    """{tensor: what it only reshapes}, of the tensors of frames."""
    sources = {}
    for position in frame_path.operators:
        operator = frame_path.graph.operators[position]
        if flatbuffer.operator_name(frame_path.root, operator) in rules.RESHAPES:
            sources[int(operator.outputs[0])] = int(operator.inputs[0])
    return sources


def _origin(tensor: int, reshaped: dict[int, int]) -> int:
    while tensor in reshaped:
        tensor = reshaped[tensor]
    return tensor


def _copies(frame_path: FramePath, tensor: int) -> set[int]:
    reshaped = _reshaped(frame_path)
    return {index for index in reshaped if _origin(index, reshaped) == tensor}
