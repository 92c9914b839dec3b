"""Networks over the features of T frames: alone, or behind an encoder that is another file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.stream import given_beside, with_given
from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert import encoder_output, inputs
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.ending import endings, with_activations, with_batches
from edge_convert.frame_outputs import NewestFrame, newest_frames
from edge_convert.network import (
    Answers,
    ModelCard,
    TrainedNetwork,
    answers_of,
    task_names,
    tasks_of,
)
from edge_convert.precision.parts import FloatPart, describe
from edge_convert.precision.recipes import FLOAT32
from edge_convert.probabilities import Output, activated
from edge_convert.sources.libraries import FloatModel
from edge_convert.sources.reference import Run

NO_WINDOW = "it looks at features that come from elsewhere, so there is nothing to cut"


def outputs_of(model: bytes) -> dict[str, Output]:
    """The outputs of a float .tflite by name. Raises ModelError if two are one tensor."""
    root = flatbuffer.read(model)
    tensors, positions, kinds = (
        root.subgraphs[0].tensors,
        main_graph.outputs_of(root),
        endings(root),
    )
    if len(set(positions.values())) < len(positions):
        raise ModelError("two of the model's answers are one and the same tensor: leave one out")
    return {
        name: Output(flatbuffer.shape_of(tensors[index])[1:] or (1,), kinds[name])
        for name, index in positions.items()
    }


def called(
    source: FloatModel, window: int, card: ModelCard, labels: Mapping[str, np.ndarray]
) -> tuple[FloatModel, dict[str, NewestFrame]]:
    """A network whose outputs are called as tasks and answer for one frame; and those that had more.

    Raises ConfigError if the card does not fit.
    """
    source = replace(source, model=with_batches(source.model))
    names = task_names(dict.fromkeys(outputs_of(source.model), ""), card, labels)
    source = source.renamed(names)
    newest = newest_frames(outputs_of(source.model), window, card.tasks)
    return source.at_newest(newest), newest


def _input_shape(model: bytes) -> main_graph.Shape:
    graph = flatbuffer.view(model).subgraphs[0]
    return flatbuffer.shape_of(graph.tensors[int(graph.inputs[0])])


def _runner(model: FloatModel) -> Run:
    """Real input -> outputs, by its own library if that is here, else by LiteRT."""
    if model.original:
        return model.original
    part = describe("model", FLOAT32, model.model, 0)
    first = part.part.inputs[0].name
    return lambda values: part.over({first: values, **given_beside(values)})


def given_of(model: bytes) -> dict[str, main_graph.Shape]:
    """Of a float .tflite in standard form: what is given beside frames, without the batch."""
    root = flatbuffer.read(model)
    tensors = root.subgraphs[0].tensors
    _, *beside = main_graph.inputs_by_name(root).items()
    return {name: flatbuffer.shape_of(tensors[index])[1:] for name, index in beside}


def _part(role: str, model: bytes) -> FloatPart:
    side_values = () if role == inputs.ENCODER else tuple(given_of(model))
    return FloatPart(role, model, flatbuffer.cost(model).parameters, given_inputs=side_values)


@dataclass(frozen=True)
class FeatureFile:
    """A network whose frames are vectors.  size: (1, F, 1)."""

    file: str
    source: FloatModel
    answers: Answers = field(default_factory=Answers)

    @property
    def window(self) -> int:
        return _input_shape(self.source.model)[1]

    @property
    def width(self) -> int:
        """Numbers of a frame."""
        return math.prod(_input_shape(self.source.model)[2:])

    @property
    def size(self) -> tuple[int, int, int]:
        return 1, self.width, 1

    @property
    def given(self) -> dict[str, main_graph.Shape]:
        """The shapes of what is given beside features, without the batch."""
        return given_of(self.source.model)

    def observed(
        self,
        values: np.ndarray,
        card: ModelCard,
        progress: console.Progress,
        labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "FeatureFile":
        """Decide what the answers are, by what they say of real input (n, T, F)."""
        source, newest = called(self.source, self.window, card, labels)
        outputs, run = outputs_of(source.model), _runner(replace(source, original=None))
        answers = answers_of(outputs, run, values, card, progress, labels, newest)
        return replace(self, source=source, answers=answers)

    def network(self, behind: str | None, progress: console.Progress) -> TrainedNetwork:
        """One part."""
        run, activations = _runner(self.source), self.answers.activations
        return TrainedNetwork(
            name=Path(self.file).stem,
            origin=self.source.origin,
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=(_part("model", with_activations(self.source.model, activations)),),
            reference=lambda values: activated(run(values), activations),
            softmax=self.answers.softmax,
            uncut=NO_WINDOW,
        )

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        tasks_of(outputs_of(called(self.source, self.window, card, {})[0].model), card)

    def explanation(self, behind: str | None = None) -> str:
        """That it is a head."""
        return needs_encoder(self)

    def run(self, values: np.ndarray) -> Mapping[str, np.ndarray]:
        """What it answers to one window (1, T, F)."""
        return _runner(self.source)(values)


def needs_encoder(file: FeatureFile) -> str:
    """What to do with a head that is given alone."""
    return (
        f"{file.file} is a head: it takes {file.window} frames of {file.width} features, and no "
        f"images: give what makes them with --encoder EXTRACTOR --head {file.file}, or clips of "
        f"features, an .npz with `clips` (N, {file.window}, {file.width}) float32"
    )


@dataclass(frozen=True)
class EncoderAndHead:
    """Two files, of which the second looks at T results of the first.

    encoder: `frame` (1, H, W, C) -> `features` (1, ...).  head: `features` (1, T, ...) -> outputs.
    """

    files: tuple[str, str]
    encoder: FloatModel
    head: FloatModel
    feature: str
    answers: Answers = field(default_factory=Answers)

    @classmethod
    def of(
        cls, files: tuple[str, str], encoder: FloatModel, head: FloatModel, feature: str = ""
    ) -> "EncoderAndHead":
        """feature: the output of the encoder that the head takes; "": the only one that fits.

        Raises ModelError that names both shapes if they do not fit.
        """
        shape = _input_shape(head.model)[2:]
        chosen = encoder_output.fitting(files, encoder.model, shape, feature)
        model = replace(encoder, model=encoder_output.alone(encoder.model, chosen, shape))
        return cls(files, model, head, chosen)

    @property
    def window(self) -> int:
        return _input_shape(self.head.model)[1]

    @property
    def size(self) -> tuple[int, int, int]:
        _, height, width, channels = _input_shape(self.encoder.model)
        return height, width, channels

    @property
    def given(self) -> dict[str, main_graph.Shape]:
        """The shapes of what is given beside features, without the batch."""
        return given_of(self.head.model)

    def observed(
        self,
        values: np.ndarray,
        card: ModelCard,
        progress: console.Progress,
        labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "EncoderAndHead":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C)."""
        head, newest = called(self.head, self.window, card, labels)
        named_file = replace(self, head=head)
        outputs, run = outputs_of(head.model), named_file._run()
        answers = answers_of(outputs, run, values, card, progress, labels, newest)
        return replace(named_file, answers=answers)

    def _run(self) -> Run:
        """Both files as they are: real input (n, T, H, W, C) -> {task: (n, k)}."""
        encode, decide, shape = _runner(self.encoder), _runner(self.head), self._feature_shape
        name = self.feature if self.encoder.original else inputs.FEATURES

        def of_window(values: np.ndarray) -> Mapping[str, np.ndarray]:
            # Keras takes all frames at once, which saves most of its time
            batches = [values[0]] if self.encoder.original else values[0][:, None]
            rows = [encode(batch)[name] for batch in batches]
            features = np.reshape(np.concatenate(rows), (1, len(values[0]), *shape))
            return decide(with_given(features, given_beside(values)))

        def run(values: np.ndarray) -> Mapping[str, np.ndarray]:
            answers = [of_window(values[i : i + 1]) for i in range(len(values))]
            return {task: np.concatenate([row[task] for row in answers]) for task in answers[0]}

        return run

    @property
    def _feature_shape(self) -> main_graph.Shape:
        return _input_shape(self.head.model)[2:]

    def network(self, behind: str | None, progress: console.Progress) -> TrainedNetwork:
        """Cut as its files are."""
        run, activations = self._run(), self.answers.activations
        head = with_activations(self.head.model, activations)
        progress.say(self.explanation())
        return TrainedNetwork(
            name=Path(self.files[1]).stem,
            origin=f"{self.files[0]} ({self.encoder.origin}) and {self.files[1]} ({self.head.origin})",
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=(_part("encoder", self.encoder.model), _part("head", head)),
            reference=lambda values: activated(run(values), activations),
            softmax=self.answers.softmax,
        )

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        tasks_of(outputs_of(called(self.head, self.window, card, {})[0].model), card)

    def explanation(self, behind: str | None = None) -> str:
        """What goes from the one to the other, and the work on both sides."""
        models = (self.encoder.model, self.head.model)
        encoder, head = (flatbuffer.cost(model).multiply_adds / 1e6 for model in models)
        shape = ", ".join(map(str, self._feature_shape))
        return (
            f"{self.files[1]} looks at {self.window} times '{self.feature}' ({shape}) of "
            f"{self.files[0]}: encoder {encoder:.2f}, head {head:.2f} million multiply-adds"
        )
