"""The uncut network as baseline: in TFLite, int8 and float32, and in Keras itself.

The only file here that needs tensorflow, and only once a model is given.
"""

import hashlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge.bundle import WHOLE_WINDOW, Bundle, InputSpec, Manifest, TensorSpec
from edge.stream import StreamOptions, from_stored, preprocessor, ring
from edge_benchmarks import record
from edge_benchmarks.measure.timing import Clock, FrameTiming
from edge_benchmarks.run.targets import Target, bundle_target, missing
from edge_common import (
    ConfigError,
    EngineError,
    ModelError,
    __version__,
    command_line,
    console,
    write_cached,
)

PRECISIONS = {record.WHOLE_INT8: "int8", record.WHOLE_FLOAT: "float32"}
NAMES = (*PRECISIONS, record.KERAS_PREDICT)
_BATCH = 8

Say = Callable[[str], None]


def unprepared() -> list[Target]:
    """The rows of a run that was given no model."""
    return [missing(name, "give --model MODEL.keras") for name in NAMES]


_CALIBRATION_WINDOWS = 16


class FloatFrames:
    """Frames as the Keras model takes them, through the same preprocessing as on the board."""

    def __init__(self, spec: InputSpec) -> None:
        self.shape, self._spec = spec.frame_shape, spec
        self.write = preprocessor(spec, TensorSpec("window", (1, *self.shape), "float32"))

    def window(self, frames_rgb: np.ndarray) -> np.ndarray:
        """uint8 RGB (T, any H, any W, 3) -> float32 (T, H, W, C); vectors (T, F) as they are."""
        values = np.empty((len(frames_rgb), *self.shape), np.float32)
        for frame, slot in zip(frames_rgb, values):
            self.write(from_stored(frame, self._spec), slot)
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
        self._ring = ring.Ring(manifest.window, self._frames.shape, "float32")
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


@dataclass(frozen=True)
class WholeWindow:
    """The uncut network beside the bundle that was made of it."""

    path: Path
    model: Any
    bundle: Bundle

    def targets(
        self,
        options: StreamOptions,
        windows: Sequence[np.ndarray],
        cache: ConversionCache,
        say: Say,
    ) -> list[Target]:
        """All three baselines; one that fails says why instead of having figures.

        windows: uint8 RGB (T, H, W, 3), which calibrate the int8 graph.
        """
        calibration = calibration_windows(self.bundle.manifest, windows)
        converted = self._conversions(calibration, cache, say)
        rows = [
            self._target(name, converted[precision], options)
            for name, precision in PRECISIONS.items()
        ]
        return [*rows, keras_target(self.model, self.bundle.manifest)]

    def _target(self, name: str, model: bytes | str, options: StreamOptions) -> Target:
        if isinstance(model, str):
            return missing(name, model)
        try:
            return bundle_target(name, self._as_bundle(model, PRECISIONS[name]), options)
        except EngineError as error:
            return missing(name, str(error))

    def _as_bundle(self, model: bytes, precision: str) -> Bundle:
        from edge_convert.precision import parts, recipes

        part = parts.describe(
            "model", recipes.Recipe(precision), model, self.bundle.manifest.parameters
        ).part
        manifest = replace(self.bundle.manifest, streaming=WHOLE_WINDOW, parts=(part,), members={})
        return Bundle(manifest, {part.file: model})

    def _conversions(
        self, calibration: np.ndarray, cache: ConversionCache, say: Say
    ) -> dict[str, bytes | str]:
        """The .tflite of each precision, from the cache or made; or why there is none."""
        examples = {"float32": None, "int8": calibration}
        paths = {p: cache.path(self.path, p, data) for p, data in examples.items()}
        if all(path.exists() for path in paths.values()):
            say("whole-window conversions found in the cache")
            return {precision: path.read_bytes() for precision, path in paths.items()}
        models = self._convert(calibration, say)
        for precision, model in models.items():
            if isinstance(model, bytes):
                cache.store(paths[precision], model)
        return models

    def _convert(self, calibration: np.ndarray, say: Say) -> dict[str, bytes | str]:
        from edge_convert.precision import jobs, recipes
        from edge_convert.sources.keras_window import whole_window

        manifest = self.bundle.manifest
        say(
            "converting the whole window: the network stands in it "
            f"{manifest.window} times, which can take minutes (kept for later runs)"
        )
        with (
            TemporaryDirectory(prefix="edge-bench-") as folder,
            jobs.ConversionJobs(Path(folder)) as shop,
        ):
            try:
                network = whole_window(self.model)
                model = shop.to_float("window", network).result()
            except ModelError as error:
                return dict.fromkeys(PRECISIONS.values(), str(error))
            (source,) = network.inputs  # called `window`, unless a layer is
            fixed = {source.name: manifest.input.extremes}
            shop.prepare("window", model, {source.name: calibration}, fixed)
            models = shop.quantised("window", [recipes.FLOAT32, recipes.INT8])
        return {recipe.precision: model for recipe, model in models.items()}


def load_whole_window(path: Path, bundle: Bundle) -> WholeWindow:
    """Load the Keras model that `bundle` was made of.

    Raises ConfigError if tensorflow is missing or the model is another network,
    ModelError if it does not load.
    """
    try:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever a training was told to run on
        with console.captured_stderr():  # tensorflow greets from C++ before it can be told not to
            from edge_convert.frame_outputs import newest_of_width
            from edge_convert.sources import keras_window
            from edge_convert.sources.keras_file import load_model
            from edge_convert.sources.keras_model import named_outputs, window_shape
    except ImportError as error:
        raise ConfigError(
            f"--model needs tensorflow ({error}): {command_line.install_hint('convert')}, or leave it out"
        ) from error
    if path.suffix.lower() not in (".keras", ".h5"):
        raise ConfigError(
            f"{path} is no Keras file, of which --model makes its baselines: leave it out, and "
            "--baselines runs both parts anew"
        )
    if bundle.manifest.inputs:
        raise ConfigError(
            f"{bundle.manifest.name} takes numbers beside frames, of which --model makes no baselines: leave "
            "it out"
        )
    model = load_model(path)
    tasks = [task.name for task in bundle.manifest.tasks]
    outputs = list(named_outputs(model).values())
    if len(outputs) == len(tasks) == 1:  # a conversion may have called it otherwise
        model = type(model)(model.inputs, {tasks[0]: outputs[0]}, name=model.name)
    form = _form(window_shape(model), named_outputs(model), model.count_params())
    spec, manifest = bundle.manifest.input, bundle.manifest
    shape = (manifest.window, spec.height, spec.width, spec.channels)
    expected = _form(shape, tasks, manifest.parameters)
    if form != expected:
        raise ConfigError(f"{path} is not the network of {manifest.name}: {form}, not {expected}")
    widths = {tensor.name: math.prod(tensor.shape) for tensor in manifest.last_part.outputs}
    answers = named_outputs(model).items()
    newest = {
        name: share
        for name, tensor in answers
        if (share := newest_of_width(tuple(tensor.shape)[1:], manifest.window, widths[name]))
    }
    if newest:
        model = keras_window.at_newest(model, newest)
    return WholeWindow(path, model, bundle)


def _form(shape: Sequence[int], tasks: Iterable[str], parameters: int) -> str:
    """What a network and the bundle that was made of it have in common."""
    size = " x ".join(map(str, shape))
    return f"{size} to {', '.join(sorted(tasks))} with {parameters} parameters"


def keras_target(model: Any, manifest: Manifest) -> Target:
    """The model itself, the exact one that all others approximate."""
    import keras

    from edge_convert.sources.keras_model import named_outputs

    by_task = keras.Model(model.inputs, named_outputs(model))
    frames = FloatFrames(manifest.input)

    def outputs(windows: np.ndarray, on_window: Callable[[], None]) -> dict[str, np.ndarray]:
        collected: dict[str, list[np.ndarray]] = {task.name: [] for task in manifest.tasks}
        for batch in _batches(windows):
            predicted = by_task.predict_on_batch(_filled([frames.window(w) for w in batch]))
            for task, rows in collected.items():
                rows.append(np.asarray(predicted[task])[: len(batch)].reshape(len(batch), -1))
            for _ in batch:
                on_window()
        return {task: np.concatenate(rows) for task, rows in collected.items()}

    return Target(record.KERAS_PREDICT, KerasSubject(by_task, manifest), outputs, exact=True)


def agreement(
    bundle: Bundle, exact: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """How far `outputs` decide as the exact network does, by task, 0 to 1."""
    from edge_convert.verification.conversion_report import agreements

    return agreements(bundle.manifest.tasks, exact, outputs)


def _batches(windows: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    remaining = iter(windows)
    while batch := list(itertools.islice(remaining, _BATCH)):
        yield batch


def _filled(windows: list[np.ndarray]) -> np.ndarray:
    """A whole batch, the last window repeated: another size would be compiled anew."""
    return np.stack([*windows, *windows[-1:] * (_BATCH - len(windows))])
