"""A Keras network over features, or one of single images, as a float32 .tflite in standard form."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from edge_common import console
from edge_convert import inputs
from edge_convert.cut.tflite import form
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.sources import keras_model, keras_window
from edge_convert.sources.libraries import FloatModel
from edge_convert.sources.reference import Reference, examples_of


def tensor_forms(model: keras.Model) -> list[inputs.TensorForm]:
    """The inputs of a model as its file has them."""
    return [inputs.TensorForm(t.name, tuple(t.shape), t.dtype) for t in model.inputs]


def with_fixed_sizes(model: keras.Model, use: inputs.NetworkInputs) -> keras.Model:
    """The same layers and weights on inputs that leave no size open but the batch."""
    shapes = {use.name: use.shape, **use.masks}
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
    if all(len(tensor.shape) < 4 for tensor in model.inputs) and any(
        len(tensor.shape) == 3 for tensor in model.inputs
    ):
        return inputs.network_inputs(file, tensor_forms(model), request)
    return None


def with_open_sizes(file: str, model: keras.Model, request: inputs.InputRequest) -> keras.Model:
    """A network of images with the sizes that it leaves open; itself if it leaves none.

    Raises ModelError if one stays open.
    """
    forms = tensor_forms(model)
    is_said = bool(request.window or request.size)
    if len(forms) != 1 or len(forms[0].shape) not in (4, 5):
        return model
    if None not in forms[0].shape[1:] and not is_said:
        return model
    use = inputs.network_inputs(file, forms, request)
    for note in use.notes:
        console.note(note)
    return with_fixed_sizes(model, use)


def float_model(file: str, model: keras.Model, request: inputs.InputRequest) -> FloatModel:
    """As `start` says. Raises ModelError if its inputs do not fit, or TFLite refuses it."""
    with TemporaryDirectory(prefix="edge-convert-") as folder, ConversionJobs(Path(folder)) as jobs:
        return start(file, model, request, jobs)()


def start(
    file: str, model: keras.Model, request: inputs.InputRequest, jobs: ConversionJobs
) -> Callable[[], FloatModel]:
    """Start to convert with a batch of 1, masks filled with ones, recurrent layers unrolled.

    What it gives waits for the result, which is compared with the Keras model. Both raise ModelError.
    """
    use = inputs.network_inputs(file, tensor_forms(model), request)
    for note in use.notes:
        console.note(note)
    run = _original(model, use)
    single = keras_window.with_masks_filled(with_fixed_sizes(model, use), use)
    conversion = jobs.to_float(request.role or "network", single)
    expected = Reference.of(run, examples_of(use), use.channels)

    def finish() -> FloatModel:
        converted, order = conversion.result(), keras_model.named_outputs(model)
        standard = form.standard_form(converted, file, use.channels, None, order, use.kind)
        expected.check(standard, file)
        return FloatModel(standard, f"Keras {keras.__version__}", run)

    return finish


def _original(
    model: keras.Model, use: inputs.NetworkInputs
) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
    """The network as it was given, with masks of ones."""
    by_name = keras.Model(model.inputs, keras_model.named_outputs(model))
    dtypes = {tensor.name: tensor.dtype for tensor in model.inputs}

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        arrays = {
            name: np.ones((len(values), *shape[1:]), dtypes[name])
            for name, shape in use.masks.items()
        }
        arrays[use.name] = values.reshape(len(values), *use.shape[1:])
        outputs = by_name([arrays[tensor.name] for tensor in model.inputs], training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    return run
