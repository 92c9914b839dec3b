"""A network as float32 .tflite, whatever file it came in: its answers, and where it is cut."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from edge.stream import given_beside
from edge.tflite import flatbuffer
from edge_common import console
from edge_convert.cut.cut_parts import CutParts, divided
from edge_convert.cut.tflite import ending
from edge_convert.cut.tflite.names import LayerNames
from edge_convert.frame_outputs import NewestFrame, newest_frames
from edge_convert.network import (
    Answers,
    LayerValues,
    ModelCard,
    TrainedNetwork,
    answers_of,
    task_names,
    tasks_of,
)
from edge_convert.precision.parts import describe
from edge_convert.precision.recipes import FLOAT32
from edge_convert.probabilities import Output, activated
from edge_convert.sources import features, libraries


class Original(Protocol):
    """The network in the library that it comes from.

    name: its own.  layers: what it calls the parts of the graph.
    outputs: the class of the layer that gives each.
    """

    @property
    def name(self) -> str: ...

    @property
    def layers(self) -> LayerNames: ...

    @property
    def outputs(self) -> Mapping[str, str]: ...

    @property
    def parameters(self) -> int: ...

    def renamed(self, names: Mapping[str, str]) -> "Original":
        """With other names for all outputs."""

    def at_newest(self, newest: Mapping[str, NewestFrame]) -> "Original":
        """With the newest frame's share of these outputs."""

    def layer_values(self, window: np.ndarray) -> Iterator[LayerValues]:
        """What each layer gives for a window (1, T, H, W, C), in order."""

    def run(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """What it answers to windows (n, T, H, W, C)."""

    def whole(self, activations: Mapping[str, str]) -> Any:
        """The uncut network as TFLite's own converter takes it, with these behind its outputs."""


@dataclass(frozen=True)
class NetworkFile:
    """What is known of a network as soon as its file is read.

    file: its name.  origin: the format, and what read it.  size: (height, width, channels).
    model: with one signature, `frame` or `window` -> {output}.
    original: what it is compared with; none if the .tflite was compared when it was made.
    carry: whether the encoder may remember more than the window.
    """

    file: str
    origin: str
    model: bytes
    window: int
    size: tuple[int, int, int]
    answers: Answers = field(default_factory=Answers)
    original: Original | None = None
    carry: bool = False

    @classmethod
    def of(
        cls, file: str, source: libraries.FloatModel, original: Original | None = None
    ) -> "NetworkFile":
        """Raises ModelError if two outputs are one tensor."""
        (window, *size), _ = forms(source.model)
        frame = (size[0], size[1], size[2])
        return cls(file, source.origin, source.model, window, frame, original=original)

    def observed(
        self,
        values: np.ndarray,
        card: ModelCard,
        progress: console.Progress,
        labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "NetworkFile":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C).

        LiteRT says it, many times faster than Keras: whether both say the same is verified later.
        labels: by task, of clips that have some. Raises ConfigError or ModelError if the answers
        do not fit the card.
        """
        file, newest = self._called(card, labels)
        outputs, run = forms(file.model)[1], replace(file, original=None)._reference({})
        answers = answers_of(outputs, run, values, card, progress, labels, newest)
        return replace(file, answers=answers)

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        tasks_of(forms(self._called(card, {})[0].model)[1], card)

    def _called(
        self, card: ModelCard, labels: Mapping[str, np.ndarray]
    ) -> tuple["NetworkFile", dict[str, NewestFrame]]:
        """With outputs that are called as tasks and answer for one frame; and those that had more."""
        source = libraries.FloatModel(ending.with_batches(self.model), self.origin)
        layers = self.original.outputs if self.original else dict.fromkeys(forms(self.model)[1], "")
        names, original = task_names(layers, card, labels), self.original
        if any(name != task for name, task in names.items()):
            source, original = source.renamed(names), original and original.renamed(names)
        newest = newest_frames(features.outputs_of(source.model), self.window, card.tasks)
        if newest:
            source, original = source.at_newest(newest), original and original.at_newest(newest)
        return replace(self, model=source.model, original=original), newest

    @property
    def given(self) -> dict[str, tuple[int, ...]]:
        """The shapes of what is given beside frames, without the batch."""
        return features.given_of(self.model)

    def network(self, behind: str | None, progress: console.Progress) -> TrainedNetwork:
        """Cut it behind a layer, or where it takes the least work, if it can be.

        Raises ModelError if a state is to be carried and there is none.
        """
        activations = self.answers.activations
        counted = self.original.parameters if self.original else None
        cut_parts = self._divided(behind, ending.with_activations(self.model, activations))
        cut_parts.tell(progress)
        return TrainedNetwork(
            name=self.original.name if self.original else Path(self.file).stem,
            origin=self.origin,
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=cut_parts.parts(tuple(self.given), counted),
            reference=self._reference(activations),
            candidates=cut_parts.candidates,
            selected_cut=cut_parts.selected,
            uncut=cut_parts.reason,
            whole=_whole(self.original, activations),
            softmax=self.answers.softmax,
            layers=self.original.layer_values if self.original else None,
            is_carried=cut_parts.is_carried,
        )

    def explanation(self, behind: str | None = None) -> str:
        """Where it can be cut, as a table; the cut behind `behind` marked, or the best."""
        return self._divided(behind, self.model).explanation(self.file, self.window)

    def run(self, values: np.ndarray) -> Mapping[str, np.ndarray]:
        """What it answers to windows (n, T, H, W, C), as it was given."""
        return self._reference({})(values)

    def _reference(self, activations: Mapping[str, str]) -> Callable[[np.ndarray], Any]:
        """What it lacks behind logits is computed by hand."""
        original, part = self.original, describe("model", FLOAT32, self.model, 0)

        def run(values: np.ndarray) -> Mapping[str, np.ndarray]:
            if original:
                return activated(original.run(values), activations)
            first = part.part.inputs[0].name
            return activated(part.over({first: values, **given_beside(values)}), activations)

        return run

    def _divided(self, behind: str | None, model: bytes) -> CutParts:
        layers = self.original.layers if self.original else None
        return divided(model, self.window, layers=layers, behind=behind, carry=self.carry)


def _whole(original: Original | None, activations: Mapping[str, str]) -> Callable[[], Any] | None:
    if original is None:
        return None
    return lambda: original.whole(activations)


def forms(model: bytes) -> tuple[tuple[int, int, int, int], dict[str, Output]]:
    """(T, H, W, C) of the input, T = 1 for an image; and the outputs by name.

    Raises ModelError if two outputs are one tensor.
    """
    graph = flatbuffer.view(model).subgraphs[0]
    *window, height, width, channels = flatbuffer.shape_of(graph.tensors[graph.inputs[0]])[1:]
    return (window[0] if window else 1, height, width, channels), features.outputs_of(model)
