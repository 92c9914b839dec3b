"""What a bundle says about itself: the typed form of `manifest.json`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.bundle.detection import DetectionSpec
from edge.bundle.given_input import GivenInput
from edge.input_spec import IMAGES, InputSpec, Resize
from edge.tasks import KINDS, Task
from edge_common import encode

# 2 has kinds of tasks that 1 has not; 3 has means, standard deviations, ways to resize, and logits;
# 4 has states; 5 has detectors and motion gates; 6 has temperatures and unknown windows; 7 has
# tasks that are marked as sensitive; 8 has frames that are vectors of features; 9 has ordered labels,
# points and maps; 10 has encoders with states; 11 has planes; 12 has boxes; 13 has inputs beside frames
SCHEMA_VERSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
_OPTIONS_SINCE_2 = ("thresholds", "top_k")  # of a task
_CONFIDENCE = ("temperature", "unknown")
NORMALISED_SINCE, STATES_SINCE = 3, 4
DETECTION_SINCE = GATE_SINCE = 5
CONFIDENCE_SINCE = 6
SENSITIVE_SINCE = 7
FEATURES_SINCE = 8
ENCODER_STATES_SINCE = 10
PLANES_SINCE = 11
INPUTS_SINCE = 13

WINDOW_RING = "window-ring"  # encoder once a frame, head over a ring of T features
WHOLE_WINDOW = "whole-window"  # one part that reads T frames at once
SINGLE_FRAME = "single-frame"  # one part that reads one frame
CARRIED_STATE = "carried-state"  # one part that reads one frame, and what it wrote of those before
CARRIED_RING = "carried-ring"  # as a window-ring, but the encoder remembers more than the window
RINGS = (WINDOW_RING, CARRIED_RING)
STREAMING_KINDS = (WINDOW_RING, WHOLE_WINDOW, SINGLE_FRAME, CARRIED_STATE, CARRIED_RING)


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

    @property
    def form(self) -> tuple[tuple[int, ...], str]:
        """Its shape, and what its values are: real ones, or integers of a type."""
        real = self.quantised or self.dtype.startswith("float")
        return self.shape, "real" if real else self.dtype


@dataclass(frozen=True)
class CarriedState:
    """An input that takes, with each frame, what the frame before left in an output.

    Before the first frame its real value is 0; if `output` is empty, always.
    """

    input: str
    output: str = ""


@dataclass(frozen=True)
class Part:
    """One .tflite member: its tensors in the order of the flatbuffer, and its cost.

    states: which of the tensors are its memory; the other input takes frames or features.
    given_inputs: names of inputs that take what the application gives beside frames.
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
    states: tuple[CarriedState, ...] = ()
    given_inputs: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[TensorSpec, ...]:
        """The inputs of frames or features: those that are no states, and not given beside."""
        more = {*(state.input for state in self.states), *self.given_inputs}
        return tuple(tensor for tensor in self.inputs if tensor.name not in more)


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
class GateSpec:
    """When a frame shows a network nothing new: if no block of its input differs by more.

    threshold: grey levels, mean absolute difference of a block's values.  block: pixels a side.
    The rest says on what it was found: clips that are not the calibration's; how many of their
    decisions it changed, and which share of the encoder calls on still ones it saved.
    """

    threshold: float
    block: int = 8
    source: str = ""
    decisions: int = 0
    changed: int = 0
    saved: float = 0.0


@dataclass(frozen=True)
class Member:
    """Size and hash of another file in the bundle."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything a runner, a benchmark or a person needs to know of a bundle.

    detection: of a detector, which has no tasks; None: it is none.
    inputs: what the application gives beside frames.
    """

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
    gate: GateSpec | None = None
    made_with: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    detection: DetectionSpec | None = None
    inputs: tuple[GivenInput, ...] = ()

    def part(self, role: str) -> Part | None:
        """The part with this role (`encoder`, `head`, `model` or `detector`), or None."""
        return next((part for part in self.parts if part.role == role), None)

    @property
    def last_part(self) -> Part:
        """The part whose outputs are the answers to the tasks."""
        return self.part("head") or self.parts[-1]

    @property
    def clip_frames(self) -> int:
        """Frames of a clip that is answered at its end; 0: as many as it has."""
        return 0 if self.streaming == CARRIED_STATE else self.window

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)


def schema_of(
    tasks: Sequence[Task],
    spec: InputSpec | None = None,
    states: Sequence[CarriedState] = (),
    role: str = "model",
    inputs: Sequence[GivenInput] = (),
) -> int:
    """The lowest version of the manifest that can state these tasks, which most programs read.

    states: of the part with that role.  inputs: beside frames.  A detector needs `DETECTION_SINCE`, a
    motion gate `GATE_SINCE`.
    """
    versions = [SCHEMA_VERSIONS[0], *(KINDS[task.kind].schema for task in tasks)]
    if (spec and spec.is_prepared) or any(task.logits for task in tasks):
        versions.append(NORMALISED_SINCE)
    if states:
        versions.append(ENCODER_STATES_SINCE if role == "encoder" else STATES_SINCE)
    if spec and spec.is_features:
        versions.append(FEATURES_SINCE)
    if spec and spec.planes:
        versions.append(PLANES_SINCE)
    if inputs:
        versions.append(INPUTS_SINCE)
    if any(map(states_confidence, tasks)):
        versions.append(CONFIDENCE_SINCE)
    if any(task.sensitive for task in tasks):
        versions.append(SENSITIVE_SINCE)
    return max(versions)


def states_confidence(task: Task) -> bool:
    """Whether it has what a manifest of version `CONFIDENCE_SINCE` can state."""
    return any(getattr(task, name) != getattr(Task, name) for name in _CONFIDENCE)


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The content of `manifest.json`, in which tasks have no options of later versions."""
    fields: dict[str, Any] = encode(manifest)
    for task in fields["tasks"]:
        for option in _OPTIONS_SINCE_2:
            if option not in KINDS[task["kind"]].options:
                del task[option]
        if not task["logits"]:
            del task["logits"]
        if not task["sensitive"]:
            del task["sensitive"]
        for option in (*_CONFIDENCE, "points", "grid"):
            if task[option] in (getattr(Task, option), []):
                del task[option]
    for part in fields["parts"]:
        for option in ("states", "given_inputs"):
            if not part[option]:
                del part[option]
    if not manifest.inputs:
        del fields["inputs"]
    if manifest.detection is None:
        del fields["detection"]
    else:
        stated = fields["detection"].items()
        fields["detection"] = {name: value for name, value in stated if value is not None}
    if not manifest.input.normalised:
        del fields["input"]["mean"], fields["input"]["std"]
    if manifest.gate is None:
        del fields["gate"]
    if manifest.input.resize == Resize():
        del fields["input"]["resize"]
    if not manifest.input.planes:
        del fields["input"]["planes"]
    if manifest.input.kind == IMAGES:
        del fields["input"]["kind"]
    else:
        del fields["input"]["value_range"]
    return fields
