"""The cut: a window network becomes an encoder of single frames and a head over T features.

The network's graph is replayed twice on new inputs. First with one frame, as far
as frames are kept apart: that is the encoder, and the tensors that something behind
it reads are the features. Then with T features as inputs, through all that is left:
that is the head.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops, tree

from edge_common.errors import ModelError
from edge_convert.cut.keras.boundary import Feature, cut_boundary
from edge_convert.cut.keras.follow import FramePath, FrameStep, follow
from edge_convert.cut.keras.framewise import MISFITS, Layout
from edge_convert.cut.keras.graph import Graph, Value, graph
from edge_convert.cut.keras.model import window_shape
from edge_convert.cut.keras.rebuild import GraphRebuilder


@dataclass(frozen=True)
class Split:
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


def split(model: keras.Model, keep: Sequence[FrameStep] | None = None) -> Split:
    """Cut `model`, whose input is (T, H, W, C), behind the steps in `keep` of a candidate.

    By default behind all that each frame passes alone. Raises ModelError if no
    part of it looks at single frames.
    """
    window, network = window_shape(model)[0], graph(model)
    frame_path = follow(model, network, keep)
    features = cut_boundary(model, network, frame_path)
    head = head_of(features, frame_path, window)
    return Split(
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
        rebuilder = GraphRebuilder(tensor.name for tensor in tree.flatten(inputs))
    tensors = reached(network, initial, rebuilder)
    outputs = {name: tensors[value] for name, value in network.outputs_by_name.items()}
    return keras.Model(inputs, outputs, name=f"{model.name}_head")


def reached(
    network: Graph, initial: Mapping[Value, Any], rebuilder: GraphRebuilder
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
        frames = rebuilder.adopt(ops.take(feature, layout.frames, axis=1))
    elif count < feature.shape[1]:
        frames = rebuilder.adopt(feature[:, first : first + count])
    return frames if layout.stacked else rebuilder.reshape(frames, (-1, *feature.shape[2:]))
