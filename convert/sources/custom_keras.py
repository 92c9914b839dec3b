"""Keras networks that hold the user's own Python: Lambda, own layers, subclassed models, weights alone.

Only if the user says so, and in this child process: the code runs with the user's rights. What comes
out is a float32 .tflite without any code, held against what the network itself answers.
"""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import tensorflow as tf
from keras.src.utils import python_utils

from edge_common import ModelError, nearest_or_all
from edge_convert import inputs
from edge_convert.network import ModelCard, task_names
from edge_convert.precision import export
from edge_convert.sources import keras_model, keras_parts, keras_window, libraries, reference

# what a module or a call may raise; a syntax error is none of the others
_RAISED = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
# what a Lambda's code, which is stored without its module, is written with
_USUAL_NAMES = {"K": keras.ops, "keras": keras, "np": np, "ops": keras.ops, "tf": tf}


def convert(job: libraries.ConverterJob) -> libraries.ConverterOutput:
    """Convert with a batch of 1.

    The job's signature is `FILE.py`, `FILE.py:FUNCTION` that builds the network, or `-` for none.
    Raises ModelError if the code does not run, or the network does not fit.
    """
    path, (file, _, factory) = job.path, (job.signature or "-").partition(":")
    module = ModuleType("none") if file == "-" else _imported(Path(file))
    own = {name: value for name, value in vars(module).items() if callable(value)}
    vars(python_utils).update({**_USUAL_NAMES, **own})
    with keras.saving.custom_object_scope(own):
        model = _built(module, factory, path) if factory else _loaded(path)
        keras_model.refuse_quantised(path.name, model)
        keras_model.refuse_broken_weights({weight.path: weight for weight in model.weights})
        return _converted(model, job)


def _imported(file: Path) -> ModuleType:
    sys.path.append(str(file.parent))  # what it imports may stand beside it
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ModelError(f"{file} is no Python file: give --custom a .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    with _in_one_line(f"{file.name} does not import"):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    """Raises ModelError with the first line of an error that says something."""
    try:
        yield
    except (NotImplementedError, *_RAISED) as error:
        reason = keras_model.telling_line(error)[:300]
        raise ModelError(f"{what}: {type(error).__name__}: {reason}") from error


def _loaded(path: Path) -> keras.Model:
    with _in_one_line(
        f"{path.name} does not load with that code (of weights alone, or of a layer without get_config, "
        "name a function that builds the network: --custom FILE.py:FUNCTION)"
    ):
        return keras.models.load_model(path, compile=False, safe_mode=False)


def _built(module: ModuleType, factory: str, path: Path) -> keras.Model:
    functions = [name for name, value in vars(module).items() if callable(value)]
    if factory not in functions:
        raise ModelError(
            f"{module.__name__}.py has no function '{factory}'{nearest_or_all(factory, functions)}"
        )
    with _in_one_line(f"{factory}() does not build a network"):
        model = getattr(module, factory)()
    if not isinstance(model, keras.Model):
        raise ModelError(f"{factory}() gives a {type(model).__name__}, which is no keras.Model")
    if not model.built:
        raise ModelError(
            f"{factory}() gives a network whose input nobody knows: let it call the network on "
            "keras.Input((T, H, W, C)) before it returns it"
        )
    with _in_one_line(f"{path.name} does not fit what {factory}() builds"):
        model.load_weights(path)
    return model


def _converted(model: keras.Model, job: libraries.ConverterJob) -> libraries.ConverterOutput:
    path, note = job.path, keras_model.make_stateless(model)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):
            layer.unroll = True  # TFLite's calibration does not survive a loop
    with _in_one_line(f"{path.name} cannot be run on a single window"):
        graph = _single_precision(_functional(model))
        tensors = keras_parts.tensor_forms(graph)
        if len(tensors) > 1:
            raise ModelError(
                f"{path.name} has {len(tensors)} inputs: own code is taken with one alone"
            )
        use = inputs.network_inputs(path.name, tensors, job.request)
        graph = keras_parts.of_own_form(path.name, graph, job.request)
        shape = tuple(graph.inputs[0].shape)[1:]
        outputs = keras_model.named_outputs(graph)
        names = task_names(keras_model.output_layers(graph), ModelCard(), {})
        graph = keras.Model(
            graph.inputs, {names[n]: t for n, t in outputs.items()}, name=graph.name
        )
        converted = export.tflite_of(keras_window.whole_window(graph))

        def run(frames: np.ndarray) -> dict[str, np.ndarray]:
            outputs = model(frames.astype(use.dtype), training=False)
            by_name = outputs if isinstance(outputs, Mapping) else None
            flat = zip(names, keras.tree.flatten(outputs), strict=True)
            return {names[n]: np.asarray(v) for n, v in (by_name.items() if by_name else flat)}

        original = reference.Reference.of(run, reference.examples_of(use), use.layout, use.batch)
    origin = f"Keras {keras.__version__} with own code"
    kind = inputs.WINDOW if len(shape) == 4 else inputs.FRAME
    notes = [note] if note else ()
    return libraries.ConverterOutput(converted, origin, original, kind, notes=notes)


def _functional(model: keras.Model) -> keras.Model:
    """As a graph of layers; a subclassed model's own code is followed with a symbolic window."""
    if isinstance(model, keras.Sequential) or keras_model.is_functional(model):
        return keras_model.functional(model)
    shape = model.get_build_config().get("input_shape")
    if not isinstance(shape, (list, tuple)):
        raise ModelError(f"{model.name} takes several inputs: one window of frames is supported")
    window = keras.Input(tuple(shape[1:]), batch_size=1)
    options = {"training": False} if model._call_has_training_arg else {}
    with suppress(*_RAISED):  # of what is no operation of Keras: then it is one step
        return keras.Model(window, model.call(window, **options), name=model.name)
    return keras.Model(window, model(window, training=False), name=model.name)


def _single_precision(model: keras.Model) -> keras.Model:
    with suppress(NotImplementedError):  # of a layer without get_config, which stays as it is
        return keras_model.in_single_precision(model)
    return model
