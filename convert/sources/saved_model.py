"""A TensorFlow SavedModel."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from edge.stream import given_beside
from edge_common import ModelError
from edge_convert import inputs
from edge_convert.sources import libraries, reference
from edge_convert.sources.loops import plain_operators, static_loops, tensor_lists

_DEFAULT = "serving_default"
_OF_HALVES = 0.02  # of the largest answer: what rounding to 8 to 11 bits at each step may come to


def convert(job: libraries.ConverterJob) -> libraries.ConverterOutput:
    """Convert one signature, with its own batch or 1. Raises ModelError if its inputs do not fit."""
    loaded = tf.saved_model.load(str(job.path))
    function, use = with_batch_of_one(loaded, job)
    original = _reference(function, use)
    function_graph = function.get_concrete_function()
    if static_loops.keeps_state(function_graph):
        raise ModelError(
            f"{job.path.name} goes on from call to call with what it keeps: export it with "
            "stateful=False, or convert its .keras file; a window holds all that is needed"
        )
    concrete, manner = _traced(function_graph)
    if static_loops.has_halves(function_graph) and not manner:
        half, original = original, _reference(concrete, use)
        half.compare(_run(concrete, use), f"{job.path.name} in float32", _OF_HALVES)
    origin = f"SavedModel through TensorFlow {tf.__version__}"
    model = _as_tflite(loaded, concrete, manner)
    return libraries.ConverterOutput(
        model, origin, original, use.kind, {}, use.layout, use.batch, use.notes, [*use.given_shapes]
    )


def with_batch_of_one(loaded: Any, job: libraries.ConverterJob) -> tuple[Any, inputs.NetworkInputs]:
    """A tf.function {output: tensor} of `frames` and what is given, and what its inputs are used for."""
    original = _signature(loaded, job.path, job.signature)
    tensors = [
        inputs.TensorForm(name, tuple(spec.shape), spec.dtype.name)
        for name, spec in original.structured_input_signature[1].items()
    ]
    use = inputs.network_inputs(job.path.name, tensors, job.request)
    numbers, notes = _numbers_of(job.path.name, original)
    use = replace(use, notes=(*use.notes, *notes))
    beside = {name: tf.constant(array) for name, array in use.values_beside(tensors).items()}

    kinds = [("frames", use.fixed_shape, use.dtype)]
    kinds += [(f"given_{i}", s, "float32") for i, s in enumerate(use.given_shapes.values())]

    @tf.function(input_signature=[tf.TensorSpec(s, kind, name) for name, s, kind in kinds])
    def function(frames: tf.Tensor, *more: tf.Tensor) -> dict[str, tf.Tensor]:
        some = {n: tf.gather(frames, i, axis=use.time_axis) for n, i in use.samples.items()}
        some |= {n: _smaller(some[n], factors) for n, factors in use.shrinkage.items()}
        more_values = dict(zip(use.given_shapes, more))
        outputs = original(**{use.name: frames}, **beside, **some, **more_values)
        return {name: outputs[name] for name in sorted(numbers)}  # the file keeps no order

    return function, use


def _numbers_of(file: str, signature: Any) -> tuple[list[str], list[str]]:
    """The outputs that are numbers, and a line about those that are text.

    Raises ModelError if all are text.
    """
    kinds = {name: spec.dtype for name, spec in signature.structured_outputs.items()}
    texts = sorted(name for name, kind in kinds.items() if kind == tf.string)
    if len(texts) == len(kinds):
        raise ModelError(
            f"{file} answers text alone ({', '.join(texts)}): save a signature that gives the numbers which "
            "the text is chosen by"
        )
    line = (
        f"{file} gives text as {', '.join(texts)}, which is left out: labels stand in a tasks file"
    )
    return [name for name in kinds if name not in texts], [line] if texts else []


def _smaller(frames: tf.Tensor, factors: tuple[int, int]) -> tf.Tensor:
    """Means of so many rows and columns of (1, T, H, W, C)."""
    pooled = tf.nn.avg_pool2d(tf.reshape(frames, frames.shape[1:]), factors, factors, "VALID")
    return pooled[None]


def to_tflite(loaded: Any, function: Any) -> bytes:
    """Convert a function of a loaded SavedModel. Raises ModelError if TFLite cannot hold it."""
    return _as_tflite(loaded, *_traced(function.get_concrete_function()))


def _traced(concrete: Any) -> tuple[Any, str]:
    """Without what TFLite cannot hold; and what is left of that, if anything is."""
    try:
        return static_loops.unrolled(concrete), ""
    except tensor_lists.CannotUnrollError as error:
        return concrete, f" ({error})"  # some loops TFLite can hold


def _as_tflite(loaded: Any, concrete: Any, manner: str, *, is_plain: bool = False) -> bytes:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], loaded)
    converter.exclude_conversion_metadata = True  # for which the file is read and written again
    try:
        return bytes(converter.convert())
    except ConverterError as error:
        if any(f"'tf.{name}'" in str(error) for name in plain_operators.OPERATORS) and not is_plain:
            with suppress(tensor_lists.CannotUnrollError):
                plain = static_loops.unrolled(concrete, is_plain=True)
                return _as_tflite(loaded, plain, manner, is_plain=True)
        loop = "TensorList" in str(error)
        advice = (
            f"a recurrent layer loops in a way that TFLite cannot hold{manner}: if Keras 3 made it, "
            "convert its .keras file instead, or export it with unroll=True"
        )
        raise ModelError(advice if loop else f"TFLite cannot hold it: {_brief(error)}") from error


def _reference(function: Any, use: inputs.NetworkInputs) -> reference.Reference:
    frames = reference.examples_of(use)
    return reference.Reference.of(_run(function, use), frames, use.layout, use.batch)


def _run(function: Any, use: inputs.NetworkInputs) -> reference.Run:
    def run(frames: np.ndarray) -> dict[str, np.ndarray]:
        values = [np.asarray(frames).astype(use.dtype), *given_beside(frames).values()]
        answers = function(*map(tf.constant, values))
        return {name: value.numpy() for name, value in answers.items()}

    return run


def _brief(error: Exception) -> str:
    errors = [line.strip() for line in str(error).splitlines() if "error:" in line]
    return (errors or [str(error)])[0].rpartition("error:")[2].strip()[:200]


def _signature(loaded: Any, path: Path, name: str | None) -> Any:
    names = list(loaded.signatures)
    only = names[0] if len(names) == 1 else _DEFAULT
    if (name or only) not in names:
        raise ModelError(
            f"{path.name} has no signature '{name or only}', but {', '.join(names) or 'none at all'}: "
            + (_ONE_SIGNATURE.format(path=path, name=names[0]) if names else _NO_SIGNATURE)
        )
    return loaded.signatures[name or only]


_ONE_SIGNATURE = (
    "name one of them with model = tf.saved_model.load('{path}'), then tf.saved_model.save(model, 'folder', "
    "signatures=model.signatures['{name}'])"
)
_NO_SIGNATURE = (
    "save it with tf.saved_model.save(model, 'folder', signatures=tf.function(model).get_concrete_function("
    "tf.TensorSpec([1, T, H, W, 3], tf.float32)))"
)
