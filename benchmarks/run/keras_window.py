"""Windows of float values, as a Keras network takes them, and converted baselines on disk."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle.manifest import InputSpec, Manifest, TensorSpec
from edge.stream.preprocess import Preprocessor
from edge.stream.ring import Ring
from edge_benchmarks.measure.timing import Clock, FrameTiming
from edge_common import __version__
from edge_common.files import write_cached

_CALIBRATION_WINDOWS = 16


class FloatFrames:
    """Frames as the Keras model takes them, through the same preprocessing as on the board."""

    def __init__(self, spec: InputSpec) -> None:
        self.shape = (spec.height, spec.width, spec.channels)
        self.write = Preprocessor(spec, TensorSpec("window", (1, *self.shape), "float32"))

    def window(self, frames_rgb: np.ndarray) -> np.ndarray:
        """uint8 RGB (T, any H, any W, 3) -> float32 (T, H, W, C)."""
        values = np.empty((len(frames_rgb), *self.shape), np.float32)
        for frame, slot in zip(frames_rgb, values):
            self.write(np.ascontiguousarray(frame[..., ::-1]), slot)
        return values


def calibration_windows(manifest: Manifest, windows: Sequence[np.ndarray]) -> np.ndarray:
    """Windows spread over those given: float32 (n, T, H, W, C)."""
    count = min(len(windows), _CALIBRATION_WINDOWS)
    indices = np.linspace(0, len(windows) - 1, count).round().astype(int)
    frames = FloatFrames(manifest.input)
    return np.stack([frames.window(windows[i]) for i in indices])


class KerasSubject:
    """`predict` on the window that each frame completes; Keras uses all cores."""

    def __init__(self, model: Any, manifest: Manifest, clock: Clock = time.perf_counter_ns) -> None:
        self._model, self._clock = model, clock
        self._frames = FloatFrames(manifest.input)
        self._ring = Ring(manifest.window, self._frames.shape, "float32")
        self._window = np.empty((1, *self._ring.shape), np.float32)

    def step(self, pixels: np.ndarray) -> FrameTiming | None:
        started = self._clock()
        self._frames.write(pixels, self._ring.slot)
        self._ring.advance()
        if not self._ring.full:
            return None
        self._ring.copy_to(self._window[0])
        self._model.predict(self._window, verbose=0)
        return FrameTiming((self._clock() - started) / 1e6)


_CONVERTERS = ("tensorflow", "keras", "litert-quantizer")


@dataclass(frozen=True)
class ConversionCache:
    """A folder of .tflite files, each named by all that it was made from."""

    folder: Path

    def path(self, model: Path, precision: str, calibration: np.ndarray | None) -> Path:
        """Where the conversion of this model file, with these versions and data, is kept."""
        digest = hashlib.sha256(model.read_bytes())
        for name, version in sorted(_versions().items()):
            digest.update(f"{name} {version};".encode())
        if calibration is not None:
            digest.update(np.ascontiguousarray(calibration).data)
        return self.folder.expanduser() / f"{digest.hexdigest()[:32]}-{precision}.tflite"

    def store(self, path: Path, model: bytes) -> None:
        """Put a conversion under its name, whole. Raises SinkError if it cannot."""
        write_cached(path, model)


def _versions() -> Mapping[str, str]:
    return {"edge-run": __version__, **{name: metadata.version(name) for name in _CONVERTERS}}
