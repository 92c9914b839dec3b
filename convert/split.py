"""The cut: a window network becomes an encoder of single frames and a head over T features.

The network's graph is replayed twice on new inputs. First with a window of one
frame, following every operation that keeps frames apart: that is the encoder, and
the tensors where it stops are the features. Then with T features as inputs,
through all that is left: that is the head.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, tree

from convert.framewise import is_framewise
from convert.keras_model import named_outputs, window_shape
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
    window: int


def split(model: keras.Model) -> Split:
    """Cut `model`, whose input is (T, H, W, C), behind all that each frame passes alone.

    Raises ModelError where no part of it looks at single frames.
    """
    window = window_shape(model)[0]
    encoder, cut = _encoder(model, batch=1)
    batched_encoder, _ = _encoder(model, batch=None)
    inputs = {
        name: keras.Input(batch_shape=(1, window, *encoder.output[name].shape[1:]), name=name)
        for name in cut
    }
    head = rebuild(model, {id(tensor): inputs[name] for name, tensor in cut.items()}, inputs)
    return Split(encoder, batched_encoder, head, tuple(cut), window)


def _encoder(model: keras.Model, batch: int | None) -> tuple[keras.Model, dict[str, Any]]:
    """The part that single frames pass, and the tensors of `model` that it computes, by name."""
    _, *frame_shape = window_shape(model)
    frame = keras.Input(batch_shape=(batch, *frame_shape), name="frame")
    alone = _replay_framewise(model, layers.Reshape((1, *frame_shape), name="as_window")(frame))
    cut = _frontier(model, alone)
    encoded = {
        name: layers.Reshape(alone[id(tensor)].shape[2:], name=f"feature_{i}")(alone[id(tensor)])
        for i, (name, tensor) in enumerate(cut.items())
    }
    return keras.Model(frame, encoded, name="encoder"), cut


def whole_window(model: keras.Model) -> keras.Model:
    """The uncut network with a batch of 1 and what TFLite can convert of its recurrent layers."""
    given = keras.Input(batch_shape=(1, *window_shape(model)), name="window")
    return rebuild(model, {id(model.inputs[0]): given}, given)


def rebuild(model: keras.Model, known: dict[int, Any], inputs: Any) -> keras.Model:
    """Replay `model` from the tensors in `known` (by id) to its outputs, recurrent layers unrolled."""
    known = dict(known)
    try:
        for node in nodes(model):
            if all(id(tensor) in known for tensor in node.output_tensors):
                continue
            if all(id(tensor) in known for tensor in node.input_tensors):
                args, kwargs = node.arguments.fill_in(known)
                _note(known, node, unrolled(node.operation)(*args, **kwargs))
        outputs = {name: known[id(tensor)] for name, tensor in named_outputs(model).items()}
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"the layers behind the cut cannot be rebuilt for one window: {error}"
        ) from error
    return keras.Model(inputs, outputs, name=f"{model.name}_head")


def nodes(model: keras.Model) -> Iterator[Any]:
    """The calls of operations that make up the graph, inputs first."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def _replay_framewise(model: keras.Model, frame: Any) -> dict[int, Any]:
    """Every tensor that single frames reach alone: its id -> its twin for a window of one."""
    known = {id(model.inputs[0]): frame}
    for node in nodes(model):
        tensors = node.input_tensors
        if not all(id(t) in known and is_framewise(node.operation, t.shape) for t in tensors):
            continue
        args, kwargs = node.arguments.fill_in(known)
        try:
            outputs = _for_one_frame(node.operation)(*args, **kwargs)
        except (ValueError, TypeError):
            continue  # its weights or constants depend on T after all
        if _same_but_one_frame(node.output_tensors, tree.flatten(outputs)):
            _note(known, node, outputs)
    return known


def _for_one_frame(operation: Any) -> Any:
    """The operation as it acts on (1, 1, ...): without the copies that TimeDistributed makes."""
    if isinstance(operation, layers.TimeDistributed):
        return lambda x, **kwargs: _as_window(
            operation.layer(_as_frame(x), **_known_kwargs(kwargs))
        )
    if isinstance(operation, layers.Reshape):
        return layers.Reshape((1, *operation.target_shape[1:]))
    return operation


def _as_frame(x: Any) -> Any:
    return layers.Reshape(x.shape[2:])(x)


def _as_window(x: Any) -> Any:
    return layers.Reshape((1, *x.shape[1:]))(x)


def _known_kwargs(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name != "mask"}


def _same_but_one_frame(before: Sequence[Any], after: Sequence[Any]) -> bool:
    return all(
        tuple(new.shape[1:]) == (1, *old.shape[2:]) for old, new in zip(before, after, strict=True)
    )


def _note(known: dict[int, Any], node: Any, outputs: Any) -> None:
    for old, new in zip(node.output_tensors, tree.flatten(outputs), strict=True):
        known[id(old)] = new


def _frontier(model: keras.Model, alone: dict[int, Any]) -> dict[str, Any]:
    """The per-frame tensors that something behind the cut reads, by name."""
    found: dict[int, Any] = {}
    blocker = None
    for node in nodes(model):
        if any(id(tensor) not in alone for tensor in node.output_tensors):
            read = [tensor for tensor in node.input_tensors if id(tensor) in alone]
            found.update((id(tensor), tensor) for tensor in read)
            if id(model.inputs[0]) in map(id, read):
                blocker = node.operation.name
    if blocker:
        raise ModelError(
            f"{model.name} cannot be cut: its layer '{blocker}' reads all frames at once, straight "
            "from the input. Put what a single frame can pass alone into TimeDistributed before it"
        )
    for name, tensor in named_outputs(model).items():
        if id(tensor) in alone:
            raise ModelError(
                f"{model.name} answers '{name}' for every frame by itself, not for the window: "
                "end it with a layer that looks over time (LSTM, mean, attention, ...)"
            )
    return {_feature_name(tensor, i): tensor for i, tensor in enumerate(found.values())}


def _feature_name(tensor: Any, index: int) -> str:
    layer = re.sub(r"[^0-9A-Za-z_]", "_", tensor._keras_history.operation.name)
    return f"f{index}_{layer}"


def unrolled(operation: Any) -> Any:
    """A recurrent layer with its steps written out, same weights; anything else as it is.

    TFLite's calibration does not survive a loop, so T static steps stand in for it.
    """
    if isinstance(operation, layers.Bidirectional):
        config = operation.get_config()
        for side in ("layer", "backward_layer"):
            if side in config:
                config[side]["config"]["unroll"] = True
        return _twin(operation, layers.Bidirectional.from_config(config))
    if isinstance(operation, (layers.LSTM, layers.GRU, layers.SimpleRNN)):
        return _twin(
            operation, type(operation).from_config({**operation.get_config(), "unroll": True})
        )
    return operation


def _twin(original: Any, copy: Any) -> Any:
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = copy(x, *args, **kwargs)
        copy.set_weights(original.get_weights())
        return outputs

    return call
