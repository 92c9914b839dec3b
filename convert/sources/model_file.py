"""A model's file, read and checked: Keras' own, or another library's as float32 .tflite."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert import inputs, network
from edge_convert.cut.tflite.ending import with_activations
from edge_convert.cut.tflite.split import split
from edge_convert.inputs import InputRequest
from edge_convert.network import Answers, ModelCard, TrainedNetwork, answers_of, read_card
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import FloatPart, describe
from edge_convert.precision.recipes import FLOAT32
from edge_convert.probabilities import Output, activated
from edge_convert.request import ConversionRequest
from edge_convert.sources import keras_2, keras_file, keras_parts, libraries, tflite_file
from edge_convert.sources.features import EncoderAndHead, FeatureFile, called, outputs_of
from edge_convert.sources.reference import Reference


class ModelFile(Protocol):
    """What is known of a network as soon as its file is read.

    size: (height, width, channels) of a frame.
    """

    @property
    def window(self) -> int: ...

    @property
    def size(self) -> tuple[int, int, int]: ...

    @property
    def answers(self) -> Answers: ...

    def observed(
        self,
        values: np.ndarray,
        card: ModelCard,
        progress: console.Progress,
        labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "ModelFile":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C).

        labels: by task, of clips that have some. Raises ConfigError or ModelError if the answers
        do not fit the card.
        """

    def network(
        self, behind: str | None, jobs: ConversionJobs, progress: console.Progress
    ) -> TrainedNetwork:
        """Cut it, behind a layer or the best one, and convert the parts to float32 .tflite."""

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if they become no tasks, or not the card's."""

    def explanation(self, behind: str | None) -> str:
        """Where it can be cut."""


def read_model(path: Path, behind: str | None, request: InputRequest = InputRequest()) -> ModelFile:
    """Raises ModelError, in one line, if the file or its network does not fit."""
    if _is_third_party(path):
        _refuse_cut(path, behind)
        return _of_float_model(path, libraries.float_tflite(path, request=request))
    content = keras_2.header(path)
    if content.is_keras_2:
        return _read_keras_2(path, behind, content.version, request)
    return _of_keras(path, keras_file.load_model(path), behind, request)


def read_encoder_and_head(
    encoder: Path, head: Path, feature: str, behind: str | None, request: InputRequest
) -> EncoderAndHead:
    """Two files as one network. Raises ModelError if one is not of its role, or they do not fit."""
    if behind is not None:
        raise ModelError(f"{head.name} and {encoder.name} are cut already: leave out --cut")
    files = {inputs.ENCODER: encoder, inputs.HEAD: head}
    with TemporaryDirectory(prefix="edge-convert-") as folder, ConversionJobs(Path(folder)) as jobs:
        # of Keras both are converted side by side
        started = [_start(path, request.of_role(role), jobs) for role, path in files.items()]
        models = [finish() for finish in started]
    return EncoderAndHead.of((encoder.name, head.name), models[0], models[1], feature)


def _start(
    path: Path, request: InputRequest, jobs: ConversionJobs
) -> Callable[[], libraries.FloatModel]:
    """Begin to read whatever file it is. Raises ModelError, as what it gives does."""
    if _is_third_party(path) or keras_2.header(path).is_keras_2:
        return partial(_float_model, path, request)
    return keras_parts.start(path.name, keras_file.load_model(path), request, jobs)


def _float_model(path: Path, request: InputRequest) -> libraries.FloatModel:
    if _is_third_party(path):
        return libraries.float_tflite(path, request=request)
    content = keras_2.header(path)
    with libraries.read_as_keras_2(path, request) as (saved, reference):
        with suppress(ModelError):
            model = keras_parts.float_model(path.name, keras_file.load_model(path), request)
            reference.check(model.model, path.name)
            return model
        return _through_saved_model(path, saved, reference, content.version, request)


def _is_third_party(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in (*libraries.SUFFIXES, *libraries.PICKLED)


def _of_float_model(path: Path, model: libraries.FloatModel) -> ModelFile:
    is_features = model.input == inputs.FEATURES
    return FeatureFile(path.name, model) if is_features else ThirdPartyFile.of(path.name, model)


def _of_keras(
    path: Path, model: Any, behind: str | None, request: InputRequest
) -> keras_file.KerasFile | FeatureFile:
    if keras_parts.features_of(path.name, model, request) is None:
        return keras_file.KerasFile.of(path.name, model, request)
    if behind is not None:
        raise ModelError(f"{path.name} looks at features and is not cut: leave out --cut")
    return FeatureFile(path.name, keras_parts.float_model(path.name, model, request))


def _through_saved_model(
    path: Path, saved: Path, reference: Reference, version: str, request: InputRequest
) -> libraries.FloatModel:
    exported = libraries.of_saved_model(saved, request=request)
    reference.check(exported.model, path.name)
    origin = f"Keras {version} through tf_keras and a {exported.origin}"
    return replace(exported, origin=origin)


def _read_keras_2(path: Path, behind: str | None, version: str, request: InputRequest) -> ModelFile:
    """By Keras 3 if it computes what tf_keras does, else by way of a SavedModel."""
    with libraries.read_as_keras_2(path, request) as (saved, reference):
        with suppress(ModelError):
            file = _of_keras(path, keras_file.load_model(path), behind, request)
            reference.compare(file.run, path.name, KERAS_TOLERANCE)
            return file
        _refuse_cut(path, behind)
        model = _through_saved_model(path, saved, reference, version, request)
        return _of_float_model(path, model)


def read_requested(request: ConversionRequest) -> ModelFile:
    """One file, or an encoder and a head. Raises ModelError."""
    path = request.model
    if request.encoder is None and request.custom is None:
        return read_model(path, request.cut, request.inputs)
    if request.encoder is None:
        _refuse_cut(path, request.cut)
        own = libraries.of_custom_keras(path, str(request.custom), request.inputs)
        return ThirdPartyFile.of(path.name, own)
    if request.custom is not None:
        raise ModelError("--custom is for a single file, not for --encoder and --head")
    pair = request.encoder, path
    return read_encoder_and_head(*pair, request.feature, request.cut, request.inputs)


def explanation(request: ConversionRequest) -> str:
    """Where a network can be cut; the cut that is asked for marked, or the best.

    Raises ModelError or ConfigError as a conversion would.
    """
    path = request.model
    if request.encoder is None and tflite_file.is_quantised_file(path):
        _refuse_cut(path, request.cut)
        return f"{path.name} becomes one part: {TAKEN_AS_IT_IS}"
    model = read_requested(request)
    if request.detection is None:  # a detector's outputs are no answers
        model.check_answers(read_card(path, request.tasks))
    return model.explanation(request.cut)


KERAS_TOLERANCE = 1e-4  # of the largest answer; the same layers differ by 1e-6
TAKEN_AS_IT_IS = "it is quantised already, and an integer graph is not cut"


@dataclass(frozen=True)
class ThirdPartyFile:
    """A float32 .tflite of a network that is no Keras file, and what its answers are.

    origin: the format, and what read it.  size: (height, width, channels).
    """

    file: str
    origin: str
    model: bytes
    window: int
    size: tuple[int, int, int]
    answers: Answers = field(default_factory=Answers)

    @classmethod
    def of(cls, file: str, source: libraries.FloatModel) -> "ThirdPartyFile":
        """Raises ModelError if two outputs are one tensor."""
        (window, *size), _ = forms(source.model)
        frame = (size[0], size[1], size[2])
        return cls(file, source.origin, source.model, window, frame)

    def observed(
        self,
        values: np.ndarray,
        card: ModelCard,
        progress: console.Progress,
        labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "ThirdPartyFile":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C)."""
        model = called(libraries.FloatModel(self.model, self.origin), card, labels).model
        outputs, run = forms(model)[1], _reference(model, {})
        answers = answers_of(outputs, run, values, card, progress, labels)
        return replace(self, model=model, answers=answers)

    def network(
        self, behind: str | None, jobs: ConversionJobs, progress: console.Progress
    ) -> TrainedNetwork:
        """Cut it if it can be."""
        model = with_activations(self.model, self.answers.activations)
        parts, reason = _divide(model, self.window)
        progress.say(f"one part, no streaming: {reason}" if reason else "cut into encoder and head")
        return TrainedNetwork(
            name=Path(self.file).stem,
            origin=self.origin,
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=tuple(parts),
            reference=_reference(self.model, self.answers.activations),
            uncut=reason,
            softmax=self.answers.softmax,
        )

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        named = called(libraries.FloatModel(self.model, self.origin), card, {})
        network.tasks_of(outputs_of(named.model), card)

    def explanation(self, behind: str | None = None) -> str:
        """How it would be cut, or why it is not."""
        parts, reason = _divide(self.model, self.window)
        if reason:
            return f"{self.file} becomes one part: {reason}"
        work = {part.role: flatbuffer.cost(part.model).multiply_adds for part in parts}
        features = ", ".join(flatbuffer.signature(parts[1].model)[0])
        return (
            f"{self.file} is cut at {features}: encoder {work['encoder'] / 1e6:.2f}, "
            f"head {work['head'] / 1e6:.2f} million multiply-adds"
        )


def _refuse_cut(path: Path, behind: str | None) -> None:
    if behind is not None:
        raise ModelError(f"{path.name} has no layers by name: --cut is for what Keras 3 reads")


def forms(model: bytes) -> tuple[tuple[int, int, int, int], dict[str, Output]]:
    """(T, H, W, C) of the input, T = 1 for an image; and the outputs by name.

    Raises ModelError if two outputs are one tensor.
    """
    graph = flatbuffer.read(model).subgraphs[0]
    *window, height, width, channels = flatbuffer.shape_of(graph.tensors[graph.inputs[0]])[1:]
    return (window[0] if window else 1, height, width, channels), outputs_of(model)


def _divide(model: bytes, window: int) -> tuple[list[FloatPart], str]:
    if window == 1:
        reason = "it looks at a single frame, so there is nothing to keep"
        return [_part("model", model)], reason
    try:
        halves = split(model)
    except ModelError as error:
        return [_part("model", model)], str(error)
    return [_part("encoder", halves.encoder), _part("head", halves.head)], ""


def _part(role: str, model: bytes) -> FloatPart:
    return FloatPart(role, model, flatbuffer.cost(model).parameters)


def _reference(model: bytes, activations: Mapping[str, str]) -> Any:
    """The network as it was given; what it lacks behind logits is computed by hand."""
    part = describe("model", FLOAT32, model, 0)

    def run(values: np.ndarray) -> Mapping[str, np.ndarray]:
        return activated(part({part.part.inputs[0].name: values}), activations)

    return run
