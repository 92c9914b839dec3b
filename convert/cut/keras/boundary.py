"""What the head reads of each frame: the tensors at the border of what frames pass alone."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import keras

from edge_common.errors import ModelError
from edge_convert.cut.keras.follow import Followed
from edge_convert.cut.keras.framewise import Twin
from edge_convert.cut.keras.graph import Graph, Value


@dataclass(frozen=True)
class Feature:
    """What the head reads of each frame: one tensor, or several that arrange it differently."""

    name: str
    twin: Twin
    values: tuple[Value, ...]


def frontier(model: keras.Model, network: Graph, followed: Followed) -> list[Feature]:
    """What is read behind the cut: per-frame tensors, by their twin.

    Raises ModelError where that is nothing but the raw frames, or where an answer
    stands for each frame.
    """
    if len(followed.layouts[followed.source].frames) == 1:
        raise ModelError(f"{model.name} looks at a single frame: there is nothing to cut")
    read = _read_behind(network, followed)
    if all(value in followed.twins for value in network.outputs):
        raise ModelError(_answers_for_frames(model, next(iter(network.named))))
    for name, value in network.named.items():
        if value in followed.twins and len(followed.layouts[value].frames) > 1:
            raise ModelError(_answers_for_frames(model, name))
    values: dict[int, list[Value]] = {}
    for value in read:
        values.setdefault(id(followed.twins[value]), []).append(value)
    raw = id(followed.twins[followed.source])
    if raw in values and not any(step.multiply_adds for step in followed.steps):
        raise ModelError(
            f"{model.name} cannot be cut: its layer '{read[values[raw][0]]}' reads all "
            "frames at once, straight from the input. Put what a single frame can pass "
            "alone into TimeDistributed before it"
        )
    return [
        Feature(_name(followed.twins[found[0]], index), followed.twins[found[0]], tuple(found))
        for index, found in enumerate(values.values())
    ]


def _read_behind(network: Graph, followed: Followed) -> dict[Value, str]:
    """The per-frame values that something behind the cut reads, and the name of its first reader.

    Those are real numbers: what is true or counted is left to the head to compute again.
    """
    known = set(followed.twins)
    while True:
        read = _read_of(network, known)
        flags = {value for value in read if not value.tensor.dtype.startswith(("float", "bfloat"))}
        if not flags - {followed.source}:
            return read
        known -= flags


def _read_of(network: Graph, known: Collection[Value]) -> dict[Value, str]:
    read: dict[Value, str] = {}
    for call in network.calls:
        if any(value not in known for value in call.outputs):
            for value in call.inputs:
                if value in known:
                    read.setdefault(value, call.operation.name)
    for name, value in network.named.items():
        if value in known:
            read.setdefault(value, name)
    return read


def _answers_for_frames(model: keras.Model, name: str) -> str:
    return (
        f"{model.name} answers '{name}' for every frame by itself, not for the window: "
        "end it with a layer that looks over time (LSTM, mean, attention, ...)"
    )


def _name(twin: Twin, index: int) -> str:
    return f"f{index}_{re.sub(r'[^0-9A-Za-z_]', '_', twin.name)}"
