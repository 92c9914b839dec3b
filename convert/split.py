"""The cut: a window network becomes an encoder of single frames and a head over T features.

The network's graph is replayed twice on new inputs. First with a window of one
frame, following operations that keep frames apart: that is the encoder, and the
tensors that something behind it reads are the features. Then with T features as
inputs, through all that is left: that is the head.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers, ops

from convert.framewise import Layout, for_one_frame, layout_after, same_but_one_frame
from convert.graph import Alias, Call, calls, note
from convert.keras_model import named_outputs, window_shape
from convert.recurrent import unrolled
from edge.errors import ModelError


@dataclass(frozen=True)
class Split:
    """The two parts of a network; they share its weights and have static shapes.

    encoder: (1, H, W, C) -> {feature: (1, ...)}.
    batched_encoder: the same for any number of frames, to compute many at once.
    head: {feature: (1, T, ...)} -> {task: (1, k)}.
    """

    encoder: keras.Model
    batched_encoder: keras.Model
    head: keras.Model
    features: tuple[str, ...]


@dataclass
class Followed:
    """What single frames reach alone: by tensor id, its twin for one frame and its layout."""

    known: dict[int, Any]
    layouts: dict[int, Layout]
    calls: list[Call] = field(default_factory=list)

    def up_to(self, model: keras.Model, length: int) -> "Followed":
        """The same as if only the first `length` calls had been followed."""
        kept = self.calls[:length]
        inside = {id(call.node) for call in kept}
        reached = {id(model.inputs[0])}
        for call in calls(model):
            if isinstance(call, Call) and id(call.node) in inside:
                reached.update(map(id, call.outputs))
            elif isinstance(call, Alias):
                pairs = zip(call.inputs, call.outputs, strict=True)
                reached.update(id(new) for old, new in pairs if id(old) in reached)
        return Followed({i: self.known[i] for i in reached}, self.layouts, kept)


def split(model: keras.Model, keep: Sequence[Call] | None = None) -> Split:
    """Cut `model`, whose input is (T, H, W, C), behind the calls in `keep`.

    By default behind all that each frame passes alone. Raises ModelError where no
    part of it looks at single frames.
    """
    window = window_shape(model)[0]
    encoder, cut, followed = _encoder(model, keep, batch=1)
    batched_encoder, _, _ = _encoder(model, keep, batch=None)
    inputs = {
        name: keras.Input(batch_shape=(1, window, *encoder.output[name].shape[1:]), name=name)
        for name in cut
    }
    known = {
        id(tensor): _laid_out(inputs[name], followed.layouts[id(tensor)])
        for name, tensor in cut.items()
    }
    return Split(encoder, batched_encoder, rebuild(model, known, inputs), tuple(cut))


def follow(
    model: keras.Model, keep: Sequence[Call] | None = None, batch: int | None = 1
) -> Followed:
    """Follow single frames from the input as far as they stay alone (and within `keep`)."""
    window, *frame_shape = window_shape(model)
    frame = keras.Input(batch_shape=(batch, *frame_shape), name="frame")
    source = id(model.inputs[0])
    as_window = layers.Reshape((1, *frame_shape), name="as_window")(frame)
    followed = Followed({source: as_window}, {source: Layout.WINDOW})
    allowed = None if keep is None else {id(call.node) for call in keep}
    for call in calls(model):
        if isinstance(call, Alias):
            _rename(call, followed)
        elif allowed is None or id(call.node) in allowed:
            _follow_one(call, followed, window)
    return followed


def whole_window(model: keras.Model) -> keras.Model:
    """The uncut network with a batch of 1 and what TFLite can convert of its recurrent layers."""
    given = keras.Input(batch_shape=(1, *window_shape(model)), name="window")
    return rebuild(model, {id(model.inputs[0]): given}, given)


def rebuild(model: keras.Model, known: dict[int, Any], inputs: Any) -> keras.Model:
    """Replay `model` from the tensors in `known` (by id) to its outputs, recurrent layers unrolled."""
    known = dict(known)
    try:
        for call in calls(model):
            if all(id(tensor) in known for tensor in call.outputs):
                continue
            if not all(id(tensor) in known for tensor in call.inputs):
                continue
            if isinstance(call, Alias):
                note(known, call.outputs, [known[id(tensor)] for tensor in call.inputs])
            else:
                note(known, call.outputs, call.replay(known, unrolled(call.operation)))
        outputs = {name: known[id(tensor)] for name, tensor in named_outputs(model).items()}
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"the layers behind the cut cannot be rebuilt for one window: {error}"
        ) from error
    return keras.Model(inputs, outputs, name=f"{model.name}_head")


def frontier(model: keras.Model, followed: Followed) -> dict[str, Any]:
    """The per-frame tensors that something behind the cut reads, by name.

    Raises ModelError where the raw frames are among them, or an answer is.
    """
    found: dict[int, Any] = {}
    for call in calls(model):
        if isinstance(call, Call) and any(id(t) not in followed.known for t in call.outputs):
            read = [tensor for tensor in call.inputs if id(tensor) in followed.known]
            found.update((id(followed.known[id(t)]), t) for t in read)
            if id(followed.known[id(model.inputs[0])]) in found:
                raise ModelError(
                    f"{model.name} cannot be cut: its layer '{call.operation.name}' reads all "
                    "frames at once, straight from the input. Put what a single frame can pass "
                    "alone into TimeDistributed before it"
                )
    for name, tensor in named_outputs(model).items():
        if id(tensor) in followed.known:
            raise ModelError(
                f"{model.name} answers '{name}' for every frame by itself, not for the window: "
                "end it with a layer that looks over time (LSTM, mean, attention, ...)"
            )
    return {_feature_name(tensor, i): tensor for i, tensor in enumerate(found.values())}


def _encoder(
    model: keras.Model, keep: Sequence[Call] | None, batch: int | None
) -> tuple[keras.Model, dict[str, Any], Followed]:
    followed = follow(model, keep, batch)
    cut = frontier(model, followed)
    encoded = dict(_features(cut, followed))
    frame = followed.known[id(model.inputs[0])]._keras_history.operation.input
    return keras.Model(frame, encoded, name="encoder"), cut, followed


def _features(cut: dict[str, Any], followed: Followed) -> Iterator[tuple[str, Any]]:
    """Each feature as (batch, ...), without the axis of its window of one."""
    for index, (name, tensor) in enumerate(cut.items()):
        twin = followed.known[id(tensor)]
        shape = twin.shape[2:] if followed.layouts[id(tensor)] is Layout.WINDOW else twin.shape[1:]
        yield name, layers.Reshape(shape, name=f"feature_{index}")(twin)


def _laid_out(feature: Any, layout: Layout) -> Any:
    """T features (1, T, ...) as the network behind the cut expects them."""
    return feature if layout is Layout.WINDOW else ops.reshape(feature, feature.shape[1:])


def _rename(alias: Alias, followed: Followed) -> None:
    for old, new in zip(alias.inputs, alias.outputs, strict=True):
        if id(old) in followed.known:
            followed.known[id(new)] = followed.known[id(old)]
            followed.layouts[id(new)] = followed.layouts[id(old)]


def _follow_one(call: Call, followed: Followed, window: int) -> None:
    """Run one call on a single frame, if it keeps frames apart."""
    if not call.inputs or not all(id(tensor) in followed.known for tensor in call.inputs):
        return
    layouts = {followed.layouts[id(tensor)] for tensor in call.inputs}
    layout = layouts.pop()
    after = {layout_after(call.operation, t.shape, layout, window) for t in call.inputs}
    if layouts or len(after) > 1 or None in after:
        return
    (new_layout,) = after
    try:
        operation = unrolled(for_one_frame(call.operation, layout, new_layout))
        found = call.replay(followed.known, operation)
    except (ValueError, TypeError):
        return  # its weights or constants depend on T after all
    pairs = zip(call.outputs, found, strict=True)
    if all(same_but_one_frame(old.shape, new.shape, new_layout) for old, new in pairs):
        note(followed.known, call.outputs, found)
        followed.layouts.update((id(tensor), new_layout) for tensor in call.outputs)
        followed.calls.append(call)


def _feature_name(tensor: Any, index: int) -> str:
    layer = re.sub(r"[^0-9A-Za-z_]", "_", tensor._keras_history.operation.name)
    return f"f{index}_{layer}"
