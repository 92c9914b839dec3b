"""A TensorFlow SavedModel."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from edge_common import ModelError
from edge_convert.cut.tflite.form import channels_axis
from edge_convert.sources import libraries, reference

_DEFAULT = "serving_default"


def convert(path: Path, signature: str | None, folder: Path) -> libraries.ConverterOutput:
    """Convert one signature with a batch of 1. Raises ModelError if it has no image input."""
    loaded = tf.saved_model.load(str(path))
    function, shape = with_batch_of_one(loaded, path, signature)
    channels = channels_axis(shape, last_first=True)
    original = reference.Reference.of(
        lambda frames: {name: v.numpy() for name, v in function(tf.constant(frames)).items()},
        reference.examples(shape[1:], channels),
        channels,
    )
    origin = f"SavedModel through TensorFlow {tf.__version__}"
    return libraries.ConverterOutput(to_tflite(loaded, function), origin, original, channels, {})


def with_batch_of_one(
    loaded: Any, path: Path, signature: str | None = None
) -> tuple[Any, tuple[int, ...]]:
    """A tf.function {output: tensor} of a single `frames`, and the shape of those."""
    original = _signature(loaded, path, signature)
    argument, shape = _input(original, path)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="frames")])
    def function(frames: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(sorted(original(**{argument: frames}).items()))  # the file keeps no order

    return function, shape


def to_tflite(loaded: Any, function: Any) -> bytes:
    """Convert a function of a loaded SavedModel. Raises ModelError if TFLite cannot hold it."""
    concrete = function.get_concrete_function()
    try:
        return tf.lite.TFLiteConverter.from_concrete_functions([concrete], loaded).convert()
    except ConverterError as error:
        loop = "TensorList" in str(error)
        advice = (
            "a recurrent layer loops in a way that TFLite cannot hold: if Keras 3 made it, convert its "
            ".keras file instead, or export it with unroll=True"
        )
        raise ModelError(advice if loop else f"TFLite cannot hold it: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    errors = [line.strip() for line in str(error).splitlines() if "error:" in line]
    return (errors or [str(error)])[0].rpartition("error:")[2].strip()[:200]


def _signature(loaded: Any, path: Path, name: str | None) -> Any:
    names = list(loaded.signatures)
    only = names[0] if len(names) == 1 else _DEFAULT
    if (name or only) not in names:
        raise ModelError(
            f"{path.name} has no signature '{name or only}', but {names or 'none at all'}: "
            "save it with tf.saved_model.save(model, path, signatures=function)"
        )
    return loaded.signatures[name or only]


def _input(function: Any, path: Path) -> tuple[str, tuple[int, ...]]:
    """The only argument, and its shape with a batch of 1."""
    arguments = function.structured_input_signature[1]
    if len(arguments) != 1:
        raise ModelError(f"{path.name} takes {sorted(arguments)}: only one can be the images")
    ((name, spec),) = arguments.items()
    rank = spec.shape.rank
    fixed_size = rank in (4, 5) and spec.shape[0] in (None, 1) and None not in spec.shape[1:]
    if not fixed_size or spec.dtype != tf.float32:
        raise ModelError(
            f"{path.name} takes {spec.dtype.name} {spec.shape}: only float32 images or windows of "
            "a fixed size with a batch of 1 or None can be converted"
        )
    return name, (1, *map(int, np.array(spec.shape[1:])))
