"""Files of Keras 2, of TensorFlow up to 2.15: told by their header, read by tf_keras in a child.

tf_keras runs what a file names, a `.keras` file's safe mode notwithstanding: all names are held
against lists first.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from edge_common import ModelError
from edge_convert.sources import keras_model, libraries, reference, saved_model

_MOST_HEADER_BYTES = 1 << 26


@dataclass(frozen=True)
class Header:
    """The version of the Keras that wrote a file, and the network in JSON; empty if not said."""

    version: str = ""
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def is_keras_2(self) -> bool:
        """Whether Keras 3 did not write it."""
        return self.version.startswith("2.")

    @property
    def parts(self) -> list[dict[str, Any]]:
        """All that is made by the name of a class: layers, initializers, functions."""
        return [part for part in _mappings(self.config) if "class_name" in part]

    @property
    def lambdas(self) -> list[str]:
        """The names of layers that are Python code."""
        layers = [part for part in self.parts if part["class_name"] == "Lambda"]
        return [str(layer.get("config", {}).get("name", "")) for layer in layers]


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            yield from _mappings(inner)


def header(path: Path) -> Header:
    """Of a `.h5` or `.keras` file; empty if it is neither."""
    try:
        if not zipfile.is_zipfile(path):
            with h5py.File(path) as content:
                config = content.attrs.get("model_config", "{}")
                return Header(_text(content.attrs["keras_version"]), json.loads(config))
        with zipfile.ZipFile(path) as archive:
            version = json.loads(_member(archive, "metadata.json"))["keras_version"]
            return Header(str(version), json.loads(_member(archive, "config.json")))
    except (OSError, KeyError, TypeError, ValueError, RecursionError, zipfile.BadZipFile):
        return Header()


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(_MOST_HEADER_BYTES)


@dataclass(frozen=True)
class Exported:
    """What stands as a SavedModel under the file's own name."""

    reference: reference.Reference

    def save(self, folder: Path) -> None:
        """Write the files; RESULT comes last."""
        self.reference.save(folder / libraries.REFERENCE)
        (folder / libraries.RESULT).write_text("{}")


def convert(job: libraries.ConverterJob) -> Exported:
    """Export as a SavedModel in float32, recurrent layers unrolled, as TFLite can hold them.

    Raises ModelError if the file is damaged, holds code or takes no image or window.
    """
    import tensorflow as tf

    path, folder = job.path, job.folder
    content = header(path)
    _refuse_names(path, content)
    network = _load(path, content)

    def run(frames: Any) -> dict[str, Any]:
        outputs = network(frames, training=False)
        if isinstance(outputs, Mapping):
            return dict(outputs)
        return dict(zip(network.output_names, tf.nest.flatten(outputs), strict=True))

    exported = folder / path.name
    _export(network, run, exported)
    _, use = saved_model.with_batch_of_one(tf.saved_model.load(str(exported)), job)
    frames = reference.examples_of(use)
    return Exported(reference.Reference.of(run, frames, use.layout, use.batch))


def _export(network: Any, run: Callable[[Any], dict[str, Any]], folder: Path) -> None:
    """Write a SavedModel of `run` alone; if that needs more than weights, such as a table, of all.

    What makes the layers anew would be written with them, which takes ten times as long.
    """
    import tensorflow as tf

    spec = tf.TensorSpec(network.inputs[0].shape, tf.float32, "frames")
    module = tf.Module()
    module.weights, module.run = network.variables, tf.function(run, [spec])
    try:
        tf.saved_model.save(module, str(folder), module.run)
    except AssertionError:  # of what is no variable
        tf.saved_model.save(network, str(folder), module.run)


def _load(path: Path, content: Header) -> Any:
    import tf_keras

    try:
        model = tf_keras.models.load_model(path, compile=False)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ModelError(
            f"{path.name} was made by Keras {content.version} and does not load in tf_keras "
            f"{tf_keras.__version__}: {reason}; {WAY_OUT}"
        ) from error
    if (count := len(model.inputs or ())) != 1:
        raise ModelError(
            f"{path.name} was made by Keras {content.version} and has {count} inputs of known form: "
            "only one can be the images"
        )
    keras_model.refuse_broken_weights({weight.name: weight for weight in model.weights})
    kept = frozenset(_NEVER_UNROLLED) if _has_masks_or_states(content) else frozenset()
    config = _unrolled(keras_model.single_precision(model.get_config()), kept)
    with tf_keras.utils.custom_object_scope(_written_out_layers()):
        return keras_model.with_config(model, config)


WAY_OUT = "save it there with model.save('folder', save_format='tf'), and give that folder"
_UNROLLED = frozenset({"GRU", "LSTM", "SimpleRNN"})
_NEVER_UNROLLED = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_WRITTEN_OUT = "WrittenOut"


def _written_out_layers() -> dict[str, type]:
    """Layers of `_NEVER_UNROLLED` by new names, whose steps stand one after the other."""
    import tensorflow as tf
    import tf_keras

    def call(
        self: Any, inputs: Any, mask: Any = None, training: Any = None, initial_state: Any = None
    ) -> Any:
        frames, states = tf.unstack(inputs, axis=1), self.get_initial_state(inputs)
        outputs = []
        for frame in reversed(frames) if self.go_backwards else frames:
            output, states = self.cell(frame, states)
            outputs.append(output)
        return tf.stack(outputs, axis=1) if self.return_sequences else outputs[-1]

    bases = {name: vars(tf_keras.layers)[name] for name in _NEVER_UNROLLED}
    return {
        _WRITTEN_OUT + n: type(_WRITTEN_OUT + n, (b,), {"call": call}) for n, b in bases.items()
    }


def _has_masks_or_states(content: Header) -> bool:
    """Whether steps that are written out could leave out what a layer is given beside its frames."""
    return any(
        part["class_name"] == "Masking" or dict(part.get("config") or {}).get("return_state")
        for part in content.parts
        if isinstance(part.get("config") or {}, dict)
    )


def _unrolled(part: Any, kept: frozenset[str]) -> Any:
    """A config whose recurrent layers do not loop, and begin each window at 0.  kept: classes as they are."""
    if isinstance(part, (list, tuple)):
        return type(part)(_unrolled(each, kept) for each in part)
    if not isinstance(part, dict):
        return part
    unrolled = {key: _unrolled(value, kept) for key, value in part.items()}
    if unrolled.get("class_name") in _UNROLLED:
        unrolled["config"] |= {"unroll": True, "stateful": False}
    if unrolled.get("class_name") in _NEVER_UNROLLED and unrolled["class_name"] not in kept:
        name = _WRITTEN_OUT + unrolled["class_name"]
        unrolled |= {"class_name": name, "module": None, "registered_name": name}
    return unrolled


_FUNCTIONS = ("TFOpLambda", "SlicingOpLambda")
_FORMS = frozenset({
    "Functional", "Model", "Policy", "Sequential", "TensorShape", "__bytes__", "__ellipsis__",
    "__numpy__", "__tensor__", "__tuple__", "function", *_FUNCTIONS,
})  # fmt: skip
_TENSORFLOW = ("__operators__.", "image.", "linalg.", "math.", "nn.")
_TENSORFLOW_FUNCTIONS = frozenset({
    "boolean_mask", "broadcast_to", "cast", "clip_by_value", "concat", "convert_to_tensor", "einsum",
    "expand_dims", "eye", "fill", "gather", "identity", "norm", "one_hot", "ones", "ones_like", "pad",
    "range", "repeat", "reshape", "reverse", "roll", "shape", "size", "slice", "split", "squeeze",
    "stack", "stop_gradient", "strided_slice", "tensordot", "tile", "transpose", "unstack", "where",
    "zeros", "zeros_like",
})  # fmt: skip


def _refuse_names(path: Path, content: Header) -> None:
    """Raises ModelError if the file names what is no layer of Keras: that may be any code."""
    if not content.config:
        raise ModelError(
            f"{path.name} holds weights without their network: save both with model.save('x.h5')"
        )
    if content.lambdas:
        raise ModelError(f"{path.name} holds {lambda_advice(content.lambdas)}; {WAY_OUT}")
    for part in content.parts:
        if not _is_known(part):
            raise ModelError(
                f"{path.name} was made by Keras {content.version} and holds '{_name(part)}', which "
                f"is no layer of Keras: {WAY_OUT}"
            )


def lambda_advice(layers: list[str]) -> str:
    """Which layers are code, and why that stops it."""
    names = ", ".join(f"'{layer}'" for layer in layers)
    return f"the Lambda layer{'s' * (len(layers) > 1)} {names}, whose Python code is not run"


def _name(part: Mapping[str, Any]) -> str:
    config = part.get("config")
    if part["class_name"] in _FUNCTIONS and isinstance(config, dict):
        return f"tf.{config.get('function')}"
    return str(config if part["class_name"] == "function" else part["class_name"])[:80]


def _is_known(part: Mapping[str, Any]) -> bool:
    import tf_keras

    rooms = (tf_keras.layers, tf_keras.initializers, tf_keras.regularizers, tf_keras.constraints)
    kind, module, registered = (part.get(k) for k in ("class_name", "module", "registered_name"))
    if not isinstance(kind, str) or registered not in (None, kind):
        return False
    if str(module or "keras").split(".")[0] not in ("keras", "tf_keras", "builtins"):
        return False
    if kind == "function":
        return part.get("config") in vars(tf_keras.activations)
    if kind in _FUNCTIONS:
        function = str(part["config"].get("function")).removeprefix("compat.v1.")
        return function.startswith(_TENSORFLOW) or function in _TENSORFLOW_FUNCTIONS
    return kind in _FORMS or any(isinstance(vars(room).get(kind), type) for room in rooms)
