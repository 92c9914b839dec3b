"""A Keras model from its file, checked for what a conversion needs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_common.errors import ModelError


def load_model(path: str | Path) -> keras.Model:
    """Read a `.keras` or `.h5` file.

    Raises ModelError if the file is missing, no Keras model, or needs custom code.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no model {path}: give a .keras file")
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise ModelError(f"{path} does not load as a Keras model: {_why(str(error))}") from error
    _refuse_broken_weights(model)
    return in_single_precision(functional(model))


def _why(reason: str) -> str:
    """What stands in the way of loading, and what to do."""
    if unknown := re.search(r"Could not locate class '(\w+)'", reason):
        return (
            f"it holds a layer '{unknown[1]}' of your own, which only your code knows; "
            "write it as layers of Keras and save again"
        )
    return f"{reason.strip().splitlines()[0][:300]}; save it with model.save('x.keras')"


def _refuse_broken_weights(model: keras.Model) -> None:
    for weight in model.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise ModelError(
                f"the weight '{weight.path}' holds NaN or infinity: the training diverged; "
                "take an earlier checkpoint"
            )


def functional(model: keras.Model) -> keras.Model:
    """The model as a graph of layers: a Sequential model's own graph, a functional as it is."""
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise ModelError(
                f"{model.name} has no input shape: start it with keras.Input((T, H, W, C))"
            )
        return keras.Model(model.inputs, model.outputs, name=model.name)
    if not hasattr(model, "_nodes_by_depth"):
        raise ModelError(
            f"{model.name} is a subclassed model: build it with keras.Input and layers"
        )
    return model


def input_form(model: keras.Model) -> tuple[int, int, int, int]:
    """(T, H, W, C) of the model's only input; T is 1 if it takes a plain image.

    Raises ModelError if there are several inputs, or unknown or odd sizes.
    """
    shape = tuple(model.inputs[0].shape)[1:]
    if len(model.inputs) == 1 and len(shape) == 3:
        return _checked(model, (1, *shape))
    return window_shape(model)


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


_HALVES = frozenset({"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"})


def in_single_precision(model: keras.Model) -> keras.Model:
    """The same layers and weights in float32; the model itself if it is that already.

    Answers differ from the original's by its own rounding, about 1e-3 of their size.
    """
    config = model.get_config()
    single = _replaced(config)
    if single == config:
        return model
    copy = type(model).from_config(single)
    copy.set_weights(model.get_weights())
    return copy


def _replaced(part: Any) -> Any:
    """A config with every policy and type of half precision made float32."""
    if isinstance(part, dict):
        return {key: _replaced(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(map(_replaced, part))
    return "float32" if isinstance(part, str) and part in _HALVES else part
