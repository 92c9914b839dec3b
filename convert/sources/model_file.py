"""A model's file, read and checked: Keras' own, or another library's as float32 .tflite."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert.cut.tflite.ending import endings, with_activations
from edge_convert.cut.tflite.main_graph import outputs_of
from edge_convert.cut.tflite.split import split
from edge_convert.network import Answers, ModelCard, TrainedNetwork, answers_of
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import FloatPart, describe
from edge_convert.precision.recipes import FLOAT32
from edge_convert.probabilities import Output, activated
from edge_convert.sources import keras_2, keras_file, libraries


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
        self, values: np.ndarray, card: ModelCard, progress: console.Progress
    ) -> "ModelFile":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C).

        Raises ConfigError or ModelError if the answers do not fit the card.
        """

    def network(
        self, behind: str | None, jobs: ConversionJobs, progress: console.Progress
    ) -> TrainedNetwork:
        """Cut it, behind a layer or the best one, and convert the parts to float32 .tflite."""

    def explanation(self, behind: str | None) -> str:
        """Where it can be cut."""


def read_model(path: Path, behind: str | None) -> ModelFile:
    """Raises ModelError, in one line, if the file or its network does not fit."""
    if path.is_dir() or path.suffix.lower() in (*libraries.SUFFIXES, *libraries.PICKLED):
        return ThirdPartyFile.read(path, behind)
    content = keras_2.header(path)
    if content.is_keras_2:
        return _read_keras_2(path, behind, content.version)
    return keras_file.KerasFile.read(path, behind)


def _read_keras_2(path: Path, behind: str | None, version: str) -> ModelFile:
    """By Keras 3 if it computes what tf_keras does, else by way of a SavedModel."""
    with libraries.read_as_keras_2(path) as (saved, reference):
        with suppress(ModelError):
            file = keras_file.KerasFile.read(path, behind)
            reference.compare(file.run, path.name, KERAS_TOLERANCE)
            return file
        _refuse_cut(path, behind)
        exported = libraries.of_saved_model(saved)
        reference.check(exported.model, path.name)
        origin = f"Keras {version} through tf_keras and a {exported.origin}"
        return ThirdPartyFile.of(path.name, replace(exported, origin=origin))


def explanation(path: Path, behind: str | None = None) -> str:
    """Where a network can be cut; the cut behind `behind` marked, or the best."""
    if libraries.is_quantised_file(path):
        _refuse_cut(path, behind)
        return f"{path.name} becomes one part: {TAKEN_AS_IT_IS}"
    return read_model(path, behind).explanation(behind)


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
    def read(cls, path: Path, behind: str | None) -> "ThirdPartyFile":
        """Raises ModelError if it cannot be read, or a cut is asked for by a layer's name."""
        _refuse_cut(path, behind)
        return cls.of(path.name, libraries.float_tflite(path))

    @classmethod
    def of(cls, file: str, source: libraries.FloatModel) -> "ThirdPartyFile":
        """Raises ModelError if two outputs are one tensor."""
        (window, *size), _ = forms(source.model)
        frame = (size[0], size[1], size[2])
        return cls(file, source.origin, source.model, window, frame)

    def observed(
        self, values: np.ndarray, card: ModelCard, progress: console.Progress
    ) -> "ThirdPartyFile":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C)."""
        outputs, run = forms(self.model)[1], _reference(self.model, {})
        return replace(self, answers=answers_of(outputs, run, values, card, progress))

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
        )

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
    root = flatbuffer.read(model)
    tensors = root.subgraphs[0].tensors
    shape = flatbuffer.shape_of(tensors[root.subgraphs[0].inputs[0]])[1:]
    operators, positions = endings(root), outputs_of(root)
    if len(set(positions.values())) < len(positions):
        raise ModelError("two of the model's answers are one and the same tensor: leave one out")
    outputs = {
        name: Output(_vector(flatbuffer.shape_of(tensors[index])), operators[name])
        for name, index in positions.items()
    }
    *window, height, width, channels = shape
    return (window[0] if window else 1, height, width, channels), outputs


def _vector(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An output's shape without the batch; axes of one are no axes."""
    long = tuple(size for size in shape[1:] if size > 1)
    return long if long else (math.prod(shape[1:]),)


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
