"""The cut: a window network becomes an encoder of single frames and a head over T features.

The network's graph is replayed twice on new inputs. First with one frame, as far
as frames are kept apart: that is the encoder, and the tensors that something behind
it reads are the features. Then with T features as inputs, through all that is left:
that is the head.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from edge_common import ModelError
from edge_convert.cut.keras.follow import FramePath, FrameStep, follow
from edge_convert.cut.keras.framewise import MISFITS, FrameTensor, Layout
from edge_convert.cut.keras.model import CallGraph, Value, graph, window_shape
from edge_convert.cut.keras.rebuild import GraphRebuilder


@dataclass(frozen=True)
class Feature:
    """What the head reads of each frame: one tensor, or several that arrange it differently."""

    name: str
    frame_tensor: FrameTensor
    values: tuple[Value, ...]


@dataclass(frozen=True)
class CutModel:
    """The two parts of a network; they share its weights and have static shapes.

    encoder: (1, H, W, C) -> {feature: (1, ...)}.
    head: {feature: (1, T, ...)} -> {task: (1, k)}.
    """

    encoder: keras.Model
    head: keras.Model
    features: tuple[str, ...]


@dataclass(frozen=True)
class HeadInputs:
    """A head under way: its inputs, what they stand for in the network, and its names."""

    inputs: dict[str, Any]
    tensors: dict[Value, Any]
    rebuilder: GraphRebuilder


def split(model: keras.Model, keep: Sequence[FrameStep] | None = None) -> CutModel:
    """Cut `model`, whose input is (T, H, W, C), behind the steps in `keep` of a candidate.

    By default behind all that each frame passes alone. Raises ModelError if no
    part of it looks at single frames.
    """
    window, network = window_shape(model)[0], graph(model)
    frame_path = follow(model, network, keep)
    features = cut_boundary(model, network, frame_path)
    head = head_of(features, frame_path, window)
    return CutModel(
        encoder=_encoder(frame_path, features),
        head=rebuild(model, head.tensors, head.inputs, head.rebuilder),
        features=tuple(head.inputs),
    )


def whole_window(model: keras.Model, fold: bool = True) -> keras.Model:
    """The uncut network with a batch of 1 and what TFLite can convert of its recurrent layers.

    fold: frames stand in the batch if `TimeDistributed` would copy its layer T times.
    """
    window = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), name="window")
    return rebuild(
        model, {graph(model).inputs[0]: window}, window, GraphRebuilder(["window"], fold)
    )


def head_of(features: Sequence[Feature], frame_path: FramePath, window: int) -> HeadInputs:
    """What a head over T of each feature begins with."""
    names = [feature.name for feature in features]
    head = HeadInputs({}, {}, GraphRebuilder(names))
    for feature in features:
        tensor = keras.Input((window, *feature.frame_tensor.shape), 1, name=feature.name)
        head.inputs[feature.name] = tensor
        for value in feature.values:
            head.tensors[value] = _laid_out(tensor, frame_path.layouts[value], head.rebuilder)
    return head


def rebuild(
    model: keras.Model,
    initial: Mapping[Value, Any],
    inputs: Any,
    rebuilder: GraphRebuilder | None = None,
) -> keras.Model:
    """Replay `model` from the tensors in `known` to its outputs, recurrent layers unrolled.

    Raises ModelError if a layer cannot be called on a batch of one window.
    """
    network = graph(model)
    if rebuilder is None:
        rebuilder = GraphRebuilder(tensor.name for tensor in keras.tree.flatten(inputs))
    tensors = reached(network, initial, rebuilder)
    outputs = {name: tensors[value] for name, value in network.outputs_by_name.items()}
    return keras.Model(inputs, outputs, name=f"{model.name}_head")


def reached(
    network: CallGraph, initial: Mapping[Value, Any], rebuilder: GraphRebuilder
) -> dict[Value, Any]:
    """All that can be computed of `known`. Raises ModelError that names a layer that refuses."""
    tensors = dict(initial)
    for call in network.calls:
        try:
            tensors = rebuilder.replay([call], tensors)
        except MISFITS as error:
            raise ModelError(
                f"the layer '{call.operation.name}' ({type(call.operation).__name__}) cannot be "
                f"called on a single window: {_reason(error)}"
            ) from error
    return tensors


def _reason(error: Exception) -> str:
    """The first line that says something; Keras begins with who was calling."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    informative = [line for line in lines if line and not line.startswith("Exception encountered")]
    return informative[0] if informative else type(error).__name__


def _encoder(frame_path: FramePath, features: Sequence[Feature]) -> keras.Model:
    encoded = {
        feature.name: frame_path.frame_tensors[feature.values[0]].copied() for feature in features
    }
    return keras.Model(frame_path.frame, encoded, name="encoder")


def _laid_out(feature: Any, layout: Layout, rebuilder: GraphRebuilder) -> Any:
    """Of T features (1, T, ...) the frames of `layout`, as the network behind the cut reads them."""
    first, count = layout.frames[0], len(layout.frames)
    frames = feature
    if layout.frames != tuple(range(first, first + count)):
        frames = rebuilder.adopt(keras.ops.take(feature, layout.frames, axis=1))
    elif count < feature.shape[1]:
        frames = rebuilder.adopt(feature[:, first : first + count])
    return frames if layout.stacked else rebuilder.reshape(frames, (-1, *feature.shape[2:]))


def cut_boundary(model: keras.Model, network: CallGraph, frame_path: FramePath) -> list[Feature]:
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


def _read_behind(network: CallGraph, frame_path: FramePath) -> dict[Value, str]:
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


def _read_of(network: CallGraph, available: Collection[Value]) -> dict[Value, str]:
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
