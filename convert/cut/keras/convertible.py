"""Layers in the form that TFLite can convert: recurrent ones unrolled, 3D ones as 2D."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from keras import layers

from edge_common.errors import ModelError
from edge_convert.cut.keras.graph import at_inference, those_of


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
