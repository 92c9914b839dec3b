"""A third-party .tflite with one picture or window as input, wrapped as a bundle in memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.bundle import (
    SINGLE_FRAME,
    WHOLE_WINDOW,
    Bundle,
    InputOptions,
    InputSpec,
    Manifest,
    Part,
    Resize,
    TensorSpec,
    index,
    open_bundle,
    plain_outputs,
    schema_of,
)
from edge.engine import NONE, Delegate, runtimes, trial
from edge.engine.engine import Engine
from edge.shipped import is_plain_tflite
from edge.tflite import metadata, tables
from edge_common import BundleError, console

Stated = TypeVar("Stated", bound=InputOptions)

_FILE = "model.tflite"
_MOST_PIXELS, _MOST_FRAMES = 1 << 26, 4096  # of a window


@dataclass(frozen=True)
class Description(InputOptions):
    """What a user says of a plain .tflite; what is left out is looked for in the file.

    labels: names for outputs of that many values, or that are such a name's number.
    value_range: by default what the input's quantisation spans, else what the metadata says,
    else (0, 1), or (0, 255) with a mean.
    size: (H, W) or (T, H, W) of a file that leaves its input's size open.
    """

    labels: Sequence[str] = ()
    size: tuple[int, ...] = ()


@dataclass(frozen=True)
class _File:
    """graph: None if the runtime alone can read it."""

    path: Path
    model: bytes
    graph: tables.Graph | None
    metadata: metadata.Metadata

    @classmethod
    def read(cls, path: Path) -> "_File":
        return cls.of(path, tables.read_model(path, BundleError))

    @classmethod
    def of(cls, path: Path, model: bytes) -> "_File":
        try:
            graph = tables.Graph.of(model)
            return cls(path, model, graph, metadata.read(model, graph))
        except ValueError:  # the runtime has the last word on what is damaged
            return cls(path, model, None, metadata.Metadata())

    def with_size(self, size: tuple[int, ...]) -> "_File":
        """With the sizes that the file leaves open fixed. Raises BundleError if it cannot be."""
        inputs = self.graph.inputs if self.graph else ()
        shape = tables.open_shape(inputs[0]) if len(inputs) == 1 else ()
        if self.graph is None or len(shape) not in (4, 5):
            return self
        frame = shape[1:-1]
        is_open = any(side < 1 for side in frame) or frame[-2:] == (1, 1)
        form = ", ".join(str(side) if side > 0 else "any" for side in frame)
        if not is_open:
            if size and size != frame:
                raise BundleError(f"{self.path} has the fixed size {form}: leave out --input-size")
            return self
        axes = "H,W" if len(frame) == 2 else "T,H,W"
        if not size:
            raise BundleError(
                f"{self.path} leaves the size of its input open ({axes} = {form}): "
                f"say what it was trained on with --input-size {axes}, or export it with a fixed size"
            )
        fits = [given == side for given, side in zip(size, frame) if side > 1]
        if len(size) != len(frame) or not all(fits):
            text = ",".join(map(str, size))
            raise BundleError(f"--input-size {text} does not fit {self.path}: {axes} = {form}")
        if min(size) < 1 or np.prod(size, dtype=float) > _MOST_PIXELS or size[0] > _MOST_FRAMES:
            raise BundleError(f"--input-size {','.join(map(str, size))} is no size of an input")
        fixed = (1, *size, shape[-1])
        return self.of(self.path, tables.with_shape(self.model, inputs[0], fixed))


def wrap_tflite(
    path: str | os.PathLike[str],
    description: Description = Description(),
    *,
    runtime: str = "auto",
) -> Bundle:
    """Wrap a .tflite whose only input is (1, H, W, C) or (1, T, H, W, C).

    Its first run is in a process of its own, so that it may crash there. Raises BundleError if
    the model has another form, EngineError if it does not run.
    """
    path = Path(path)
    file = _File.read(path).with_size(description.size)
    if file.graph and runtimes.EDGE_TPU_OPERATOR in file.model:
        # no runtime loads it without the delegate, whose options are not known here
        inputs, outputs = (
            tuple(map(tables.specification, tensors))
            for tensors in (file.graph.inputs, file.graph.outputs)
        )
        engine = None
    else:
        trial.require(path.name, file.model, runtime)
        # its shapes are the same in the kernels that load every model
        engine = Engine(file.model, name=path.name, runtime=runtime, delegate=Delegate(NONE))
        inputs, outputs = engine.inputs, engine.outputs
    window, spec, input_words = _input(inputs, file, description)
    reading = plain_outputs.read(path, outputs, file.graph, file.metadata, description.labels)
    if engine is not None:
        reading = plain_outputs.tried(reading, path, engine, spec)
    members = {_FILE: file.model}
    outputs = tuple(replace(t, name=task.name) for t, task in zip(outputs, reading.tasks))
    part = Part("model", _FILE, _precision(inputs), inputs, outputs)
    manifest = Manifest(
        schema_of(reading.tasks, spec),
        console.valid_text(path.stem),
        WHOLE_WINDOW if window > 1 else SINGLE_FRAME,
        window,
        spec,
        reading.tasks,
        (part,),
        members=index(members),
    )
    return Bundle(manifest, members, path, "; ".join([*input_words, *reading.words]))


def _input(
    inputs: Sequence[TensorSpec], file: _File, description: Description
) -> tuple[int, InputSpec, list[str]]:
    """The window's length, what a frame is, and what of it was assumed."""
    shape = inputs[0].shape if inputs else ()
    if (
        len(inputs) != 1
        or len(shape) not in (4, 5)
        or shape[0] != 1
        or shape[-1] not in (1, 3)
        or min(shape) < 1
    ):
        form = ", ".join(str(list(tensor.shape)) for tensor in inputs)
        raise BundleError(
            f"{file.path} takes {form}; only one picture or window (1, [T,] H, W, 1 or 3) can be run"
        )
    window = shape[1] if len(shape) == 5 else 1
    stated, origin = description, "(as asked for)"
    if not description.states_values:
        stated, origin = _values(inputs[0], file.metadata, description)
    spec = stated.spec(*shape[-3:])
    if not description.states_values:
        spec = _simplest(spec)
    frames = f"{window} frames of " if window > 1 else ""
    form = f"{frames}{spec.height} x {spec.width} {spec.colour_order}"
    resize = [str(spec.resize)] if spec.resize != Resize() else []
    return window, spec, [f"input {form}, {spec.values} {origin}", *resize]


def _values(
    tensor: TensorSpec, data: metadata.Metadata, description: Description
) -> tuple[Description, str]:
    """With the values of the input, of which the user says nothing, and where they are from."""
    if tensor.dtype == "float32" and data.mean:
        return _normalised(description, data), "(from its metadata)"
    origin = "(assumed: --input-range, --mean and --std say otherwise)"
    if tensor.quantised:
        origin = "(what its integers span)"
    return replace(description, value_range=_spanned(tensor)), origin


def _normalised(stated: Stated, data: metadata.Metadata) -> Stated:
    return replace(stated, value_range=(0.0, 255.0), mean=data.mean, std=data.std)


def with_metadata(path: Path, options: InputOptions) -> InputOptions:
    """With what a .tflite that takes floats says of them, if its user says nothing.

    Raises BundleError if it cannot be read.
    """
    data = _File.read(path).metadata
    return options if options.states_values or not data.mean else _normalised(options, data)


def _simplest(spec: InputSpec) -> InputSpec:
    """With a range instead of a mean and a std that are the same for all channels."""
    if len({*spec.mean}) != 1 or len({*spec.std}) != 1:
        return spec
    low, high = ((value - spec.mean[0]) / spec.std[0] for value in spec.value_range)
    return replace(spec, value_range=(low, high), mean=(), std=())


def _spanned(tensor: TensorSpec) -> tuple[float, float]:
    """The real values that the input's integers span; floats are taken to be 0 to 1."""
    if not tensor.quantised:
        return (0.0, 1.0) if tensor.dtype == "float32" else (0.0, 255.0)
    if tensor.dtype == "int16":  # symmetric: only its highest value says something
        return 0.0, 32767 * tensor.scale
    lowest = (-128 if tensor.dtype == "int8" else 0) - tensor.zero_point
    return lowest * tensor.scale, (lowest + 255) * tensor.scale


def _precision(inputs: Sequence[TensorSpec]) -> str:
    return "int8" if inputs[0].dtype in ("int8", "uint8") else "float32"


def open_any(
    name: str, description: Description = Description(), *, runtime: str = "auto"
) -> Bundle:
    """Open a bundle by its path or shipped name, or wrap a plain `.tflite`.

    What did not come with this package and never ran here does so in a process of its own
    first. Raises BundleError or EngineError.
    """
    if is_plain_tflite(name):
        return wrap_tflite(name, description, runtime=runtime)
    bundle = open_bundle(name)
    if bundle.is_foreign:
        trial.require_parts(bundle, runtime)
    return bundle
