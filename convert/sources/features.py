"""Networks over the features of T frames: alone, or behind an encoder that is another file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert import inputs
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.ending import endings, with_activations, with_batches
from edge_convert.cut.tflite.prune import prune
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

Shape = tuple[int, ...]
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


def _input_shape(model: bytes) -> Shape:
    graph = flatbuffer.read(model).subgraphs[0]
    return flatbuffer.shape_of(graph.tensors[int(graph.inputs[0])])


def _runner(model: FloatModel) -> Run:
    """Real input -> outputs, by its own library if that is here, else by LiteRT."""
    if model.original:
        return model.original
    part = describe("model", FLOAT32, model.model, 0)
    return lambda values: part.over({part.part.inputs[0].name: values})


def _part(role: str, model: bytes) -> FloatPart:
    return FloatPart(role, model, flatbuffer.cost(model).parameters)


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
        chosen = _fitting(files, encoder.model, shape, feature)
        model = replace(encoder, model=_with_one_output(encoder.model, chosen, shape))
        return cls(files, model, head, chosen)

    @property
    def window(self) -> int:
        return _input_shape(self.head.model)[1]

    @property
    def size(self) -> tuple[int, int, int]:
        _, height, width, channels = _input_shape(self.encoder.model)
        return height, width, channels

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
            return decide(np.reshape(np.concatenate(rows), (1, len(values[0]), *shape)))

        def run(values: np.ndarray) -> Mapping[str, np.ndarray]:
            answers = [of_window(values[i : i + 1]) for i in range(len(values))]
            return {task: np.concatenate([row[task] for row in answers]) for task in answers[0]}

        return run

    @property
    def _feature_shape(self) -> Shape:
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


def _fitting(files: tuple[str, str], encoder: bytes, shape: Shape, feature: str) -> str:
    """The name of the encoder's output that holds as many numbers as a frame of the head."""
    root = flatbuffer.read(encoder)
    tensors = root.subgraphs[0].tensors
    shapes = {
        name: flatbuffer.shape_of(tensors[index])[1:]
        for name, index in main_graph.outputs_of(root).items()
    }
    if feature and feature not in shapes:
        raise ModelError(f"{files[0]} has no output '{feature}', but {', '.join(shapes)}")
    names = [feature] if feature else list(shapes)
    fitting = [name for name in names if _fits(shapes[name], shape)]
    form = "(" + ", ".join(map(str, shape)) + ")"
    if not fitting:
        written = ", ".join(f"'{name}' {shapes[name]}" for name in names)
        raise ModelError(
            f"{files[0]} gives {written} of a frame, and {files[1]} takes {form}: they do not fit"
        )
    if len(fitting) > 1:
        raise ModelError(
            f"{files[0]} has {len(fitting)} outputs that {files[1]} could take, {form}: say which "
            f"with --feature {'|'.join(fitting)}"
        )
    return fitting[0]


def _fits(written: Shape, read: Shape) -> bool:
    """A map may be read as one vector; otherwise both have the same axes but those of one."""
    if len(read) == 1:
        return math.prod(written) == read[0]
    return [size for size in written if size > 1] == [size for size in read if size > 1]


def _with_one_output(model: bytes, name: str, shape: Shape) -> bytes:
    """The encoder with this output alone, called `features`, of shape (1, *shape)."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    source = main_graph.outputs_of(root)[name]
    target = source
    if flatbuffer.shape_of(graph.tensors[source]) != (1, *shape):
        target = main_graph.add_tensor(root, inputs.FEATURES, (1, *shape))
        graph.operators.append(main_graph.reshape(root, source, target))
    frame = int(graph.inputs[0])
    main_graph.sign(root, {inputs.FRAME: frame}, {inputs.FEATURES: target})
    prune(root)
    return flatbuffer.write(root)
