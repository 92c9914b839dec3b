"""A Keras network over features, or one of single images, as a float32 .tflite in standard form."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import keras
import numpy as np

from edge.stream import given_beside
from edge_common import ModelError, console
from edge_convert import inputs
from edge_convert.cut.tflite import form
from edge_convert.precision.jobs import KerasConversion
from edge_convert.sources import keras_model, keras_window
from edge_convert.sources.libraries import FloatModel
from edge_convert.sources.reference import TOLERANCE, Reference, Run, examples_of


def tensor_forms(model: keras.Model) -> list[inputs.TensorForm]:
    """The inputs of a model as its file has them."""
    return [inputs.TensorForm(t.name, tuple(t.shape), t.dtype) for t in model.inputs]


def with_fixed_sizes(model: keras.Model, use: inputs.NetworkInputs) -> keras.Model:
    """The same layers and weights on inputs that leave no size open but the batch."""
    beside = use.values_beside(tensor_forms(model))
    shapes = {
        use.name: use.shape,
        **{name: array.shape for name, array in beside.items()},
        **use.given_shapes,
    }
    if all(None not in tensor.shape[1:] for tensor in model.inputs):
        return model
    tensors = [keras.Input(shapes[t.name][1:], dtype=t.dtype, name=t.name) for t in model.inputs]
    packed = keras.tree.pack_sequence_as(model.input, tensors)
    copy = keras.models.clone_model(model, input_tensors=packed)
    copy.set_weights(keras_model.learnt_weights(model))
    return copy


def features_of(
    file: str, model: keras.Model, request: inputs.InputRequest
) -> inputs.NetworkInputs | None:
    """How its inputs are used if it looks at features; None of any other network.

    Raises ModelError if it looks at features and a size stays open.
    """
    ranks = [len(tensor.shape) for tensor in model.inputs]
    if max(ranks) == 3 and not request.layout:
        return inputs.network_inputs(file, tensor_forms(model), request)
    return None


def of_own_form(file: str, model: keras.Model, request: inputs.InputRequest) -> keras.Model:
    """A network of images with one input in the order of bundles, of known sizes; itself if it is one.

    Raises ModelError if a size stays open, or an input is of no known use.
    """
    use = inputs.network_inputs(file, tensor_forms(model), request)
    for note in use.notes:
        console.note(note)
    if use.dtype != "float32":
        own = with_fixed_sizes(model, use)
        model, real = keras_model.with_float_input(own, use.dtype), replace(use, dtype="float32")
        words = f"{file} over float32 instead of {use.dtype}"
        _compare_runs(_run_of(own, use), _run_of(model, real), use, words, use.layout, use.batch)
        use = real
    if use.is_plain:
        return with_fixed_sizes(model, use)
    if any(None in tensor.shape[1:] for tensor in model.inputs):
        if use.samples or use.batch > 1:
            raise ModelError(
                f"{file} leaves sizes open beside several inputs of images: build it with fixed ones"
            )
        model = with_fixed_sizes(model, use)
    own = keras_window.with_own_order(model, use)
    if use.batch > 1:
        _compare(model, own, use, f"{file} for one window instead of {use.batch}")
    return own


def _compare(model: keras.Model, own: keras.Model, use: inputs.NetworkInputs, words: str) -> None:
    """Raises ModelError if what it was rebuilt as for one window, channels last, answers otherwise."""
    answer = keras.Model(own.inputs, keras_model.named_outputs(own))
    beside = use.values_beside(tensor_forms(model))

    def run_own(frames: np.ndarray) -> dict[str, np.ndarray]:
        arrays, pixels = {**beside, **given_beside(frames)}, np.asarray(frames)
        outputs = answer([arrays.get(t.name, pixels) for t in own.inputs], training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    _compare_runs(_run_of(model, use), run_own, use, words)


def _compare_runs(
    run: Run, run_own: Run, use: inputs.NetworkInputs, words: str, layout: str = "", batch: int = 1
) -> None:
    """layout, batch: of what is rebuilt."""
    try:
        expected = Reference.of(run, examples_of(use), use.layout, use.batch)
        expected.compare(run_own, words, TOLERANCE, layout, batch)
    except keras_window.MISFITS as error:
        raise ModelError(
            f"{words} does not run: build it with keras.Input of float32 without a batch_size"
        ) from error


def _run_of(model: keras.Model, use: inputs.NetworkInputs) -> Run:
    """Frames in its own layout and batch, as it takes them."""
    by_name = keras.Model(model.inputs, keras_model.named_outputs(model))
    beside = use.values_beside(tensor_forms(model))

    def run(frames: np.ndarray) -> dict[str, np.ndarray]:
        some = {n: np.take(frames, i, axis=use.time_axis) for n, i in use.samples.items()}
        pixels = np.asarray(frames).astype(use.dtype)
        arrays = {use.name: pixels, **beside, **some, **given_beside(frames)}
        outputs = by_name([arrays[tensor.name] for tensor in model.inputs], training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    return run


def with_inputs_filled(file: str, model: keras.Model, request: inputs.InputRequest) -> keras.Model:
    """With a batch of 1, masks filled with ones, recurrent layers unrolled. Raises ModelError."""
    use = inputs.network_inputs(file, tensor_forms(model), request)
    return keras_window.with_inputs_filled(with_fixed_sizes(model, use), use)


def compared(
    file: str, model: keras.Model, request: inputs.InputRequest, conversion: KerasConversion
) -> Callable[[], FloatModel]:
    """What gives the conversion of `with_inputs_filled` once it is finished, compared with the model.

    Raises ModelError if its inputs do not fit, as what it gives does if the results do not.
    """
    use = inputs.network_inputs(file, tensor_forms(model), request)
    for note in use.notes:
        console.note(note)
    run = _original(model, use)
    expected = Reference.of(run, examples_of(use), use.layout)

    def finish() -> FloatModel:
        converted, order = conversion.result(), keras_model.named_outputs(model)
        standard = form.standard_form(
            converted, file, use.layout, None, order, use.kind, given=use.given_shapes
        )
        expected.check(standard, file)
        names = keras_window.layer_names(keras_model.functional(model))
        return FloatModel(standard, f"Keras {keras.__version__}", run, names)

    return finish


def _original(
    model: keras.Model, use: inputs.NetworkInputs
) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
    """The network as it was given, with masks of ones."""
    by_name = keras.Model(model.inputs, keras_model.named_outputs(model))
    beside = use.values_beside(tensor_forms(model))

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        arrays = {name: array.repeat(len(values), axis=0) for name, array in beside.items()}
        frames = np.reshape(values, (len(values), *use.shape[1:])).astype(use.dtype)
        arrays |= {use.name: np.asarray(frames), **given_beside(values)}
        outputs = by_name([arrays[tensor.name] for tensor in model.inputs], training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    return run
