"""A third-party .tflite with one picture or window as input, wrapped as a bundle in memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.bundle import (
    SINGLE_FRAME,
    WHOLE_WINDOW,
    Bundle,
    InputSpec,
    Manifest,
    Part,
    TensorSpec,
    index,
    open_bundle,
    plain_outputs,
    schema_of,
)
from edge.engine import NONE, Delegate, runtimes, trial
from edge.engine.engine import Engine
from edge.shipped import is_plain_tflite, is_shipped
from edge.tflite import metadata, tables
from edge_common import BundleError, console

_FILE = "model.tflite"
_MOST_PIXELS, _MOST_FRAMES = 1 << 26, 4096  # of a window


@dataclass(frozen=True)
class Description:
    """What a user says of a plain .tflite; what is left out is looked for in the file.

    labels: names for outputs of that many values, or that are such a name's number.
    value_range: the real values of pixel 0 and 255; by default what the input's quantisation
    spans, else what the metadata says, else (0, 1), or (0, 255) with a mean.
    mean, std: of the real values, one or one a channel.
    size: (H, W) or (T, H, W) of a file that leaves its input's size open.
    """

    labels: Sequence[str] = ()
    value_range: tuple[float, float] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
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
    trusted: bool = True,
) -> Bundle:
    """Wrap a .tflite whose only input is (1, H, W, C) or (1, T, H, W, C).

    trusted: else its first run is in a process of its own, so that it may crash there.
    Raises BundleError if the model has another form.
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
        if not trusted:
            trial.require({path.name: file.model}, runtime)
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
    height, width, channels = shape[-3:]
    colours = "RGB" if channels == 3 else "GRAY"
    (low, high), mean, std, origin = _values(inputs[0], file, description, channels)
    spec = InputSpec(height, width, channels, colours, (low, high), mean, std)
    text = (
        f"({low:g}..{high:g} - {_listed(mean)}) / {_listed(std)}" if mean else f"{low:g}..{high:g}"
    )
    frames = f"{window} frames of " if window > 1 else ""
    return window, spec, [f"input {frames}{height} x {width} {colours}, {text} {origin}"]


def _values(
    tensor: TensorSpec, file: _File, description: Description, channels: int
) -> tuple[tuple[float, float], tuple[float, ...], tuple[float, ...], str]:
    """The value range, mean and std of the input, and who says so."""
    if description.mean or description.std:
        mean, std = _normalisation(description.mean, description.std, channels)
        value_range = description.value_range
        if value_range is None and all(0 < each < 1 for each in (*mean, *std)):
            raise BundleError(
                "--mean and --std are of pixels from 0 to 255; "
                "if yours are of values from 0 to 1, say --input-range 0 1 as well"
            )
        return value_range or (0.0, 255.0), mean, std, "(as asked for)"
    if description.value_range:
        return description.value_range, (), (), "(as asked for)"
    if tensor.dtype == "float32" and file.metadata.mean:
        mean, std = _normalisation(file.metadata.mean, file.metadata.std, channels)
        if len({*mean}) == len({*std}) == 1:  # the same for all: a range says it more simply
            return (-mean[0] / std[0], (255 - mean[0]) / std[0]), (), (), "(from its metadata)"
        return (0.0, 255.0), mean, std, "(from its metadata)"
    if tensor.quantised:
        return _spanned(tensor), (), (), "(what its integers span)"
    return _spanned(tensor), (), (), "(assumed: --input-range, --mean and --std say otherwise)"


def _normalisation(
    mean: Sequence[float], std: Sequence[float], channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A number a channel of each. Raises BundleError if they are none."""
    mean, std = mean or (0.0,), std or (1.0,)
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels) or not np.isfinite(values).all():
            raise BundleError(f"a {name} of {_listed(values)} does not fit {channels} channels")
    if not all(std):
        raise BundleError("a std of 0 divides by nothing: give another one")
    return tuple(mean) * (channels // len(mean)), tuple(std) * (channels // len(std))


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values) if len({*values}) > 1 else f"{values[0]:g}"


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
        return wrap_tflite(name, description, runtime=runtime, trusted=False)
    bundle = open_bundle(name)
    if not is_shipped(name):
        models = {part.file: bundle.members[part.file] for part in bundle.manifest.parts}
        trial.require(models, runtime)
    return bundle
