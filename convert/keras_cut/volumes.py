"""3D layers over (frames, height, width) as 2D ones, which TFLite has in int8 too.

TFLite has no 3D pooling, and runs a 3D convolution in float only. What works in space
alone is done on pictures, what works in time alone on (frames, height * width) as if it
were one. Pooling does both, one after the other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from keras import layers

from convert.keras_cut.newer import those_of

_ADAPTIVE = ("AdaptiveAveragePooling{}D", "AdaptiveMaxPooling{}D")
PICTURES: dict[type, type] = {
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
    """What a part is assembled with."""

    def like(self, layer: layers.Layer, config: Mapping[str, Any], kind: type) -> Callable: ...

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any: ...


def in_space(layer: layers.Layer) -> dict[str, Any]:
    """The config of a 3D layer as a 2D one on pictures."""
    return {key: value[1:] for key, value in _of_each_axis(layer)}


def as_pictures(layer: layers.Layer, builder: Builder) -> Callable[..., Any] | None:
    """`layer` made of 2D ones; None where it cannot be."""
    if type(layer) not in _WINDOWS:
        return None
    window = tuple(getattr(layer, _WINDOWS[type(layer)]))
    sizes = [max(pair) for pair in zip(window, layer.strides)]
    pools = not isinstance(layer, layers.Conv3D)
    kind, steps = PICTURES[type(layer)], []
    if max(sizes[1:]) > 1 and (pools or sizes[0] == 1):
        steps.append((_over_pictures, builder.like(layer, in_space(layer), kind)))
    if sizes[0] > 1 and (pools or max(sizes[1:]) == 1):
        steps.append((_over_places, builder.like(layer, _in_time(layer), kind)))
    return _chained(steps, builder) if steps else None


def _chained(steps: Sequence[tuple[Callable, Callable]], builder: Builder) -> Callable[..., Any]:
    def call(tensor: Any) -> Any:
        for over, form in steps:
            tensor = over(tensor, form, builder)
        return tensor

    return call


def _over_pictures(tensor: Any, form: Callable[..., Any], builder: Builder) -> Any:
    found = form(builder.reshape(tensor, (-1, *tensor.shape[2:])))
    return builder.reshape(found, (-1, tensor.shape[1], *found.shape[1:]))


def _over_places(tensor: Any, form: Callable[..., Any], builder: Builder) -> Any:
    frames, height, width, channels = tensor.shape[1:]
    found = form(builder.reshape(tensor, (-1, frames, height * width, channels)))
    return builder.reshape(found, (-1, found.shape[1], height, width, found.shape[-1]))


def _in_time(layer: layers.Layer) -> dict[str, Any]:
    return {key: (value[0], 1) for key, value in _of_each_axis(layer)}


def _of_each_axis(layer: layers.Layer) -> Iterator[tuple[str, Sequence[Any]]]:
    config = layer.get_config()
    named = ((key, config.get(key)) for key in _OF_EACH_AXIS)
    return ((key, value) for key, value in named if isinstance(value, (list, tuple)))


_WINDOWS: dict[type, str] = {
    layers.AveragePooling3D: "pool_size",
    layers.Conv3D: "kernel_size",
    layers.MaxPooling3D: "pool_size",
}
