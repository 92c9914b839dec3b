"""A Keras file: read, then cut by dataflow, or left whole if it cannot be cut."""

import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import h5py
import keras
import numpy as np

from edge_common import ModelError, console
from edge_convert.cut.keras.candidates import CutCandidate, candidates, choose, table
from edge_convert.cut.keras.ending import with_activations
from edge_convert.cut.keras.model import (
    functional,
    graph,
    in_single_precision,
    input_form,
    named_outputs,
    refuse_broken_weights,
)
from edge_convert.cut.keras.split import split, whole_window
from edge_convert.inputs import InputRequest
from edge_convert.network import (
    Answers,
    LayerValues,
    ModelCard,
    TrainedNetwork,
    answers_of,
    keras_outputs,
    task_names,
    tasks_of,
)
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import FloatPart
from edge_convert.probabilities import activated
from edge_convert.sources import keras_2
from edge_convert.sources.keras_parts import with_open_sizes


@dataclass(frozen=True)
class KerasFile:
    """A Keras model as its file gives it, and what its answers are.

    size: (height, width, channels).
    """

    model: keras.Model
    window: int
    size: tuple[int, int, int]
    answers: Answers = field(default_factory=Answers)

    @classmethod
    def of(
        cls, file: str, model: keras.Model, request: InputRequest = InputRequest()
    ) -> "KerasFile":
        """Raises ModelError if it has an odd form."""
        model = with_open_sizes(file, model, request)
        window, *size = input_form(model)
        return cls(model, window, (size[0], size[1], size[2]))

    def observed(
        self,
        values: np.ndarray,
        card: ModelCard,
        progress: console.Progress,
        labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "KerasFile":
        """Decide what the answers are, by what they say of real input (n, T, H, W, C)."""
        model = _renamed(self.model, card, labels)
        outputs, run = keras_outputs(model), _reference(model)
        answers = answers_of(outputs, run, values, card, progress, labels)
        return replace(self, model=model, answers=answers)

    def network(
        self, behind: str | None, jobs: ConversionJobs, progress: console.Progress
    ) -> TrainedNetwork:
        """Cut, and convert to float32. Raises ModelError if TFLite refuses a part."""
        model = with_activations(self.model, self.answers.activations)
        parts = _divide(model, self.window, behind)
        if parts.reason:
            progress.say(f"one part, no streaming: {parts.reason}")
        return TrainedNetwork(
            name=self.model.name,
            origin=f"Keras {keras.__version__}",
            window=self.window,
            size=self.size,
            tasks=self.answers.tasks,
            parts=_converted(parts.models, jobs, progress),
            reference=_reference(self.model, self.answers.activations),
            candidates=parts.candidates,
            selected_cut=parts.selected_cut,
            uncut=parts.reason,
            whole=lambda: whole_window(model, fold=False),
            softmax=self.answers.softmax,
            layers=parts.layers,
        )

    def check_answers(self, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if no task, or not the card's, can be made of them."""
        tasks_of(keras_outputs(_renamed(self.model, card, {})), card)

    def explanation(self, behind: str | None = None) -> str:
        """Where it can be cut, as a table; the cut behind `behind` marked, or the best."""
        parts = _divide(self.model, self.window, behind)
        if parts.selected_cut is None:
            return f"{self.model.name} becomes one part: {parts.reason}"
        return table(parts.candidates, parts.selected_cut, self.window)

    def run(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """What it answers to one window (1, T, H, W, C)."""
        return _reference(self.model)(values)


def _renamed(model: keras.Model, card: ModelCard, labels: Mapping[str, np.ndarray]) -> keras.Model:
    outputs = named_outputs(model)
    layers = {name: type(t._keras_history.operation).__name__ for name, t in outputs.items()}
    names = task_names(layers, card, labels)
    if all(name == task for name, task in names.items()):
        return model
    tensors = {names[name]: tensor for name, tensor in outputs.items()}
    return keras.Model(model.inputs, tensors, name=model.name)


def load_model(path: str | Path) -> keras.Model:
    """Read a `.keras` or `.h5` file.

    Raises ModelError if the file is missing, no Keras model, or needs custom code.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no model {path}: give a .keras file")
    try:
        model = keras.models.load_model(path, compile=False)
    except (AttributeError, ValueError, TypeError, OSError, KeyError) as error:
        content = keras_2.header(path)
        if content.is_keras_2:
            raise ModelError(
                f"{path} was made by Keras {content.version}, whose layers Keras 3 does not all know: "
                f"{keras_2.WAY_OUT}"
            ) from error
        reason = _why(path, str(error), content)
        raise ModelError(f"{path} does not load as a Keras model: {reason}") from error
    refuse_broken_weights({weight.path: weight for weight in model.weights})
    return in_single_precision(functional(model))


def _why(path: Path, reason: str, content: keras_2.Header) -> str:
    """What stands in the way of loading, and what to do."""
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        return "it is cut short or was written by something else: copy or save it again"
    if not content.config and path.suffix in (".h5", ".hdf5") and h5py.is_hdf5(path):
        return (
            "it holds weights without their network: name the function that builds that with "
            "--custom my.py:make_model"
        )
    if unknown := re.search(r"Could not locate class '(\w+)'", reason):
        return (
            f"it holds a layer '{unknown[1]}' of your own, which only your code knows: name that with "
            "--custom my_layers.py, or write it as layers of Keras"
        )
    if content.lambdas and re.search(r"\bLambda\b", reason):
        return (
            f"it holds {keras_2.lambda_advice(content.lambdas)} unless you say --custom - (or "
            "--custom my_layers.py); or write it with keras.ops or as layers"
        )
    return f"{(reason.strip() or 'no reason').splitlines()[0][:300]}; save it with model.save('x.keras')"


@dataclass(frozen=True)
class _KerasParts:
    """Keras models of the parts by role, the possible cuts, or why there is only one part."""

    models: Mapping[str, keras.Model]
    candidates: tuple[CutCandidate, ...] = ()
    selected_cut: CutCandidate | None = None
    reason: str = ""

    def layers(self, role: str, inputs: Mapping[str, np.ndarray]) -> Iterator[LayerValues]:
        """What each layer of a part gives, in order."""
        model = self.models[role]
        calls = graph(model).calls
        tensors = {str(i): call.outputs[0].tensor for i, call in enumerate(calls)}
        values = dict(inputs) if isinstance(model.input, dict) else next(iter(inputs.values()))
        outputs = keras.Model(model.input, tensors)(values, training=False)
        for i, call in enumerate(calls):
            kind = type(call.operation).__name__
            yield LayerValues(call.operation.name, kind, np.asarray(outputs[str(i)]))


def _divide(model: keras.Model, window: int, behind: str | None) -> _KerasParts:
    if window == 1:
        return _whole(model, "it looks at a single frame, so there is nothing to keep")
    try:
        cuts = candidates(model)
    except ModelError as error:
        return _whole(model, str(error))
    selected = choose(cuts, behind)
    if behind is None and _saves_nothing(model, selected):
        return _whole(
            model,
            f"what each frame passes alone, up to '{selected.behind}', costs nothing; "
            "all the work is done on the whole window",
        )
    halves = split(model, selected.keep)
    return _KerasParts({"encoder": halves.encoder, "head": halves.head}, tuple(cuts), selected)


def _saves_nothing(model: keras.Model, candidate: CutCandidate) -> bool:
    """Neither work nor memory: the features are as large as the frames."""
    window_values = math.prod(model.inputs[0].shape[1:])
    return not candidate.encoder_multiply_adds and candidate.ring_values >= window_values


def _whole(model: keras.Model, reason: str) -> _KerasParts:
    return _KerasParts({"model": whole_window(model)}, reason=reason)


def _converted(
    models: Mapping[str, keras.Model], jobs: ConversionJobs, progress: console.Progress
) -> tuple[FloatPart, ...]:
    progress.say(f"converting {' and '.join(models)} to TFLite")
    conversions = {role: jobs.to_float(role, model) for role, model in models.items()}
    return tuple(
        FloatPart(role, conversion.result(), models[role].count_params())
        for role, conversion in conversions.items()
    )


def _reference(
    model: keras.Model, activations: Mapping[str, str] = MappingProxyType({})
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The network as it was given; what it lacks behind logits is computed by hand."""
    by_task = keras.Model(model.inputs, named_outputs(model))
    shape = model.inputs[0].shape[1:]

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        outputs = by_task([values.reshape(len(values), *shape)], training=False)
        return activated({task: np.asarray(v) for task, v in outputs.items()}, activations)

    return run
