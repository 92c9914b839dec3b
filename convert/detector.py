"""A detector on its way to a bundle: what int8 costs is counted in boxes, not in answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.bundle import DETECTION_SINCE, Bundle, DetectionSpec, Manifest, TensorSpec
from edge.check import average_precision, detections
from edge.detector import Detections, decoder_of, in_frame, suppress
from edge.detector.outputs import Outputs
from edge.input_spec import Size
from edge.stream import StreamOptions
from edge.tflite import flatbuffer
from edge_common import ConfigError, ModelError, console, decode, read_toml, statistics
from edge_convert import pipeline
from edge_convert.precision import calibration, candidates, equalise, float_layers, recipes
from edge_convert.request import ConversionRequest
from edge_convert.sources.model_file import ModelFile
from edge_convert.verification import verify

ROLE, BOXES = "detector", "boxes"


def loss(found: Sequence[Detections], reference: Sequence[Detections]) -> candidates.AccuracyDrop:
    """What of a reference's boxes is not found again in the same frames, or beside what is not there.

    As if the reference were the truth: 100 less the average precision.
    """
    matches = average_precision.matched(found, [frame.boxes for frame in reference])
    frames = np.arange(len(reference))
    points, *draws = (
        100 * (1 - matches.curve(weights).average_precision)
        for weights in (None, *average_precision.resamplings(frames))
    )
    low, high = statistics.central_95(draws)
    return candidates.AccuracyDrop(BOXES, points, low, high, len(frames), "float")


@dataclass(frozen=True)
class BoxScoring(candidates.Scoring):
    """Candidates are scored on the boxes that their outputs become."""

    detection: DetectionSpec
    tensors: tuple[TensorSpec, ...]
    size: Size

    def drops(
        self, reference: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]
    ) -> tuple[candidates.AccuracyDrop, ...]:
        """Against the boxes of the float network that are high enough."""
        lower = replace(self.detection, score=self.detection.score / 2)  # not all scores rise
        return (loss(self._boxes(lower, outputs), self._boxes(self.detection, reference)),)

    def _boxes(
        self, detection: DetectionSpec, outputs: Mapping[str, np.ndarray]
    ) -> list[Detections]:
        rows = zip(*(outputs[tensor.name] for tensor in self.tensors))
        return [decoded(detection, Recording(self.tensors, row), self.size) for row in rows]


class DetectorConversion(pipeline.Conversion):
    """As `Conversion`, for a network of single frames that finds boxes."""

    def __init__(
        self, request: ConversionRequest, progress: console.Progress | None = None
    ) -> None:
        super().__init__(request, progress)
        path = _refuse_choices(request)
        self.detection = decode(DetectionSpec, read_toml(path), str(path))

    def _observed(self, model: ModelFile) -> ModelFile:
        """Its outputs are no answers, whose meaning would have to be guessed."""
        if model.window > 1:
            raise ModelError(
                f"{self.request.model.name} looks at {model.window} frames: a detector looks at one"
            )
        return model

    def _cut(self) -> None:
        super()._cut()
        self._say("equalising the channels")
        (part,) = self.network.parts
        frames = calibration.frame_examples(self.clips.calibration.windows, self.spec)
        (name,) = flatbuffer.signature(part.model)[0]
        model = equalise.equalised(part.model, {name: frames[: equalise.EXAMPLES]})
        origin = f"{self.network.origin}, with equalised channels"
        parts = (replace(part, role=ROLE, model=model),)
        self.network = replace(self.network, parts=parts, origin=origin)

    def _ladder(self) -> Sequence[recipes.Recipe]:
        """Also int8 but for gates, which cost nothing and reach everything, and for the first layers,
        since what these lose of the image nothing behind them gives back.
        """
        model = self.network.parts[0].model
        gates = float_layers.single_places(model)
        mixed = (gates, (*float_layers.front(model), *gates))
        return (*recipes.LADDER, *(recipes.Recipe("int8", float_layers=f) for f in mixed if f))

    def _run_float_parts(self) -> None:
        super()._run_float_parts()
        shapes = {tensor.name: tensor.shape for tensor in self.floats[0].part.outputs}
        if problem := self.detection.problem(shapes, self.spec.size):
            raise ConfigError(f"{self.request.detection} does not fit the network: {problem}")

    def _scoring(self, windows: calibration.NetworkInput) -> candidates.Scoring:
        tensors = tuple(replace(t, scale=0.0) for t in self.floats[0].part.outputs)
        return BoxScoring(
            (), windows, {}, self.request.max_drop, self.detection, tensors, self.spec.size
        )

    def _verify(self, bundle: Bundle) -> None:
        self._say("trying the runtimes")
        frames = _surest(bundle, self.clips.golden.windows[:, 0])
        self.golden_arrays = {
            "frames": frames,
            **detections.replay(bundle, frames, StreamOptions()),
        }
        verify.try_parts(bundle, self.golden_arrays, self.request, self.report)

    def _validate(self, bundle: Bundle) -> None:
        drops = self.report.search.chosen.drops if self.report.search else ()
        self.report.agreement = {drop.task: 1 - drop.points / 100 for drop in drops}
        self.report.agreement_clips = len(self.clips.scored)
        for warning in self.report.warnings():
            self.progress.say(f"warning: {warning}")

    def _gated(self, bundle: Bundle) -> Bundle:
        """Nothing is reused of frames before."""
        return bundle

    def _referenced(self, bundle: Bundle) -> Bundle:
        """Nobody watches it for drift."""
        return bundle

    def _manifest(self) -> Manifest:
        manifest = super()._manifest()
        return replace(manifest, schema=DETECTION_SINCE, detection=self.detection)


def _refuse_choices(request: ConversionRequest) -> Path:
    """The file that describes it. Raises ConfigError if something is asked for that only tasks have."""
    options = {
        "--validation": request.validation, "--tasks": request.tasks, "--cut": request.cut,
        "--head-precision": request.head_precision != "auto", "--whole-window": request.whole_window,
        "--carry-state": request.carry_state,
    }  # fmt: skip
    if stated := [option for option, is_stated in options.items() if is_stated]:
        raise ConfigError(f"a detector has boxes and no tasks: leave out {', '.join(stated)}")
    if request.detection is None:
        raise ConfigError("a detector needs --detection FILE.toml, which says what its outputs are")
    return request.detection


GOLDEN_FRAMES = 4


def _surest(bundle: Bundle, frames_rgb: np.ndarray) -> np.ndarray:
    """Those of frames (N, H, W, 3) in which most is found; as in `verify.golden_arrays`."""
    scores = detections.replay(bundle, frames_rgb, StreamOptions())["scores"].sum(axis=1)
    return frames_rgb[np.sort(np.argsort(-scores, kind="stable")[:GOLDEN_FRAMES])]


@dataclass(frozen=True)
class Recording:
    """What an engine wrote, kept: values of any shape in the order of `outputs`."""

    outputs: tuple[TensorSpec, ...]
    values: Sequence[np.ndarray]

    def output(self, index: int) -> np.ndarray:
        """As the engine had it."""
        return self.values[index].reshape(self.outputs[index].shape)


def decoded(detection: DetectionSpec, recording: Recording, size: Size) -> Detections:
    """The boxes in the input, of that width and height."""
    outputs = Outputs(recording, [tensor.name for tensor in recording.outputs], size)
    whole = (0, 0, *size)
    detections_in_input = in_frame(*decoder_of(detection, outputs)(), whole, whole, size)
    return suppress(detections_in_input, detection.nms)
