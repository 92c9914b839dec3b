"""A Keras model from its file, checked for what a conversion needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from edge.errors import ModelError


def load_model(path: str | Path) -> keras.Model:
    """Read a `.keras` or `.h5` file.

    Raises ModelError where the file is missing, no Keras model, or needs custom code.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no model {path}: give a .keras file")
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise ModelError(
            f"{path} does not load as a Keras model ({reason}): "
            "save it with model.save('x.keras'); layers of your own have to be written as Keras layers"
        ) from error
    return functional(model)


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


def window_shape(model: keras.Model) -> tuple[int, int, int, int]:
    """(T, H, W, C) of the model's only input.

    Raises ModelError where there are several, no window axis, or unknown sizes.
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
    if None in shape:
        raise ModelError(
            f"{model.name} takes {shape} with unknown sizes: build it with keras.Input of known (T, H, W, C)"
        )
    if shape[-1] not in (1, 3):
        raise ModelError(f"{model.name} takes {shape[-1]} channels; pictures have 1 or 3")
    return shape


def named_outputs(model: keras.Model) -> dict[str, Any]:
    """The model's outputs by task name, in the model's order."""
    structure = model.output
    if isinstance(structure, Mapping):
        return dict(structure)
    tensors = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    return dict(zip(model.output_names, tensors, strict=True))
