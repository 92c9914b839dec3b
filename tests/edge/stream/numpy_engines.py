"""Two small networks whose every number can be told by hand, in engines of numpy and a fake clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.bundle import Bundle, InputSpec, Manifest, Part, TensorSpec
from edge.engine.delegation import Delegation
from edge.stream import Naming, Region, Stream, StreamOptions
from edge.tasks import Task

WINDOW = 3
TASKS = (Task("kind", "classification", ("a", "b", "c")), Task("size", "regression"))
HEAD_OUTPUTS = (TensorSpec("size", (1, 1), "float32"), TensorSpec("kind", (1, 3), "float32"))
ENCODER = Part(
    "encoder",
    "encoder.tflite",
    "float32",
    (TensorSpec("frame", (1, 1, 2, 3), "float32"),),
    (
        TensorSpec("light", (1, 1), "float32"),
        TensorSpec("hue", (1, 2), "int8", 0.5, -3),
    ),
)
HEAD = Part(
    "head",
    "head.tflite",
    "float32",
    (
        TensorSpec("hue", (1, WINDOW, 2), "float32"),
        TensorSpec("light", (1, WINDOW, 1), "float32"),
    ),
    HEAD_OUTPUTS,
)
MODEL = Part(
    "model",
    "model.tflite",
    "int8",
    (TensorSpec("window", (1, WINDOW, 1, 2, 3), "int8", 1.0, -128),),
    HEAD_OUTPUTS,
)


def bundle(*parts: Part) -> Bundle:
    """Encoder and head, or one model over the whole window; pixels 1 x 2."""
    streaming = "window-ring" if len(parts) == 2 else "whole-window"
    manifest = Manifest(1, "by hand", streaming, WINDOW, InputSpec(1, 2), TASKS, parts)
    return Bundle(manifest, {part.file: part.role.encode() for part in parts})


CUT, UNCUT = bundle(ENCODER, HEAD), bundle(MODEL)


def encode(frame: np.ndarray) -> list[np.ndarray]:
    """Light: the sum of all pixels. Hue, in steps: red on the left, blue on the right."""
    hue = np.array([[frame[0, 0, 0, 0], frame[0, 0, 1, 2]]]) - 3
    return [np.array([[frame.sum()]], np.float32), hue.astype(np.int8)]


def decide(hue: np.ndarray, light: np.ndarray) -> list[np.ndarray]:
    """Size: the window's light, read as a number of three digits. Kind: some of its hues."""
    oldest, middle, newest = light[0, :, 0]
    kind = [hue[0, 0, 0], hue[0, 1, 0], hue[0, 2, 1]]
    size = 100 * oldest + 10 * middle + newest
    return [np.array([[size]], np.float32), np.array([kind], np.float32)]


def decide_on_frames(window: np.ndarray) -> list[np.ndarray]:
    """As encoder and head do, from the int8 window."""
    frames = window.astype(np.float32) + 128
    hue = np.stack([frames[:, :, 0, 0, 0], frames[:, :, 0, 1, 2]], axis=2) / 2
    return decide(hue, frames.sum(axis=(2, 3, 4))[..., None])


class Clock:
    """Both of the clocks that a stream reads, moved on by hand."""

    def __init__(self) -> None:
        self._ms = 5_000_000

    def advance(self, ms: int) -> None:
        self._ms += ms

    def perf_counter_ns(self) -> int:
        return self._ms * 1_000_000

    def monotonic(self) -> float:
        return self._ms / 1e3


class NumpyEngine:
    """What `Stream` uses of an Engine; an invocation takes `takes_ms` of the clock's time."""

    throttle = None

    def __init__(
        self,
        part: Part,
        function: Callable[..., list[np.ndarray]],
        clock: Clock | None = None,
        takes_ms: int = 0,
        delegation: Delegation = Delegation("auto", {"built-in kernels": {"ADD": 1}}),
    ) -> None:
        self.inputs, self.outputs, self.delegation = part.inputs, part.outputs, delegation
        self.function, self.clock, self.takes_ms = function, clock or Clock(), takes_ms
        self._in = [np.zeros(tensor.shape, tensor.dtype) for tensor in part.inputs]
        self._out: list[np.ndarray] = []
        self.invocations = 0

    def input(self, index: int = 0) -> np.ndarray:
        return self._in[index]

    def output(self, index: int = 0) -> np.ndarray:
        return self._out[index]

    def invoke(self) -> None:
        self._out = self.function(*self._in)
        self.clock.advance(self.takes_ms)
        self.invocations += 1


@dataclass(frozen=True)
class NumpyOptions(StreamOptions):
    """Gives each part the engine that stands under its role."""

    engines: Mapping[str, NumpyEngine] = field(default_factory=dict)

    def load(self, bundle: Bundle, part: Part) -> NumpyEngine:  # type: ignore[override]
        assert bundle.members[part.file] == part.role.encode()
        return self.engines[part.role]


def engines(clock: Clock | None = None) -> dict[str, NumpyEngine]:
    """Encoder passes take 30 ms, head passes 4 ms, passes of the whole model 60 ms."""
    return {
        "encoder": NumpyEngine(ENCODER, encode, clock, 30),
        "head": NumpyEngine(HEAD, decide, clock, 4),
        "model": NumpyEngine(MODEL, decide_on_frames, clock, 60),
    }


def open_stream(
    bundle: Bundle, clock: Clock | None = None, naming: Naming | None = None, **options: Any
) -> Stream:
    """A stream of one of the two networks; 2 ms go by while a frame is prepared."""
    clock = clock or Clock()
    stream = Stream(bundle, NumpyOptions(engines=engines(clock), **options), naming=naming)
    prepare = stream.network.preprocess.prepare

    def slowly(pixels: np.ndarray, region: Region) -> np.ndarray:
        clock.advance(2)
        return prepare(pixels, region)

    stream.network.preprocess.prepare = slowly  # type: ignore[method-assign]
    return stream


def frame(value: int) -> np.ndarray:
    """Pixels (1, 2, 3) BGR: red on the left is `value`, blue on the right twice as much."""
    pixels = np.zeros((1, 2, 3), np.uint8)
    pixels[0, 0, 2], pixels[0, 1, 0] = value, 2 * value
    return pixels
