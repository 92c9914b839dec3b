"""A third-party .tflite with one picture or window as input, wrapped as a bundle in memory."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.bundle import (
    CARRIED_STATE,
    SINGLE_FRAME,
    WHOLE_WINDOW,
    Bundle,
    CarriedState,
    InputOptions,
    InputSpec,
    Manifest,
    Part,
    Resize,
    TensorSpec,
    index,
    open_bundle,
    plain_outputs,
    plain_states,
    schema_of,
)
from edge.engine import NONE, Delegate, runtimes, trial
from edge.engine.engine import Engine
from edge.input_spec import is_usual_form
from edge.shipped import is_plain_tflite
from edge.tasks import Task
from edge.tflite import metadata, tables
from edge_common import BundleError, console

Stated = TypeVar("Stated", bound=InputOptions)
Tensors = tuple[TensorSpec, ...]

_FILE = "model.tflite"
_MOST_PIXELS, _MOST_FRAMES = 1 << 26, 4096  # of a window


@dataclass(frozen=True)
class Description(InputOptions):
    """What a user says of a plain .tflite; what is left out is looked for in the file.

    labels: names for outputs of that many values, or that are such a name's number.
    value_range: by default what the input's quantisation spans, else what the metadata says,
    else (0, 1), or (0, 255) with a mean.
    size: (H, W) or (T, H, W) of a file that leaves its input's size open.
    states: which inputs take which outputs of the frame before, as `plain_states` reads it.
    toml: the file in which the user says so; "": on the command line.
    """

    labels: Sequence[str] = ()
    size: tuple[int, ...] = ()
    states: str = ""
    toml: str = ""

    def option(self, name: str) -> str:
        """An option as its user writes it: `--input-size`, or the key of a TOML file."""
        return f"{name.replace('-', '_')} (in {self.toml})" if self.toml else f"--{name}"


@dataclass(frozen=True)
class PlainFile:
    """A third-party .tflite.  graph: None if the runtime alone can read it."""

    path: Path
    model: bytes
    graph: tables.Graph | None
    metadata: metadata.Metadata

    @classmethod
    def read(cls, path: Path) -> "PlainFile":
        return cls.of(path, tables.read_model(path, BundleError))

    @classmethod
    def of(cls, path: Path, model: bytes) -> "PlainFile":
        try:
            graph = tables.Graph.of(model)
            return cls(path, model, graph, metadata.read(model, graph))
        except ValueError:  # the runtime has the last word on what is damaged
            return cls(path, model, None, metadata.Metadata())

    def with_size(self, description: Description) -> "PlainFile":
        """With the sizes that the file leaves open fixed. Raises BundleError if it cannot be."""
        size, option = description.size, description.option("input-size")
        inputs = self.graph.inputs if self.graph else ()
        if len(inputs) > 1 and any(s < 1 for t in inputs for s in tables.open_shape(t)[1:]):
            raise BundleError(
                f"{self.path} leaves sizes of its {len(inputs)} inputs open: export it with fixed sizes"
            )
        shape = tables.open_shape(inputs[0]) if len(inputs) == 1 else ()
        if self.graph is None or len(shape) not in (4, 5):
            return self
        frame = shape[1:-1]
        is_open = any(side < 1 for side in frame) or frame[-2:] == (1, 1)
        form = ", ".join(str(side) if side > 0 else "any" for side in frame)
        if not is_open:
            if size and size != frame:
                raise BundleError(f"{self.path} has the fixed size {form}: leave out {option}")
            return self
        axes = "H,W" if len(frame) == 2 else "T,H,W"
        if not size:
            raise BundleError(
                f"{self.path} leaves the size of its input open ({axes} = {form}): "
                f"say what it was trained on with {option} {axes}, or export it with a fixed size"
            )
        fits = [given == side for given, side in zip(size, frame) if side > 1]
        if len(size) != len(frame) or not all(fits):
            text = ",".join(map(str, size))
            raise BundleError(f"{option} {text} does not fit {self.path}: {axes} = {form}")
        if min(size) < 1 or np.prod(size, dtype=float) > _MOST_PIXELS or size[0] > _MOST_FRAMES:
            raise BundleError(f"{option} {','.join(map(str, size))} is no size of an input")
        fixed = (1, *size, shape[-1])
        return self.of(self.path, tables.with_shape(self.model, inputs[0], fixed))

    def load(self, runtime: str) -> tuple[Tensors, Tensors, Engine | None]:
        """Its inputs and outputs, and an engine if it can run without a delegate.

        Raises EngineError if it does not run.
        """
        if self.graph and runtimes.EDGE_TPU_OPERATOR in self.model:
            # no runtime loads it without the delegate, whose options are not known here
            ends = (self.graph.inputs, self.graph.outputs)
            inputs, outputs = (tuple(map(tables.specification, tensors)) for tensors in ends)
            return inputs, outputs, None
        trial.require(self.path.name, self.model, runtime)
        # its shapes are the same in the kernels that load every model
        engine = Engine(self.model, name=self.path.name, runtime=runtime, delegate=Delegate(NONE))
        return engine.inputs, engine.outputs, engine


def wrap_tflite(
    path: str | os.PathLike[str],
    description: Description = Description(),
    *,
    runtime: str = "auto",
) -> Bundle:
    """Wrap a .tflite that takes (1, H, W, C) or (1, T, H, W, C), or a frame and its own states.

    Its first run is in a process of its own, so that it may crash there. Raises BundleError if
    the model has another form, EngineError if it does not run.
    """
    path = Path(path)
    file = PlainFile.read(path).with_size(description)
    inputs, outputs, engine = file.load(runtime)
    names = file.graph.signature() if file.graph else ((), ())
    read, written = (plain_states.Ends(*each) for each in zip((inputs, outputs), names))
    memory = plain_states.read(path, read, written, file.graph, description.states)
    window, spec, input_words = frames_of(inputs, memory.frame, file, description)
    reading = plain_outputs.read(
        path, outputs, memory.answers, file.graph, file.metadata, description.labels
    )
    if engine is not None:
        reading = plain_outputs.tried(reading, path, engine, spec, memory.frame)
    part = _part(inputs, outputs, memory, reading.tasks)
    streaming = WHOLE_WINDOW if window > 1 else CARRIED_STATE if part.states else SINGLE_FRAME
    members = {_FILE: file.model}
    manifest = Manifest(
        schema_of(reading.tasks, spec, part.states),
        console.valid_text(path.stem),
        streaming,
        window,
        spec,
        reading.tasks,
        (part,),
        members=index(members),
    )
    words = (*input_words, *memory.words, *reading.words)
    return Bundle(manifest, members, path, "; ".join(words))


def _part(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    memory: plain_states.Memory,
    tasks: Sequence[Task],
) -> Part:
    """With outputs that are called as the tasks, or as the inputs that take them again."""
    tasks_by_output = {i: task.name for i, task in zip(memory.answers, tasks)}
    names = [tensor.name for tensor in inputs]
    if len({*names, *tasks_by_output.values()}) < len(names) + len(tasks):
        names = [f"input_{i}" for i in range(len(inputs))]
    written = {output: names[i] for i, output in memory.states.items()} | tasks_by_output
    states = tuple(
        CarriedState(names[i], "" if output == plain_states.STAYS_0 else written[output])
        for i, output in memory.states.items()
    )
    return Part(
        "model",
        _FILE,
        precision_of(inputs[memory.frame]),
        tuple(replace(tensor, name=name) for tensor, name in zip(inputs, names)),
        tuple(replace(tensor, name=written[i]) for i, tensor in enumerate(outputs)),
        states=states,
    )


def frames_of(
    inputs: Sequence[TensorSpec], position: int, file: PlainFile, description: Description
) -> tuple[int, InputSpec, list[str]]:
    """The window's length, what a frame is, and what of it was assumed.

    Raises BundleError if the input at that position takes something else.
    """
    shape = inputs[position].shape if inputs else ()
    if len(shape) not in (4, 5) or shape[0] != 1 or shape[-1] not in (1, 3) or min(shape) < 1:
        form = ", ".join(str(list(tensor.shape)) for tensor in inputs)
        raise BundleError(f"{file.path} takes {form}; {plain_states.ONLY}")
    window = shape[1] if len(shape) == 5 else 1
    if window > 1 and is_usual_form(*shape[1:3]) and not is_usual_form(*shape[2:4]):
        raise BundleError(
            f"{file.path} takes {list(shape)}, which looks like height, width and {shape[3]} frames: a "
            "window has its frames first; make a bundle of the float network with edge-convert"
        )
    stated, origin = description, "(as asked for)"
    if not description.states_values:
        stated, origin = _values(inputs[position], file.metadata, description)
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
    origin = f"(assumed: {description.option('input-range')} says otherwise)"
    if tensor.quantised:
        origin = "(what its integers span)"
    return replace(description, value_range=_spanned(tensor)), origin


def _normalised(stated: Stated, data: metadata.Metadata) -> Stated:
    return replace(stated, value_range=(0.0, 255.0), mean=data.mean, std=data.std)


def with_metadata(path: Path, options: InputOptions) -> InputOptions:
    """With what a .tflite that takes floats says of them, if its user says nothing.

    Raises BundleError if it cannot be read.
    """
    data = PlainFile.read(path).metadata
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


def precision_of(tensor: TensorSpec) -> str:
    return "int8" if tensor.dtype in ("int8", "uint8") else "float32"


def open_any(
    name: str,
    description: Description = Description(),
    *,
    runtime: str = "auto",
    opener: Callable[[str], Bundle] | None = None,
) -> Bundle:
    """Open a bundle by its path or shipped name, or wrap a plain `.tflite`.

    opener: which alone opens files, and may refuse them; None: any bundle or .tflite will do.

    What did not come with this package and never ran here does so in a process of its own
    first. Raises BundleError or EngineError.
    """
    if opener is None and is_plain_tflite(name):
        return wrap_tflite(name, description, runtime=runtime)
    bundle = (opener or open_bundle)(name)
    if bundle.is_foreign:
        trial.require_parts(bundle, runtime)
    return bundle
