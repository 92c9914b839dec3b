"""Networks over vectors: the features of T frames."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.stream import given_beside
from edge.tflite import flatbuffer
from edge_common import ModelError, console
from edge_convert.cut.cut_parts import CutParts, divided
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
from edge_convert.precision.parts import describe
from edge_convert.precision.recipes import FLOAT32
from edge_convert.probabilities import Output, activated
from edge_convert.sources.libraries import FloatModel
from edge_convert.sources.reference import Run

_WHOLE_WINDOW = (
    "it takes all features of a window at once, unless --cut LAYER or --carry-state says otherwise"
)


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


def input_shape(model: bytes) -> main_graph.Shape:
    """Of the first input."""
    graph = flatbuffer.view(model).subgraphs[0]
    return flatbuffer.shape_of(graph.tensors[int(graph.inputs[0])])


def runner(model: FloatModel) -> Run:
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


@dataclass(frozen=True)
class FeatureFile:
    """A network whose frames are vectors.

    size: (1, F, 1).  carry: whether an encoder of single vectors may remember more than the window.
    """

    file: str
    source: FloatModel
    answers: Answers = field(default_factory=Answers)
    carry: bool = False

    @property
    def window(self) -> int:
        return input_shape(self.source.model)[1]

    @property
    def width(self) -> int:
        """Numbers of a frame."""
        return math.prod(input_shape(self.source.model)[2:])

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
        outputs, run = outputs_of(source.model), runner(replace(source, original=None))
        answers = answers_of(outputs, run, values, card, progress, labels, newest)
        return replace(self, source=source, answers=answers)

    def network(self, behind: str | None, progress: console.Progress) -> TrainedNetwork:
        """One part, unless a cut or carried states are asked for."""
        run, activations = runner(self.source), self.answers.activations
        cut_parts = self._divided(behind, with_activations(self.source.model, activations))
        cut_parts.tell(progress)
        return TrainedNetwork(
            name=Path(self.file).stem,
            origin=self.source.origin,
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=cut_parts.parts(tuple(self.given)),
            reference=lambda values: activated(run(values), activations),
            candidates=cut_parts.candidates,
            selected_cut=cut_parts.selected,
            softmax=self.answers.softmax,
            uncut=cut_parts.reason,
            is_carried=cut_parts.is_carried,
        )

    def _divided(self, behind: str | None, model: bytes) -> CutParts:
        if behind is None and not self.carry:
            return CutParts(model, _WHOLE_WINDOW)
        layers = self.source.layers
        return divided(model, self.window, layers=layers, behind=behind, carry=self.carry)

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        tasks_of(outputs_of(called(self.source, self.window, card, {})[0].model), card)

    def explanation(self, behind: str | None = None) -> str:
        """That it is a head; or where it can be cut, if that is asked for."""
        cut_parts = self._divided(behind, self.source.model)
        return (
            cut_parts.explanation(self.file, self.window)
            if cut_parts.selected
            else needs_encoder(self)
        )

    def run(self, values: np.ndarray) -> Mapping[str, np.ndarray]:
        """What it answers to one window (1, T, F)."""
        return runner(self.source)(values)


def needs_encoder(file: FeatureFile) -> str:
    """What to do with a head that is given alone."""
    return (
        f"{file.file} is a head: it takes {file.window} frames of {file.width} features, and no "
        f"images: give what makes them with --encoder EXTRACTOR --head {file.file}, or clips of "
        f"features, an .npz with `clips` (N, {file.window}, {file.width}) float32"
    )
