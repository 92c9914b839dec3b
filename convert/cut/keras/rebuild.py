"""Keras graphs in the form that TFLite can convert: shared calls once, recurrent layers unrolled."""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Protocol

from keras import KerasTensor, layers, ops, tree

from edge_common import ModelError
from edge_convert.cut.keras.model import (
    Call,
    CallGraph,
    Value,
    at_inference,
    graph,
    graph_of,
    those_of,
)

_CONVERTIBLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Rewrite:
    """Another config for an operation, and another class for a layer."""

    config: Mapping[str, Any] = field(default_factory=dict)
    kind: type | None = None

    def __bool__(self) -> bool:
        return bool(self.config) or self.kind is not None


UNCHANGED = Rewrite()


class GraphRebuilder:
    """One part under way: calls are replayed on its tensors, under names used once in it.

    Recurrent layers get their steps written out, nested models their layers, and
    `TimeDistributed` folds its steps into the batch (Keras copies its layer T times),
    unless `fold` is off.
    """

    def __init__(self, input_names: Iterable[str], fold: bool = True) -> None:
        self._names, self._fold = set(input_names), fold
        self._forms: dict[tuple[int, str], Callable[..., Any]] = {}

    def form(self, operation: Any, change: Rewrite = UNCHANGED) -> Callable[..., Any]:
        """What stands for an operation."""
        if self._fold and isinstance(operation, layers.TimeDistributed):
            return partial(self._over_steps, operation.layer)
        if (inner := graph_of(operation)) is not None:
            return partial(self._written_out, graph(inner))
        if not change and (form := as_2d(operation, self)) is not None:
            return form
        return self._own(operation, change)

    def like(
        self, layer: layers.Layer, config: Mapping[str, Any], kind: type
    ) -> Callable[..., Any]:
        """A layer of another kind and config, same weights."""
        return self._own(layer, Rewrite(config, kind))

    def replay(self, calls: Iterable[Call], tensors: dict[Value, Any]) -> dict[Value, Any]:
        """`known` with all that can be reached from it."""
        tensors = dict(tensors)
        for call in calls:
            new = not all(value in tensors for value in call.outputs)
            if new and all(value in tensors for value in call.inputs):
                outputs = call.replay(tensors, self.form(call.operation))
                tensors.update(zip(call.outputs, outputs, strict=True))
        return tensors

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        """`ops.reshape` under a free name."""
        return self.adopt(ops.reshape(tensor, shape))

    def adopt(self, tensor: Any) -> Any:
        """Give the new operation that made `tensor` a free name."""
        if isinstance(tensor, KerasTensor):
            operation = tensor._keras_history.operation
            operation.name = self._free_name(type(operation).__name__.lower())
        return tensor

    def _over_steps(self, layer: layers.Layer, tensor: Any) -> Any:
        steps = tensor.shape[1]
        folded = self.reshape(tensor, (-1, *tensor.shape[2:]))
        outputs = self.form(layer)(folded)
        return tree.map_structure(lambda t: self.reshape(t, (-1, steps, *t.shape[1:])), outputs)

    def _written_out(self, inner: CallGraph, arguments: Any) -> Any:
        pairs = zip(inner.inputs, tree.flatten(arguments), strict=True)
        tensors = {value: self._cast(tensor, value.tensor.dtype) for value, tensor in pairs}
        tensors = self.replay(inner.calls, tensors)
        outputs = [tensors[value] for value in inner.outputs]
        return outputs[0] if len(outputs) == 1 else outputs

    def _cast(self, tensor: Any, kind: str) -> Any:
        """As a model does with what it is given."""
        return tensor if tensor.dtype == kind else self.adopt(ops.cast(tensor, kind))

    def _own(self, operation: Any, change: Rewrite) -> Callable[..., Any]:
        key = id(operation), repr(change)
        if key not in self._forms:
            self._forms[key] = self._renamed(operation, change)
        return self._forms[key]

    def _renamed(self, operation: Any, change: Rewrite) -> Callable[..., Any]:
        name = self._free_name(operation.name)
        if isinstance(operation, layers.Layer):
            if name == operation.name and not change and not has_loop(operation):
                return at_inference(operation)
            return unrolled_copy(operation, name, change.config, change.kind)
        if name == operation.name and not change:
            return operation
        renamed = copy.copy(operation)
        if change:
            renamed = type(operation).from_config({**operation.get_config(), **change.config})
        renamed.name, renamed._inbound_nodes, renamed._outbound_nodes = name, [], []
        return renamed

    def _free_name(self, preferred: str) -> str:
        """`wanted`, or like it: no two operations of a part may share a name."""
        stem = preferred if _CONVERTIBLE_NAME.fullmatch(preferred) else _convertible(preferred)
        tries = (f"{stem}_{number}" if number else stem for number in count())
        name = next(name for name in tries if name not in self._names)
        self._names.add(name)
        return name


def _convertible(name: str) -> str:
    return "x" + re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def has_loop(layer: layers.Layer) -> bool:
    """Whether the layer is or holds a recurrent one whose steps are a loop.

    Raises ModelError if its state outlives the window.
    """
    recurrent = list(_recurrent(layer))
    if any(part.stateful for part in recurrent):
        raise ModelError(
            f"the layer '{layer.name}' keeps its state from one window to the next: "
            "build it with stateful=False"
        )
    return any(not part.unroll for part in recurrent)


def unrolled_copy(
    layer: layers.Layer, name: str, config: Mapping[str, Any], kind: type | None = None
) -> Callable[..., Any]:
    """A layer like another, same weights, recurrent steps written out.

    TFLite's calibration does not survive a loop, so T static steps stand in for it.
    config: what differs.  kind: its class, if that differs (with weights of equal sizes).
    """
    made: Any = kind or type(layer)
    copy = made.from_config({**layer.get_config(), **config, "name": name})
    for part in _recurrent(copy):
        part.unroll = True

    def call(*args: Any, **kwargs: Any) -> Any:
        new = not copy.built
        outputs = at_inference(copy)(*args, **kwargs)
        if new:
            pairs = zip(layer.get_weights(), copy.weights, strict=True)
            copy.set_weights([values.reshape(weight.shape) for values, weight in pairs])
        return outputs

    return call


def _recurrent(layer: layers.Layer) -> Iterator[layers.RNN]:
    return (part for part in layer._flatten_layers() if isinstance(part, layers.RNN))


_ADAPTIVE = ("AdaptiveAveragePooling{}D", "AdaptiveMaxPooling{}D")
WITHOUT_TIME: dict[type, type] = {
    **dict(zip(*(those_of(layers, *(name.format(n) for name in _ADAPTIVE)) for n in (3, 2)))),
    layers.AveragePooling3D: layers.AveragePooling2D,
    layers.Conv3D: layers.Conv2D,
    layers.Conv3DTranspose: layers.Conv2DTranspose,
    layers.Cropping3D: layers.Cropping2D,
    layers.MaxPooling3D: layers.MaxPooling2D,
    layers.SpatialDropout3D: layers.SpatialDropout2D,
    layers.UpSampling3D: layers.UpSampling2D,
    layers.ZeroPadding3D: layers.ZeroPadding2D,
}
_OF_EACH_AXIS = (
    "cropping", "dilation_rate", "kernel_size", "output_padding", "output_size", "padding",
    "pool_size", "size", "strides",
)  # fmt: skip


class Builder(Protocol):
    """What a part's graph is rebuilt with."""

    def like(self, layer: layers.Layer, config: Mapping[str, Any], kind: type) -> Callable: ...

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any: ...


def in_space(layer: layers.Layer) -> dict[str, Any]:
    """The config of a 3D layer as a 2D one on images."""
    return {key: value[1:] for key, value in _of_each_axis(layer)}


def as_2d(layer: layers.Layer, builder: Builder) -> Callable[..., Any] | None:
    """`layer` made of 2D ones; None if it cannot be."""
    if type(layer) not in _WINDOWS:
        return None
    window = tuple(getattr(layer, _WINDOWS[type(layer)]))
    sizes = [max(pair) for pair in zip(window, layer.strides)]
    pools = not isinstance(layer, layers.Conv3D)
    kind, steps = WITHOUT_TIME[type(layer)], []
    if max(sizes[1:]) > 1 and (pools or sizes[0] == 1):
        steps.append((_over_space, builder.like(layer, in_space(layer), kind)))
    if sizes[0] > 1 and (pools or max(sizes[1:]) == 1):
        steps.append((_over_time, builder.like(layer, _in_time(layer), kind)))
    return _chained(steps, builder) if steps else None


def _chained(steps: Sequence[tuple[Callable, Callable]], builder: Builder) -> Callable[..., Any]:
    def call(tensor: Any) -> Any:
        for over, form in steps:
            tensor = over(tensor, form, builder)
        return tensor

    return call


def _over_space(tensor: Any, form: Callable[..., Any], builder: Builder) -> Any:
    output = form(builder.reshape(tensor, (-1, *tensor.shape[2:])))
    return builder.reshape(output, (-1, tensor.shape[1], *output.shape[1:]))


def _over_time(tensor: Any, form: Callable[..., Any], builder: Builder) -> Any:
    frames, height, width, channels = tensor.shape[1:]
    output = form(builder.reshape(tensor, (-1, frames, height * width, channels)))
    return builder.reshape(output, (-1, output.shape[1], height, width, output.shape[-1]))


def _in_time(layer: layers.Layer) -> dict[str, Any]:
    return {key: (value[0], 1) for key, value in _of_each_axis(layer)}


def _of_each_axis(layer: layers.Layer) -> Iterator[tuple[str, Sequence[Any]]]:
    config = layer.get_config()
    values = ((key, config.get(key)) for key in _OF_EACH_AXIS)
    return ((key, value) for key, value in values if isinstance(value, (list, tuple)))


_WINDOWS: dict[type, str] = {
    layers.AveragePooling3D: "pool_size",
    layers.Conv3D: "kernel_size",
    layers.MaxPooling3D: "pool_size",
}
