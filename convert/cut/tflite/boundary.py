"""What the head reads of each frame: the tensors at the border of what frames pass alone."""

import re

from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.cut.tflite.edit import (
    inputs_of,
    name_of,
)
from edge_convert.cut.tflite.follow import FramePath
from edge_convert.cut.tflite.rules import RESHAPES

_TAKE_FRAMES_OUT = frozenset({"GATHER", "SLICE", "SPLIT", "SPLIT_V", "STRIDED_SLICE", "UNPACK"})
_LONGEST_NAME = 40


def cut_boundary(frame_path: FramePath) -> dict[int, int]:
    """The tensors of frames that something behind the cut reads -> what they are reshaped from.

    Raises ModelError if an answer is given for every frame by itself.
    """
    graph = frame_path.graph
    for index in map(int, graph.outputs):
        if index in frame_path.places:
            raise ModelError(
                f"the network answers '{name_of(graph.tensors[index])}' for every frame by itself, "
                "not for the window: end it with what looks over time (LSTM, mean, attention, ...)"
            )
    behind = set(range(len(graph.operators))) - set(frame_path.operators)
    read = {index for position in behind for index in inputs_of(graph.operators[position])}
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
    path = name_of(frame_path.graph.tensors[tensor]).split(";")[0]  # of several that were fused
    if "/" not in path:
        path = frame_path.kind_of(tensor)
    words = [re.sub(r"[^0-9A-Za-z_]+", "_", word).strip("_") for word in path.split("/")[-2:]]
    return f"f{index}_{'_'.join(word for word in words if word)}"[:_LONGEST_NAME].rstrip("_")


def _blocking(frame_path: FramePath, tensor: int | None = None) -> tuple[str, str]:
    """(kind, name) of the first operator that mixes frames, or mixes those of one tensor."""
    graph, framewise = frame_path.graph, set(frame_path.operators)
    tensors = set(frame_path.places) if tensor is None else {tensor, *_copies(frame_path, tensor)}
    for position, operator in enumerate(graph.operators):
        if position not in framewise and tensors.intersection(inputs_of(operator)):
            name = name_of(graph.tensors[operator.outputs[0]])
            return flatbuffer.operator_name(frame_path.root, operator), name
    raise AssertionError("nothing reads the frames: asked for an operator that does not exist")


def _reshaped(frame_path: FramePath) -> dict[int, int]:
    """{tensor: what it only reshapes}, of the tensors of frames."""
    sources = {}
    for position in frame_path.operators:
        operator = frame_path.graph.operators[position]
        if flatbuffer.operator_name(frame_path.root, operator) in RESHAPES:
            sources[int(operator.outputs[0])] = int(operator.inputs[0])
    return sources


def _origin(tensor: int, reshaped: dict[int, int]) -> int:
    while tensor in reshaped:
        tensor = reshaped[tensor]
    return tensor


def _copies(frame_path: FramePath, tensor: int) -> set[int]:
    reshaped = _reshaped(frame_path)
    return {index for index in reshaped if _origin(index, reshaped) == tensor}
