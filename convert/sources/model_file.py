"""A model's file, read and checked: Keras' own, or another library's as float32 .tflite."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Protocol

import numpy as np

from edge_common import ModelError, console
from edge_convert import inputs
from edge_convert.inputs import InputRequest
from edge_convert.network import Answers, ModelCard, TrainedNetwork, read_card
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.request import ConversionRequest
from edge_convert.sources import keras_2, keras_file, keras_parts, libraries, tflite_file
from edge_convert.sources.features import FeatureFile
from edge_convert.sources.network_file import NetworkFile
from edge_convert.sources.reference import Reference
from edge_convert.sources.two_files import EncoderAndHead


class ModelFile(Protocol):
    """What is known of a network as soon as its file is read.

    size: (height, width, channels) of a frame.
    """

    @property
    def window(self) -> int: ...

    @property
    def size(self) -> tuple[int, int, int]: ...

    @property
    def given(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of what is given beside frames, by name, without the batch."""

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

    def network(self, behind: str | None, progress: console.Progress) -> TrainedNetwork:
        """Cut it, behind a layer or where it takes the least work, if it can be."""

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if they become no tasks, or not the card's."""

    def explanation(self, behind: str | None) -> str:
        """Where it can be cut."""


def read_model(path: Path, request: InputRequest = InputRequest()) -> ModelFile:
    """Raises ModelError, in one line, if the file or its network does not fit."""
    if _is_third_party(path):
        return _of_float_model(path, libraries.float_tflite(path, request=request))
    content = keras_2.header(path)
    if content.is_keras_2:
        return _read_keras_2(path, content.version, request)
    return _of_keras(path, request)


def read_encoder_and_head(
    encoder: Path, head: Path, feature: str, request: InputRequest
) -> EncoderAndHead:
    """Two files as one network. Raises ModelError if one is not of its role, or they do not fit."""
    files = {inputs.ENCODER: encoder, inputs.HEAD: head}
    with _jobs() as jobs:
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
    return _start_keras(path, request, jobs)


def _start_keras(
    path: Path, request: InputRequest, jobs: ConversionJobs
) -> Callable[[], libraries.FloatModel]:
    """A child reads the file while this process does, to convert it."""
    conversion = jobs.file_to_float(path, request)
    return keras_parts.compared(path.name, keras_file.load_model(path), request, conversion)


def _float_model(path: Path, request: InputRequest) -> libraries.FloatModel:
    if _is_third_party(path):
        return libraries.float_tflite(path, request=request)
    content = keras_2.header(path)
    with libraries.read_as_keras_2(path, request) as (saved, reference):
        with suppress(ModelError), _jobs() as jobs:
            model = _start_keras(path, request, jobs)()
            reference.check(model.model, path.name)
            return model
        return _through_saved_model(path, saved, reference, content.version, request)


def _is_third_party(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in (*libraries.SUFFIXES, *libraries.PICKLED)


def _of_float_model(path: Path, model: libraries.FloatModel) -> ModelFile:
    is_features = model.input == inputs.FEATURES
    return FeatureFile(path.name, model) if is_features else NetworkFile.of(path.name, model)


def _of_keras(path: Path, request: InputRequest) -> NetworkFile | FeatureFile:
    with _jobs() as jobs:
        conversion = jobs.file_to_float(path, request)  # in a child, which reads it, too
        model = keras_file.load_model(path)
        if keras_parts.features_of(path.name, model, request) is None:
            return keras_file.network_file(path.name, model, request, conversion)
        compared = keras_parts.compared(path.name, model, request, conversion)
        return FeatureFile(path.name, compared())


@contextmanager
def _jobs() -> Iterator[ConversionJobs]:
    with TemporaryDirectory(prefix="edge-convert-") as folder, ConversionJobs(Path(folder)) as jobs:
        yield jobs


def _through_saved_model(
    path: Path, saved: Path, reference: Reference, version: str, request: InputRequest
) -> libraries.FloatModel:
    exported = libraries.of_saved_model(saved, request=request)
    reference.check(exported.model, path.name)
    origin = f"Keras {version} through tf_keras and a {exported.origin}"
    return replace(exported, origin=origin)


def _read_keras_2(path: Path, version: str, request: InputRequest) -> ModelFile:
    """By Keras 3 if it computes what tf_keras does, else by way of a SavedModel."""
    with libraries.read_as_keras_2(path, request) as (saved, reference):
        with suppress(ModelError):
            file = _of_keras(path, request)
            reference.compare(file.run, path.name, KERAS_TOLERANCE)
            return file
        model = _through_saved_model(path, saved, reference, version, request)
        return _of_float_model(path, model)


def read_requested(request: ConversionRequest) -> ModelFile:
    """One file, or an encoder and a head. Raises ModelError."""
    path = request.model
    if request.encoder is not None:
        if request.custom is not None:
            raise ModelError("--custom is for a single file, not for --encoder and --head")
        if request.cut is not None:
            raise ModelError(
                f"{path.name} and {request.encoder.name} are cut already: leave out --cut"
            )
        network = read_encoder_and_head(request.encoder, path, request.feature, request.inputs)
        return replace(network, carry=request.carry_state)
    if request.custom is not None:
        own = libraries.of_custom_keras(path, str(request.custom), request.inputs)
        return replace(NetworkFile.of(path.name, own), carry=request.carry_state)
    model = read_model(path, request.inputs)
    if isinstance(model, NetworkFile | FeatureFile):
        return replace(model, carry=request.carry_state)
    return model


def explanation(request: ConversionRequest) -> str:
    """Where a network can be cut; the cut that is stated for marked, or the best.

    Raises ModelError or ConfigError as a conversion would.
    """
    path = request.model
    if request.encoder is None and tflite_file.is_quantised_file(path):
        if request.carry_state:
            raise ModelError(f"{path.name} carries no state: {TAKEN_AS_IT_IS}")
        if request.cut is not None:
            raise ModelError(f"{path.name} cannot be cut behind '{request.cut}': {TAKEN_AS_IT_IS}")
        return f"{path.name} becomes one part: {TAKEN_AS_IT_IS}"
    model = read_requested(request)
    if request.detection is None:  # a detector's outputs are no answers
        model.check_answers(read_card(path, request.tasks))
    return model.explanation(request.cut)


KERAS_TOLERANCE = 1e-4  # of the largest answer; the same layers differ by 1e-6
TAKEN_AS_IT_IS = "it is quantised already, and an integer graph is not cut"
