"""A TensorFlow SavedModel."""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from edge_common import ModelError
from edge_convert import inputs
from edge_convert.sources import libraries, reference
from edge_convert.sources.loops import static_loops, tensor_lists

_DEFAULT = "serving_default"


def convert(job: libraries.ConverterJob) -> libraries.ConverterOutput:
    """Convert one signature, with its own batch or 1. Raises ModelError if its inputs do not fit."""
    loaded = tf.saved_model.load(str(job.path))
    function, use = with_batch_of_one(loaded, job)
    original = reference.Reference.of(
        lambda frames: {name: v.numpy() for name, v in function(tf.constant(frames)).items()},
        reference.examples_of(use),
        use.layout,
        use.batch,
    )
    origin = f"SavedModel through TensorFlow {tf.__version__}"
    model = to_tflite(loaded, function)
    return libraries.ConverterOutput(
        model, origin, original, use.kind, {}, use.layout, use.batch, use.notes
    )


def with_batch_of_one(loaded: Any, job: libraries.ConverterJob) -> tuple[Any, inputs.NetworkInputs]:
    """A tf.function {output: tensor} of `frames` alone, and what its inputs are used for."""
    original = _signature(loaded, job.path, job.signature)
    tensors = [
        inputs.TensorForm(name, tuple(spec.shape), spec.dtype.name)
        for name, spec in original.structured_input_signature[1].items()
    ]
    use = inputs.network_inputs(job.path.name, tensors, job.request)
    beside = {name: tf.constant(array) for name, array in use.values_beside(tensors).items()}

    @tf.function(input_signature=[tf.TensorSpec(use.fixed_shape, tf.float32, name="frames")])
    def function(frames: tf.Tensor) -> dict[str, tf.Tensor]:
        some = {n: tf.gather(frames, i, axis=use.time_axis) for n, i in use.samples.items()}
        # the file keeps no order
        return dict(sorted(original(**{use.name: frames}, **beside, **some).items()))

    return function, use


def to_tflite(loaded: Any, function: Any) -> bytes:
    """Convert a function of a loaded SavedModel. Raises ModelError if TFLite cannot hold it."""
    concrete, manner = function.get_concrete_function(), ""
    try:
        concrete = static_loops.unrolled(concrete)
    except tensor_lists.CannotUnrollError as error:
        manner = f" ({error})"  # some loops TFLite can hold
    try:
        return tf.lite.TFLiteConverter.from_concrete_functions([concrete], loaded).convert()
    except ConverterError as error:
        loop = "TensorList" in str(error)
        advice = (
            f"a recurrent layer loops in a way that TFLite cannot hold{manner}: if Keras 3 made it, "
            "convert its .keras file instead, or export it with unroll=True"
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
