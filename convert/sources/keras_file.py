"""A Keras file: read, and converted as a whole."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np

from edge.stream import given_beside
from edge_common import ModelError, console
from edge_convert import inputs
from edge_convert.cut.tflite import form
from edge_convert.frame_outputs import NewestFrame
from edge_convert.network import LayerValues
from edge_convert.precision.jobs import ConversionJobs, KerasConversion
from edge_convert.sources import keras_2, keras_parts, keras_window
from edge_convert.sources.keras_model import (
    functional,
    in_single_precision,
    make_stateless,
    named_outputs,
    output_layers,
    refuse_broken_weights,
    refuse_quantised,
)
from edge_convert.sources.libraries import FloatModel
from edge_convert.sources.network_file import NetworkFile


@dataclass(frozen=True)
class KerasNetwork:
    """A Keras model as its file gives it; see `Original`."""

    model: keras.Model

    @property
    def name(self) -> str:
        """Of the model."""
        return str(self.model.name)

    @property
    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """All layers by name."""
        return keras_window.layer_names(self.model)

    @property
    def outputs(self) -> Mapping[str, str]:
        """The class of the layer that gives each."""
        return output_layers(self.model)

    @property
    def parameters(self) -> int:
        """All weights."""
        return int(self.model.count_params())

    def renamed(self, names: Mapping[str, str]) -> "KerasNetwork":
        """With other names for all outputs."""
        tensors = {names[name]: tensor for name, tensor in named_outputs(self.model).items()}
        return KerasNetwork(keras.Model(self.model.inputs, tensors, name=self.model.name))

    def at_newest(self, newest: Mapping[str, NewestFrame]) -> "KerasNetwork":
        """With the newest frame's share of these outputs."""
        return KerasNetwork(keras_window.at_newest(self.model, newest))

    def layer_values(self, window: np.ndarray) -> Iterator[LayerValues]:
        """What each layer gives for a window (1, T, H, W, C), in order; inner ones of models too."""
        return keras_window.layer_values(self.model, *self._values(window))

    def run(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """What it answers to windows (n, T, H, W, C)."""
        size = self.model.inputs[0].shape[0] or len(values) or 1
        rows = [
            self._by_task(self._values(values[i : i + size]), training=False)
            for i in range(0, len(values), size)
        ]
        return {task: np.concatenate([row[task] for row in rows]) for task in rows[0]}

    def _values(self, windows: np.ndarray) -> list[np.ndarray]:
        """In the order of the inputs, with what is given beside the windows."""
        frames, *more = self.model.inputs
        side_values = given_beside(windows)
        window_values = np.reshape(windows, (len(windows), *frames.shape[1:]))
        return [np.asarray(window_values), *(side_values[tensor.name] for tensor in more)]

    @cached_property
    def _by_task(self) -> keras.Model:
        return keras.Model(self.model.inputs, named_outputs(self.model))

    def whole(self, activations: Mapping[str, str]) -> keras.Model:
        """The uncut network with a batch of 1, with these activations behind its outputs."""
        outputs = named_outputs(self.model)
        for name, activation in activations.items():
            outputs[name] = keras.layers.Activation(activation)(outputs[name])
        model = keras.Model(self.model.inputs, outputs, name=self.model.name)
        return keras_window.whole_window(model, fold=False)


def network_file(
    file: str,
    model: keras.Model,
    request: inputs.InputRequest = inputs.InputRequest(),
    conversion: KerasConversion | None = None,
) -> NetworkFile:
    """conversion: of what `over_one_window` makes of the file, under way; None: begins here.

    Raises ModelError if the model has an odd form or is not for TFLite.
    """
    model = keras_parts.of_own_form(file, model, request)
    outputs = named_outputs(model)
    if len(set(map(id, outputs.values()))) < len(outputs):
        raise ModelError("two of the model's answers are one and the same tensor: leave one out")
    with TemporaryDirectory(prefix="edge-convert-") as folder, ConversionJobs(Path(folder)) as jobs:
        converted = (conversion or jobs.to_float("network", _over_one_window(model))).result()
    side_values = [tensor.name for tensor in model.inputs[1:]]
    kind = inputs.WINDOW if len(model.inputs[0].shape) == 5 else inputs.FRAME
    standard = form.standard_form(converted, file, order=outputs, kind=kind, given=side_values)
    source = FloatModel(standard, f"Keras {keras.__version__}")
    return NetworkFile.of(file, source, KerasNetwork(model))


def over_one_window(path: Path, request: inputs.InputRequest) -> keras.Model:
    """The network of a file as TFLite's converter takes it. Raises ModelError if it does not fit."""
    model = load_model(path)
    if request.role or keras_parts.features_of(path.name, model, request):
        return keras_parts.with_inputs_filled(path.name, model, request)
    return _over_one_window(keras_parts.of_own_form(path.name, model, request))


def _over_one_window(model: keras.Model) -> keras.Model:
    by_name = keras.Model(model.inputs, named_outputs(model), name=model.name)
    return keras_window.whole_window(by_name)


def load_model(path: str | Path) -> keras.Model:
    """Read a `.keras` or `.h5` file.

    Raises ModelError if the file is missing, no Keras model, or needs custom code.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no model {path}: give a .keras file")
    try:
        model = keras.models.load_model(path, compile=False)
    except (AttributeError, ValueError, TypeError, OSError, KeyError) as error:
        content = keras_2.header(path)
        if content.is_keras_2:
            raise ModelError(
                f"{path} was made by Keras {content.version}, whose layers Keras 3 does not all know: "
                f"{keras_2.WAY_OUT}"
            ) from error
        reason = _why(path, str(error), content)
        raise ModelError(f"{path} does not load as a Keras model: {reason}") from error
    refuse_quantised(path.name, model)
    if note := make_stateless(model):
        console.note(note)
    refuse_broken_weights({weight.path: weight for weight in model.weights})
    return in_single_precision(functional(model))


def _why(path: Path, reason: str, content: keras_2.Header) -> str:
    """What stands in the way of loading, and what to do."""
    if path.suffix not in (".h5", ".hdf5") and h5py.is_hdf5(path):
        return f"it is an .h5 file by its content: rename it to {path.stem}.h5"
    is_whole = zipfile.is_zipfile if path.suffix == ".keras" else h5py.is_hdf5
    if not is_whole(path):
        return "it is cut short or was written by something else: copy or save it again"
    if not content.config and path.suffix in (".h5", ".hdf5") and h5py.is_hdf5(path):
        return (
            "it holds weights without their network: name the function that builds that with "
            "--custom my.py:make_model"
        )
    if "objects could not be loaded" in reason:
        return (
            "Keras does not find all weights in it, as of a layer that two others hold, such as "
            "TimeDistributed(backbone) twice, which it reads back as two: name the function that builds the "
            "network with --custom my.py:make_model"
        )
    if "TFSMLayer" in reason:
        return (
            "it holds a TFSMLayer, which runs a SavedModel from elsewhere: if you trust that, "
            "--custom - takes it"
        )
    if unknown := re.search(r"Could not locate class '(\w+)'", reason):
        return (
            f"it holds a layer '{unknown[1]}' of your own, which only your code knows: name that with "
            "--custom my_layers.py, or write it as layers of Keras"
        )
    if content.lambdas and re.search(r"\bLambda\b", reason):
        return (
            f"it holds {keras_2.lambda_advice(content.lambdas)} unless you say --custom - (or "
            "--custom my_layers.py); or write it with keras.ops or as layers"
        )
    return f"{(reason.strip() or 'no reason').splitlines()[0][:300]}; save it with model.save('x.keras')"
