"""Two files as one network: what makes the features of a frame, and what looks at T of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from edge.stream import given_beside, with_given
from edge.tflite import flatbuffer
from edge_common import console
from edge_convert import encoder_output, inputs
from edge_convert.cut.cut_parts import CutParts, divided
from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.ending import with_activations
from edge_convert.network import Answers, ModelCard, TrainedNetwork, answers_of, tasks_of
from edge_convert.probabilities import activated
from edge_convert.sources.features import called, given_of, input_shape, outputs_of, runner
from edge_convert.sources.libraries import FloatModel
from edge_convert.sources.reference import Run


@dataclass(frozen=True)
class EncoderAndHead:
    """Two files, of which the second looks at T results of the first.

    encoder: `frame` (1, H, W, C) -> `features` (1, ...).  head: `features` (1, T, ...) -> outputs.
    carry: whether states of the head go into the encoder, which then may remember more than the window.
    """

    files: tuple[str, str]
    encoder: FloatModel
    head: FloatModel
    feature: str
    answers: Answers = field(default_factory=Answers)
    carry: bool = False

    @classmethod
    def of(
        cls, files: tuple[str, str], encoder: FloatModel, head: FloatModel, feature: str = ""
    ) -> "EncoderAndHead":
        """feature: the output of the encoder that the head takes; "": the only one that fits.

        Raises ModelError that names both shapes if they do not fit.
        """
        shape = input_shape(head.model)[2:]
        chosen = encoder_output.fitting(files, encoder.model, shape, feature)
        model = replace(encoder, model=encoder_output.alone(encoder.model, chosen, shape))
        return cls(files, model, head, chosen)

    @property
    def window(self) -> int:
        return input_shape(self.head.model)[1]

    @property
    def size(self) -> tuple[int, int, int]:
        _, height, width, channels = input_shape(self.encoder.model)
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
        encode, decide, shape = runner(self.encoder), runner(self.head), self._feature_shape
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
        return input_shape(self.head.model)[2:]

    def network(self, behind: str | None, progress: console.Progress) -> TrainedNetwork:
        """Cut as its files are, but for states that are carried."""
        run, activations = self._run(), self.answers.activations
        cut_parts = self._divided(with_activations(self.head.model, activations))
        progress.say(self._told(cut_parts))
        return TrainedNetwork(
            name=Path(self.files[1]).stem,
            origin=f"{self.files[0]} ({self.encoder.origin}) and {self.files[1]} ({self.head.origin})",
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=cut_parts.parts(tuple(self.given)),
            reference=lambda values: activated(run(values), activations),
            softmax=self.answers.softmax,
            is_carried=cut_parts.is_carried,
        )

    def _divided(self, head: bytes) -> CutParts:
        if self.carry:
            return divided(head, self.window, carry=True).behind(self.encoder.model)
        return CutParts(head, divided={inputs.ENCODER: self.encoder.model, inputs.HEAD: head})

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        tasks_of(outputs_of(called(self.head, self.window, card, {})[0].model), card)

    def explanation(self, behind: str | None = None) -> str:
        """What goes from the one to the other, and the work on both sides."""
        return self._told(self._divided(self.head.model))

    def _told(self, cut_parts: CutParts) -> str:
        encoder, head = (
            flatbuffer.cost(model).multiply_adds / 1e6 for model in cut_parts.models.values()
        )
        shape = ", ".join(map(str, self._feature_shape))
        looks = (
            f"{self.files[1]} looks at {self.window} times '{self.feature}' ({shape}) of "
            f"{self.files[0]}: encoder {encoder:.2f}, head {head:.2f} million multiply-adds"
        )
        return "\n".join([looks, *cut_parts.of_states])
