"""A network trained in mixed precision, in float32: TFLite converts no half-precision layers."""

from typing import Any

import keras

_HALVES = frozenset({"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"})


def in_single_precision(model: keras.Model) -> keras.Model:
    """The same layers and weights in float32; the model itself where it is that already.

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
