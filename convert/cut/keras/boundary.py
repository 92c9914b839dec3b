"""What the head reads of each frame: the tensors at the border of what frames pass alone."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import keras

from edge_common.errors import ModelError
from edge_convert.cut.keras.follow import FramePath
from edge_convert.cut.keras.framewise import FrameTensor
from edge_convert.cut.keras.graph import Graph, Value


@dataclass(frozen=True)
class Feature:
    """What the head reads of each frame: one tensor, or several that arrange it differently."""

    name: str
    frame_tensor: FrameTensor
    values: tuple[Value, ...]


def cut_boundary(model: keras.Model, network: Graph, frame_path: FramePath) -> list[Feature]:
    """What is read behind the cut: the values that hold them, by per-frame tensor.

    Raises ModelError if that is nothing but the raw frames, or if an answer
    stands for each frame.
    """
    if len(frame_path.layouts[frame_path.source].frames) == 1:
        raise ModelError(f"{model.name} looks at a single frame: there is nothing to cut")
    read = _read_behind(network, frame_path)
    if all(value in frame_path.frame_tensors for value in network.outputs):
        raise ModelError(_answers_for_frames(model, next(iter(network.outputs_by_name))))
    for name, value in network.outputs_by_name.items():
        if value in frame_path.frame_tensors and len(frame_path.layouts[value].frames) > 1:
            raise ModelError(_answers_for_frames(model, name))
    values: dict[int, list[Value]] = {}
    for value in read:
        values.setdefault(id(frame_path.frame_tensors[value]), []).append(value)
    raw = id(frame_path.frame_tensors[frame_path.source])
    if raw in values and not any(step.multiply_adds for step in frame_path.steps):
        raise ModelError(
            f"{model.name} cannot be cut: its layer '{read[values[raw][0]]}' reads all "
            "frames at once, straight from the input. Put what a single frame can pass "
            "alone into TimeDistributed before it"
        )
    return [
        Feature(
            _name(frame_path.frame_tensors[group[0]], index),
            frame_path.frame_tensors[group[0]],
            tuple(group),
        )
        for index, group in enumerate(values.values())
    ]


def _read_behind(network: Graph, frame_path: FramePath) -> dict[Value, str]:
    """The per-frame values that something behind the cut reads, and the name of its first reader.

    Those are real numbers: what is true or counted is left to the head to compute again.
    """
    available = set(frame_path.frame_tensors)
    while True:
        read = _read_of(network, available)
        flags = {value for value in read if not value.tensor.dtype.startswith(("float", "bfloat"))}
        if not flags - {frame_path.source}:
            return read
        available -= flags


def _read_of(network: Graph, available: Collection[Value]) -> dict[Value, str]:
    read: dict[Value, str] = {}
    for call in network.calls:
        if any(value not in available for value in call.outputs):
            for value in call.inputs:
                if value in available:
                    read.setdefault(value, call.operation.name)
    for name, value in network.outputs_by_name.items():
        if value in available:
            read.setdefault(value, name)
    return read


def _answers_for_frames(model: keras.Model, name: str) -> str:
    return (
        f"{model.name} answers '{name}' for every frame by itself, not for the window: "
        "end it with a layer that looks over time (LSTM, mean, attention, ...)"
    )


def _name(frame_tensor: FrameTensor, index: int) -> str:
    return f"f{index}_{re.sub(r'[^0-9A-Za-z_]', '_', frame_tensor.name)}"
