"""A Keras model: its form and its weights, checked."""

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from edge_common import ModelError


def refuse_broken_weights(weights: Mapping[str, Any]) -> None:
    """Raises ModelError if a weight, by name, is not finite."""
    for name, weight in weights.items():
        if not np.isfinite(np.asarray(weight)).all():
            raise ModelError(
                f"the weight '{name}' holds NaN or infinity: the training diverged; "
                "take an earlier checkpoint"
            )


def refuse_quantised(file: str, model: keras.Model) -> None:
    """Raises ModelError if Keras has quantised a layer: its integers are none of TFLite's."""
    quantised = [layer.name for layer in model._flatten_layers() if layer.quantization_mode]
    if quantised:
        raise ModelError(
            f"{file} was quantised by Keras (the layer '{quantised[0]}'): give the float network that "
            "it was, from before model.quantize"
        )


def telling_line(error: Exception) -> str:
    """The first line of an error of Keras that says something; "" if none does.

    It begins with who was calling, and wraps what does not load in a sentence a level.
    """
    innermost = str(error).rpartition("Exception encountered: ")[2]
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in innermost.splitlines()]
    telling = (line for line in lines if line and not line.startswith("Exception encountered"))
    return next(telling, "")


def functional(model: keras.Model) -> keras.Model:
    """The model as a graph of layers: a Sequential model's own graph, a functional as it is."""
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise ModelError(
                f"{model.name} has no input shape: start it with keras.Input((T, H, W, C))"
            )
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not is_functional(model):
        raise ModelError(
            f"{model.name} is a subclassed model: build it with keras.Input and layers"
        )
    return model


def is_functional(operation: Any) -> bool:
    """Whether it is a model whose graph Keras knows."""
    return isinstance(operation, keras.Model) and hasattr(operation, "operations")


def window_shape(model: keras.Model) -> tuple[int, int, int, int]:
    """(T, H, W, C) of the model's only input.

    Raises ModelError if there are several, no window axis, or unknown sizes.
    """
    if len(model.inputs) != 1:
        raise ModelError(
            f"{model.name} has {len(model.inputs)} inputs: one window of frames is supported"
        )
    shape = tuple(model.inputs[0].shape)[1:]
    if len(shape) != 4:
        raise ModelError(
            f"{model.name} takes {shape}, which has no window axis: "
            "its input has to be (T, height, width, channels)"
        )
    return _checked(model, shape)


def _checked(model: keras.Model, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    if None in shape:
        raise ModelError(
            f"{model.name} takes {shape} with unknown sizes: build it with keras.Input of known (T, H, W, C)"
        )
    if shape[-1] not in (1, 3):
        raise ModelError(f"{model.name} takes {shape[-1]} channels; images have 1 or 3")
    window, height, width, channels = shape
    return window, height, width, channels


def named_outputs(model: keras.Model) -> dict[str, Any]:
    """The model's outputs by task name, in the model's order."""
    structure = model.output
    if isinstance(structure, Mapping):
        return dict(structure)
    tensors = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    return dict(zip(model.output_names, tensors, strict=True))


def output_layers(model: keras.Model) -> dict[str, str]:
    """The class of the layer or operation that gives each output, by the output's name."""
    makers = {
        id(tensor): type(operation).__name__
        for operation in model.operations
        for tensor in keras.tree.flatten(getattr(operation, "output", None))
    }
    return {name: makers.get(id(tensor), "") for name, tensor in named_outputs(model).items()}


_HALVES = frozenset({"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"})


def in_single_precision(model: keras.Model) -> keras.Model:
    """The same layers and weights in float32; the model itself if it is that already.

    Answers differ from the original's by its own rounding, about 1e-3 of their size.
    """
    return with_config(model, single_precision(model.get_config()))


def with_config(model: Any, config: dict[str, Any]) -> Any:
    """The weights in layers of another config; the model itself if it is its own."""
    if config == model.get_config():
        return model
    copy = type(model).from_config(config)
    copy.set_weights(learnt_weights(model))
    return copy


def with_float_input(model: keras.Model, dtype: str) -> keras.Model:
    """The same layers and weights over images of float32 instead of `dtype`."""
    return with_config(model, _over_floats(model.get_config(), dtype))


def _over_floats(part: Any, dtype: str) -> Any:
    if isinstance(part, (list, tuple)):
        return type(part)(_over_floats(each, dtype) for each in part)
    if not isinstance(part, dict):
        return part
    is_input = part.get("class_name") == "InputLayer" and part["config"]["dtype"] == dtype
    if is_input and len(part["config"]["batch_shape"]) > 3:
        return {**part, "config": {**part["config"], "dtype": "float32"}}
    return {key: _over_floats(value, dtype) for key, value in part.items()}


def learnt_weights(layer: Any) -> list[np.ndarray]:
    """Those of `get_weights` that no stateful layer keeps its state in."""
    return [np.asarray(w) for w in layer.weights if w.name != _STATE]


_STATE = "rnn_state"


def make_stateless(model: keras.Model) -> str:
    """Let all layers begin each window at 0, in place; says in one line which of them did not.

    A window holds all that its answer depends on: what came before it is no part of that. Nor are the
    masks of recurrent layers with dropout, which Keras draws even where no training reads them; TFLite
    has nothing for seeds that change.
    """
    every = list(model._flatten_layers())
    for cell in (layer for layer in every if isinstance(layer, DropoutRNNCell)):
        cell.dropout = cell.recurrent_dropout = 0.0
    flat = [layer for layer in every if getattr(layer, "stateful", False)]
    for layer in flat:
        layer.stateful = False
    names = ", ".join(f"'{layer.name}'" for layer in flat)
    return f"stateful layers, rebuilt to begin each window at 0: {names}" if names else ""


def single_precision(part: Any) -> Any:
    """A config with every policy and type of half precision made float32."""
    if isinstance(part, dict):
        return {key: single_precision(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(map(single_precision, part))
    return "float32" if isinstance(part, str) and part in _HALVES else part
