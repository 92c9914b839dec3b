"""Detectors by name: shipped ones, bundles, and a plain .tflite with a TOML of a few lines."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from edge.bundle import (
    DETECTION_SINCE,
    SINGLE_FRAME,
    Bundle,
    DetectionSpec,
    Manifest,
    Part,
    Resize,
    SsdBoxes,
    TensorSpec,
    index,
    manifest_check,
    plain_tflite,
)
from edge.detector.detector import require_detector
from edge.shipped import is_plain_tflite
from edge_common import BundleError, ConfigError, console, decode, read_toml

_TOML, _FILE = ".toml", "detector.tflite"
_POST_PROCESSING = "TFLite_Detection_PostProcess"  # writes boxes, classes, scores, count


@dataclass(frozen=True)
class PlainDetector(DetectionSpec):
    """What a TOML file says of a plain .tflite: of its boxes, and of its input as the command line does.

    model: the .tflite, beside the TOML file; "": that of the same name.
    """

    model: str = ""
    input_range: tuple[float, float] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    colour_order: str | None = None
    resize: str = "stretch"
    input_size: tuple[int, ...] = ()

    def description(self, toml: str) -> plain_tflite.Description:
        """Of its input. Raises ConfigError."""
        if self.colour_order not in (None, "RGB", "BGR"):
            raise ConfigError(f"colour_order '{self.colour_order}' is not RGB or BGR")
        return plain_tflite.Description(
            self.input_range,
            self.mean,
            self.std,
            self.colour_order,
            Resize.parse(self.resize),
            size=self.input_size,
            toml=toml,
        )

    def spec(self, boxes: SsdBoxes | None) -> DetectionSpec:
        """Of its boxes.  boxes: what the outputs are if nothing is said of them."""
        values = {field.name: getattr(self, field.name) for field in fields(DetectionSpec)}
        if not self.decodings:
            values["boxes"] = boxes
        return DetectionSpec(**values)


def open_detector(
    text: str, *, runtime: str = "auto", opener: Callable[[str], Bundle] | None = None
) -> Bundle:
    """Open a detector by its shipped name, or its file: .edge, .tflite, or the .toml of a .tflite.

    opener: which alone opens files, and may refuse them.

    Raises BundleError if it is none, ConfigError if its TOML is wrong, EngineError if it does not
    run.
    """
    path = Path(text)
    if opener is None and path.suffix.lower() == _TOML:
        stated = _read(path)
        model = path.parent / (stated.model or f"{path.stem}.tflite")
        return _wrapped(plain_tflite.PlainFile.read(model), stated, path, runtime)
    if opener is None and is_plain_tflite(text):
        toml = path.with_suffix(_TOML)
        stated = _read(toml) if toml.exists() else PlainDetector()
        if stated.model not in ("", path.name):
            raise ConfigError(
                f"{toml} is of {stated.model}, not of {path.name}: give --detector {toml}"
            )
        return _wrapped(plain_tflite.PlainFile.read(path), stated, toml, runtime)
    bundle = plain_tflite.open_any(text, runtime=runtime, opener=opener)
    require_detector(bundle)
    return bundle


def _read(toml: Path) -> PlainDetector:
    stated = decode(PlainDetector, read_toml(toml), str(toml))
    if "\0" in stated.model:
        raise ConfigError(f"{toml}: model {stated.model!r} is not the name of a file")
    return stated


def _wrapped(
    file: plain_tflite.PlainFile, stated: PlainDetector, toml: Path, runtime: str
) -> Bundle:
    """toml: where its user says, or could say, what the file does not."""
    try:
        description = stated.description(toml.name)
        file = file.with_size(description)
        inputs, outputs, _ = file.load(runtime)
        window, frames, words = plain_tflite.frames_of(inputs, 0, file, description)
    except ConfigError as error:
        raise ConfigError(f"{toml}: {error}") from error
    outputs = _with_names(outputs)
    spec = stated.spec(_post_processed(file, outputs))
    if not spec.decodings:
        forms = ", ".join(f"'{tensor.name}' {list(tensor.shape)}" for tensor in outputs)
        raise BundleError(
            f"{file.path} does not say which of its outputs are boxes and scores: name them in "
            f"{toml} under [boxes], [centres] or [anchors]; there are {forms}"
        )
    if problem := spec.problem({tensor.name: tensor.shape for tensor in outputs}, frames.size):
        raise ConfigError(f"{toml}: {problem}")
    part = Part("detector", _FILE, plain_tflite.precision_of(inputs[0]), inputs, outputs)
    members = {_FILE: file.model}
    manifest = Manifest(
        DETECTION_SINCE,
        console.valid_text(file.path.stem),
        SINGLE_FRAME,
        window,
        frames,
        (),
        (part,),
        members=index(members),
        detection=spec,
    )
    try:
        manifest_check.check(manifest)
    except ValueError as error:
        raise BundleError(f"{file.path} cannot be run as a detector: {error}") from error
    if not spec.classes:
        words = [*words, f"all classes (assumed: classes = [0] in {toml.name} says otherwise)"]
    return Bundle(manifest, members, file.path, "; ".join(words))


def _with_names(outputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """By number, if their names do not tell them apart."""
    names = {tensor.name for tensor in outputs}
    if len(names) == len(outputs) and "" not in names:
        return outputs
    return tuple(replace(tensor, name=f"output_{n}") for n, tensor in enumerate(outputs))


def _post_processed(
    file: plain_tflite.PlainFile, outputs: tuple[TensorSpec, ...]
) -> SsdBoxes | None:
    """Which outputs are those of SSD's post-processing; None: the graph does not end in it."""
    positions = file.graph.written_by(_POST_PROCESSING) if file.graph else ()
    if len(positions) != 4:
        return None
    boxes, classes, scores, count = (outputs[position].name for position in positions)
    return SsdBoxes(boxes, scores, classes, count)
