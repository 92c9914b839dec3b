"""A third-party .tflite with one picture or window as input, wrapped as a bundle in memory."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from edge.bundle.archive import Bundle, index, open_bundle
from edge.bundle.manifest import (
    SINGLE_FRAME,
    WHOLE_WINDOW,
    InputSpec,
    Manifest,
    Part,
    TensorSpec,
    schema_of,
)
from edge.engine import NONE, Delegate
from edge.engine.engine import Engine
from edge.shipped import is_plain_tflite
from edge.tasks import Classification, Embedding, Regression, Task
from edge_common import BundleError

_FILE = "model.tflite"


def wrap_tflite(
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] = (),
    value_range: tuple[float, float] | None = None,
    runtime: str = "auto",
) -> Bundle:
    """Wrap a .tflite whose only input is (1, H, W, C) or (1, T, H, W, C).

    labels: names for an output of that many values. value_range: the real values of
    pixel 0 and 255; by default what the input's quantisation spans, else (0, 1).
    Raises BundleError if the model has another form.
    """
    path = Path(path)
    try:
        model = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error
    if model[4:8] != b"TFL3":
        raise BundleError(f"{path} is no TFLite flatbuffer: it is another file or cut short")
    # its shapes are the same in the kernels that load every model
    engine = Engine(model, name=path.name, runtime=runtime, delegate=Delegate(NONE))
    window, spec = _input(engine, path, value_range)
    tasks = tuple(_task(i, tensor, labels) for i, tensor in enumerate(engine.outputs))
    outputs = tuple(_renamed(t, task.name) for t, task in zip(engine.outputs, tasks))
    members = {_FILE: model}
    part = Part("model", _FILE, _precision(engine), engine.inputs, outputs)
    streaming = WHOLE_WINDOW if window > 1 else SINGLE_FRAME
    manifest = Manifest(
        schema_of(tasks), path.stem, streaming, window, spec, tasks, (part,), members=index(members)
    )
    return Bundle(manifest, members, path)


def _input(
    engine: Engine, path: Path, value_range: tuple[float, float] | None
) -> tuple[int, InputSpec]:
    shape = engine.inputs[0].shape
    if (
        len(engine.inputs) != 1
        or len(shape) not in (4, 5)
        or shape[0] != 1
        or shape[-1] not in (1, 3)
    ):
        form = ", ".join(str(list(tensor.shape)) for tensor in engine.inputs)
        raise BundleError(
            f"{path} takes {form}; only one picture or window (1, [T,] H, W, 1 or 3) can be run"
        )
    window = shape[1] if len(shape) == 5 else 1
    height, width, channels = shape[-3:]
    colours = "RGB" if channels == 3 else "GRAY"
    spec = InputSpec(height, width, channels, colours, value_range or _spanned(engine.inputs[0]))
    return window, spec


def _spanned(tensor: TensorSpec) -> tuple[float, float]:
    """The real values that the input's integers span; floats are taken to be 0 to 1."""
    if not tensor.quantised:
        return (0.0, 1.0) if tensor.dtype == "float32" else (0.0, 255.0)
    if tensor.dtype == "int16":  # symmetric: only its highest value says something
        return 0.0, 32767 * tensor.scale
    lowest = (-128 if tensor.dtype == "int8" else 0) - tensor.zero_point
    return lowest * tensor.scale, (lowest + 255) * tensor.scale


def _task(index: int, tensor: TensorSpec, labels: Sequence[str]) -> Task:
    """Vectors are classes (one number: a regression); anything of more axes is kept as it is."""
    name, size = f"output_{index}", math.prod(tensor.shape[1:])
    if labels and len(labels) != size and index == 0:
        raise BundleError(f"{len(labels)} labels were given for an output of {size} values")
    if len(tensor.shape) > 2:
        return Task(name, Embedding.name)
    if size == 1:
        return Task(name, Regression.name)
    named = tuple(labels) if len(labels) == size else tuple(str(i) for i in range(size))
    return Task(name, Classification.name, named)


def _renamed(tensor: TensorSpec, name: str) -> TensorSpec:
    return TensorSpec(name, tensor.shape, tensor.dtype, tensor.scale, tensor.zero_point)


def _precision(engine: Engine) -> str:
    return "int8" if engine.inputs[0].dtype in ("int8", "uint8") else "float32"


def open_any(
    name: str,
    *,
    labels: Sequence[str] = (),
    value_range: tuple[float, float] | None = None,
    runtime: str = "auto",
) -> Bundle:
    """Open a bundle by its path or shipped name, or wrap a plain `.tflite`."""
    if is_plain_tflite(name):
        return wrap_tflite(name, labels=labels, value_range=value_range, runtime=runtime)
    return open_bundle(name)
