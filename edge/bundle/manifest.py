"""What a bundle says about itself: the typed form of `manifest.json`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.input_spec import InputSpec, Resize
from edge.tasks import KINDS, Task, kind_of
from edge_common import encode, runtimes

# 2 has kinds of tasks that 1 has not; 3 has means, standard deviations, ways to resize, and logits
SCHEMA_VERSIONS = (1, 2, 3)
_OPTIONS_SINCE_2 = ("thresholds", "top_k")  # of a task
_NORMALISED_SINCE = 3

WINDOW_RING = "window-ring"  # encoder once a frame, head over a ring of T features
WHOLE_WINDOW = "whole-window"  # one part that reads T frames at once
SINGLE_FRAME = "single-frame"  # one part that reads one frame
STREAMING_KINDS = (WINDOW_RING, WHOLE_WINDOW, SINGLE_FRAME)
MOST_PIXELS_A_SIDE, MOST_FRAMES = 1 << 14, 10_000  # of a picture, and in a window
_MOST_ELEMENTS = 1 << 28  # of a tensor, and of all that a window keeps: 1 GiB of float32
_DTYPES = (
    "float16", "float32", "float64", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool",
)  # fmt: skip


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a part. `scale` 0 means: not quantised.

    A quantised value q stands for the real value (q - zero_point) * scale.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    @property
    def quantised(self) -> bool:
        return self.scale != 0.0


@dataclass(frozen=True)
class Part:
    """One .tflite member: its tensors in the order of the flatbuffer, and its cost.

    ranges: how the ranges of fixed integer activations were found.
    float_layers: operators of an integer part that stayed in float32, by output tensor.
    """

    role: str
    file: str
    precision: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    parameters: int = 0
    multiply_adds: int = 0
    ranges: str = ""
    float_layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuntimeTrial:
    """Whether a runtime loaded and ran a part while the bundle was made."""

    part: str
    runtime: str
    version: str
    ok: bool
    message: str = ""


@dataclass(frozen=True)
class Accuracy:
    """One measured figure and its 95 % interval.

    graph: of what: `float`, `streamed` or `whole window`.
    """

    task: str
    metric: str
    value: float
    n: int
    graph: str
    data: str = ""
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """The data that fixed the quantisation ranges."""

    source: str = ""
    clips: int = 0
    frames: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Member:
    """Size and hash of another file in the bundle."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything a runner, a benchmark or a person needs to know of a bundle."""

    schema: int
    name: str
    streaming: str
    window: int
    input: InputSpec
    tasks: tuple[Task, ...]
    parts: tuple[Part, ...]
    version: str = "1"
    licence: str = ""
    weights_source: str = ""
    frame_rate_hz: float = 0.0
    trials: tuple[RuntimeTrial, ...] = ()
    calibration: Calibration = field(default_factory=Calibration)
    accuracy: tuple[Accuracy, ...] = ()
    made_with: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)

    def part(self, role: str) -> Part | None:
        """The part with this role (`encoder`, `head` or `model`), or None."""
        return next((part for part in self.parts if part.role == role), None)

    @property
    def last_part(self) -> Part:
        """The part whose outputs are the answers to the tasks."""
        return self.part("head") or self.parts[-1]

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)


def schema_of(tasks: Sequence[Task], spec: InputSpec | None = None) -> int:
    """The lowest version of the manifest that can state these tasks, which most programs read."""
    versions = [SCHEMA_VERSIONS[0], *(KINDS[task.kind].schema for task in tasks)]
    if (spec and spec.is_prepared) or any(task.logits for task in tasks):
        versions.append(_NORMALISED_SINCE)
    return max(versions)


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The content of `manifest.json`, in which tasks have no options of later versions."""
    fields: dict[str, Any] = encode(manifest)
    for task in fields["tasks"]:
        for option in _OPTIONS_SINCE_2:
            if option not in KINDS[task["kind"]].options:
                del task[option]
        if not task["logits"]:
            del task["logits"]
    if not manifest.input.normalised:
        del fields["input"]["mean"], fields["input"]["std"]
    if manifest.input.resize == Resize():
        del fields["input"]["resize"]
    return fields


def check(manifest: Manifest) -> None:
    """Raise ValueError if the fields contradict each other."""
    _require(manifest.streaming in STREAMING_KINDS, f"streaming kind '{manifest.streaming}'")
    roles = tuple(part.role for part in manifest.parts)
    expected = ("encoder", "head") if manifest.streaming == WINDOW_RING else ("model",)
    _require(roles == expected, f"parts {roles}, but {expected} are needed")
    for part in manifest.parts:
        _require(part.precision in runtimes.PRECISIONS, f"precision '{part.precision}'")
        for tensor in (*part.inputs, *part.outputs):
            _check_tensor(tensor)
    _check_input(manifest)
    _check_tasks(manifest)
    if manifest.streaming == WINDOW_RING:
        encoder, head = manifest.parts
        _check_joint(encoder, head, manifest.window)


def _check_tensor(tensor: TensorSpec) -> None:
    """Its size and type are such that memory can be set aside for it."""
    _require(tensor.dtype in _DTYPES, f"dtype '{tensor.dtype}' of '{tensor.name}'")
    sound = 0 < len(tensor.shape) <= 8 and min(tensor.shape) > 0
    _require(
        sound and math.prod(tensor.shape) <= _MOST_ELEMENTS,
        f"the shape {list(tensor.shape)} of '{tensor.name}'",
    )
    _require(math.isfinite(tensor.scale), f"the scale of '{tensor.name}'")


def _check_input(manifest: Manifest) -> None:
    """The first part reads pictures of the size and channels that are stated."""
    spec, window = manifest.input, manifest.window
    colours = ("GRAY",) if spec.channels == 1 else ("RGB", "BGR")
    _require(1 <= window <= MOST_FRAMES, f"a window of {window} frames")
    sides = (spec.height, spec.width)
    _require(
        min(sides) > 0 and max(sides) <= MOST_PIXELS_A_SIDE,
        f"a picture of {spec.width} x {spec.height} pixels",
    )
    kept = window * math.prod(sides) * spec.channels
    if manifest.streaming != WINDOW_RING:
        _require(kept <= _MOST_ELEMENTS, f"a window of {window} such pictures")
    _require(spec.channels in (1, 3) and spec.colour_order in colours, "colours and channels")
    _check_normalisation(manifest)
    picture = (spec.height, spec.width, spec.channels)
    shapes = {
        WINDOW_RING: ((1, *picture),),
        SINGLE_FRAME: ((1, *picture), (1, 1, *picture)),
        WHOLE_WINDOW: ((1, window, *picture),),
    }
    read = manifest.parts[0].inputs
    _require(len(read) == 1 and read[0].shape in shapes[manifest.streaming], "the input's shape")


def _check_normalisation(manifest: Manifest) -> None:
    """Means and standard deviations are numbers, one a channel, nothing divides by 0."""
    spec, version = manifest.input, manifest.schema
    known = version >= _NORMALISED_SINCE
    _require(known or not (spec.mean or spec.std), f"mean and std in version {version}")
    _require(known or spec.resize == Resize(), f"resize in version {version}")
    _require(not spec.resize.problem, spec.resize.problem)
    fit = {len(spec.mean), len(spec.std)} in ({0}, {spec.channels})
    finite = all(map(math.isfinite, (*spec.mean, *spec.std)))
    _require(fit and finite and all(spec.std), "mean and std of the input")


def _check_tasks(manifest: Manifest) -> None:
    """Every output answers one task, and is as wide as the task's kind asks for."""
    outputs = {tensor.name: tensor for tensor in manifest.last_part.outputs}
    names = [task.name for task in manifest.tasks]
    _require(sorted(names) == sorted(outputs), f"tasks {names} and outputs {sorted(outputs)}")
    for task in manifest.tasks:
        _require(task.kind in KINDS, f"task kind '{task.kind}' of '{task.name}'")
        width = math.prod(outputs[task.name].shape)
        kind = kind_of(task)
        version = manifest.schema
        _require(kind.schema <= version, f"task kind '{task.kind}' in version {version}")
        since = _NORMALISED_SINCE if task.logits else 1
        _require(since <= version, f"logits of '{task.name}' in version {version}")
        problem = kind.problem(width)
        _require(not problem, problem)


def _check_joint(encoder: Part, head: Part, window: int) -> None:
    """The head reads exactly what the encoder writes, T at a time."""
    written = [tensor.name for tensor in encoder.outputs]
    read = [tensor.name for tensor in head.inputs]
    _require(sorted(written) == sorted(read), f"features {written} written but {read} read")
    for tensor in encoder.outputs:
        feature = next(t for t in head.inputs if t.name == tensor.name)
        expected = (1, window, *tensor.shape[1:])
        _require(feature.shape == expected, f"the shape of feature '{tensor.name}'")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"the manifest does not fit together: {message}")
