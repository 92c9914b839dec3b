"""Layers of Keras in a form that TFLite can convert, with the same weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge_convert.frame_outputs import NewestFrame
from edge_convert.sources.keras_model import learnt_weights

Form = Callable[..., Any]


@keras.saving.register_keras_serializable("edge_convert")
class Refold(layers.Layer):
    """A reshape that may reach into the batch."""

    def __init__(self, shape: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.shape = tuple(shape)

    def call(self, values: Any) -> Any:
        return ops.reshape(values, self.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("edge_convert")
class NewestShare(layers.Layer):
    """The newest frame's share of an output; the fields are those of `NewestFrame`."""

    def __init__(self, shape: Sequence[int], axis: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.share = NewestFrame(tuple(shape), axis, width)

    def call(self, values: Any) -> Any:
        return self.share.of(values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **vars(self.share)}


@keras.saving.register_keras_serializable("edge_convert")
class Constant(layers.Layer):
    """The same values for each window, whatever comes in.

    values: nested lists, without the batch.
    """

    def __init__(self, values: Any, kind: str, **options: Any) -> None:
        super().__init__(**options)
        self.values, self.kind = values, kind

    def call(self, values: Any) -> Any:
        array = np.asarray(self.values, self.kind)[None]
        return ops.broadcast_to(array, (ops.shape(values)[0], *array.shape[1:]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "values": self.values, "kind": self.kind}


@keras.saving.register_keras_serializable("edge_convert")
class AxesMoved(layers.Layer):
    """The axes, batch first, in another order; without the last one if that is a single channel."""

    def __init__(self, axes: Sequence[int], drop_last: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.axes, self.drop_last = tuple(axes), drop_last

    def call(self, values: Any) -> Any:
        moved = ops.transpose(values, self.axes)
        return ops.squeeze(moved, -1) if self.drop_last else moved

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "drop_last": self.drop_last}


@keras.saving.register_keras_serializable("edge_convert")
class FramesTaken(layers.Layer):
    """Some frames of a window, by their positions along an axis."""

    def __init__(self, positions: Sequence[int], axis: int, **options: Any) -> None:
        super().__init__(**options)
        self.positions, self.axis = tuple(positions), axis

    def call(self, values: Any) -> Any:
        return ops.take(values, np.array(self.positions, np.int32), axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "positions": self.positions, "axis": self.axis}


def loops(layer: layers.Layer) -> bool:
    """Whether the layer is or holds a recurrent one whose steps are a loop."""
    config = layer.get_config() if type(layer).__module__.startswith("keras.") else {}
    return any(part.get("unroll") is False for part in _mappings(config))


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value:
        if isinstance(inner, (Mapping, list, tuple)):
            yield from _mappings(inner)


def unrolled(config: Any) -> Any:
    """A config whose recurrent layers have their steps written out: TFLite's loops are slow, and
    calibration does not survive them.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(map(unrolled, config))
    if not isinstance(config, Mapping):
        return config
    return {key: True if key == "unroll" else unrolled(value) for key, value in config.items()}


def copied(layer: layers.Layer, config: Mapping[str, Any], kind: type | None = None) -> Form:
    """A layer of another config, and another class if its weights have equal sizes."""
    layer_type: Any = kind or type(layer)
    copy = layer_type.from_config(config)

    def call(*args: Any, **options: Any) -> Any:
        new = not copy.built
        outputs = copy(*args, **options)
        if new:
            pairs = zip(learnt_weights(layer), copy.weights, strict=True)
            copy.set_weights([values.reshape(weight.shape) for values, weight in pairs])
        return outputs

    return call


def folded(values: Any) -> Any:
    """Frames of a window in the batch."""
    return Refold((-1, *values.shape[2:]))(values)


_FLAT: dict[type, type] = {
    layers.AveragePooling3D: layers.AveragePooling2D,
    layers.Conv3D: layers.Conv2D,
    layers.Conv3DTranspose: layers.Conv2DTranspose,
    layers.MaxPooling3D: layers.MaxPooling2D,
}
_ADAPTIVE = ("AdaptiveAveragePooling{}D", "AdaptiveMaxPooling{}D")  # Keras 3.12 has none
_OF_EACH_AXIS = (
    "dilation_rate", "kernel_size", "output_padding", "output_size", "padding", "pool_size", "strides",
)  # fmt: skip


def as_images(layer: layers.Layer, values: Any) -> list[Form]:
    """A layer over volumes as steps over images; empty if it cannot be."""
    if type(layer) is layers.PReLU and len(values.shape) == 5 and 1 in (layer.shared_axes or ()):
        axes = [axis - 1 for axis in layer.shared_axes if axis != 1]
        return [_over_space(copied(layer, {**layer.get_config(), "shared_axes": axes}))]
    for name in _ADAPTIVE:
        if type(layer).__name__ == name.format(3) and layer.output_size[0] == values.shape[1]:
            flat = _of_axes(layer.get_config(), lambda axes: axes[1:])
            return [_over_space(copied(layer, flat, getattr(layers, name.format(2))))]
    if type(layer) not in _FLAT:
        return []
    kind, config = _FLAT[type(layer)], layer.get_config()
    size = config.get("kernel_size") or config["pool_size"]
    sizes = [max(pair) for pair in zip(size, layer.strides)]
    pools, steps = "pool_size" in config, []
    if max(sizes[1:]) > 1 and (pools or sizes[0] == 1):
        steps.append(_over_space(copied(layer, _of_axes(config, lambda axes: axes[1:]), kind)))
    in_time_only = kind is layers.Conv2D and max(sizes[1:]) == 1
    if sizes[0] > 1 and (pools or in_time_only):
        in_time = _of_axes(config, lambda axes: (axes[0], 1))
        in_time["name"] = f"{layer.name}_in_time" if steps else layer.name
        steps.append(_over_time(copied(layer, in_time, kind)))
    return steps


def _of_axes(config: dict[str, Any], some: Callable[[Any], Any]) -> dict[str, Any]:
    axes = {k: v for k, v in config.items() if k in _OF_EACH_AXIS and isinstance(v, (list, tuple))}
    return {**config, **{key: some(value) for key, value in axes.items()}}


def chained(steps: Sequence[Form]) -> Form:
    def call(values: Any) -> Any:
        for step in steps:
            values = step(values)
        return values

    return call


def _over_space(form: Form) -> Form:
    def call(values: Any) -> Any:
        output = form(folded(values))
        return Refold((-1, values.shape[1], *output.shape[1:]))(output)

    return call


def _over_time(form: Form) -> Form:
    def call(values: Any) -> Any:
        frames, height, width, channels = values.shape[1:]
        output = form(Refold((-1, frames, height * width, channels))(values))
        return Refold((-1, output.shape[1], height, width, output.shape[-1]))(output)

    return call
