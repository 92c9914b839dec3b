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
from edge_convert.cut.keras.boundary import Feature, frontier
from edge_convert.cut.keras.follow import Followed, Step, follow
from edge_convert.cut.keras.framewise import MISFITS, Layout
from edge_convert.cut.keras.graph import Graph, Value, graph
from edge_convert.cut.keras.model import window_shape
from edge_convert.cut.keras.rebuild import Assembly


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
class Head:
    """A head under way: its inputs, what they stand for in the network, and its names."""

    inputs: dict[str, Any]
    known: dict[Value, Any]
    assembly: Assembly


def split(model: keras.Model, keep: Sequence[Step] | None = None) -> Split:
    """Cut `model`, whose input is (T, H, W, C), behind the steps in `keep` of a candidate.

    By default behind all that each frame passes alone. Raises ModelError where no
    part of it looks at single frames.
    """
    window, network = window_shape(model)[0], graph(model)
    followed = follow(model, network, keep)
    features = frontier(model, network, followed)
    head = head_of(features, followed, window)
    return Split(
        encoder=_encoder(followed, features),
        head=rebuild(model, head.known, head.inputs, head.assembly),
        features=tuple(head.inputs),
    )


def whole_window(model: keras.Model, fold: bool = True) -> keras.Model:
    """The uncut network with a batch of 1 and what TFLite can convert of its recurrent layers.

    fold: frames stand in the batch where `TimeDistributed` would copy its layer T times.
    """
    given = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), name="window")
    return rebuild(model, {graph(model).inputs[0]: given}, given, Assembly(["window"], fold))


def head_of(features: Sequence[Feature], followed: Followed, window: int) -> Head:
    """What a head over T of each feature begins with."""
    names = [feature.name for feature in features]
    head = Head({}, {}, Assembly(names))
    for feature in features:
        given = keras.Input((window, *feature.twin.shape), 1, name=feature.name)
        head.inputs[feature.name] = given
        for value in feature.values:
            head.known[value] = _laid_out(given, followed.layouts[value], head.assembly)
    return head


def rebuild(
    model: keras.Model,
    known: Mapping[Value, Any],
    inputs: Any,
    assembly: Assembly | None = None,
) -> keras.Model:
    """Replay `model` from the tensors in `known` to its outputs, recurrent layers unrolled.

    Raises ModelError where a layer cannot be called on a batch of one window.
    """
    network = graph(model)
    if assembly is None:
        assembly = Assembly(tensor.name for tensor in tree.flatten(inputs))
    found = reached(network, known, assembly)
    outputs = {name: found[value] for name, value in network.named.items()}
    return keras.Model(inputs, outputs, name=f"{model.name}_head")


def reached(network: Graph, known: Mapping[Value, Any], assembly: Assembly) -> dict[Value, Any]:
    """All that can be computed of `known`. Raises ModelError that names a layer that refuses."""
    found = dict(known)
    for call in network.calls:
        try:
            found = assembly.replay([call], found)
        except MISFITS as error:
            raise ModelError(
                f"the layer '{call.operation.name}' ({type(call.operation).__name__}) cannot be "
                f"called on a single window: {_reason(error)}"
            ) from error
    return found


def _reason(error: Exception) -> str:
    """The first line that says something; Keras begins with who was calling."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered")]
    return told[0] if told else type(error).__name__


def _encoder(followed: Followed, features: Sequence[Feature]) -> keras.Model:
    encoded = {feature.name: followed.twins[feature.values[0]].copied() for feature in features}
    return keras.Model(followed.frame, encoded, name="encoder")


def _laid_out(feature: Any, layout: Layout, assembly: Assembly) -> Any:
    """Of T features (1, T, ...) the frames of `layout`, as the network behind the cut reads them."""
    first, count = layout.frames[0], len(layout.frames)
    chosen = feature
    if layout.frames != tuple(range(first, first + count)):
        chosen = assembly.adopt(ops.take(feature, layout.frames, axis=1))
    elif count < feature.shape[1]:
        chosen = assembly.adopt(feature[:, first : first + count])
    return chosen if layout.stacked else assembly.reshape(chosen, (-1, *feature.shape[2:]))
