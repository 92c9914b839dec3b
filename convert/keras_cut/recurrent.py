"""Recurrent layers in the form that TFLite can convert."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keras import layers

from convert.keras_cut.graph import at_inference
from edge.errors import ModelError


def has_loop(layer: layers.Layer) -> bool:
    """Whether the layer is or holds a recurrent one whose steps are a loop.

    Raises ModelError where its state outlives the window.
    """
    found = list(_recurrent(layer))
    if any(part.stateful for part in found):
        raise ModelError(
            f"the layer '{layer.name}' keeps its state from one window to the next: "
            "build it with stateful=False"
        )
    return any(not part.unroll for part in found)


def twin(
    layer: layers.Layer, name: str, config: Mapping[str, Any], kind: type | None = None
) -> Callable[..., Any]:
    """A layer like another, same weights, recurrent steps written out.

    TFLite's calibration does not survive a loop, so T static steps stand in for it.
    config: what differs.  kind: its class, where that differs (with weights of equal sizes).
    """
    copy = (kind or type(layer)).from_config({**layer.get_config(), **config, "name": name})
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
