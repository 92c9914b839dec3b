"""A network as its source gives it, and what its tasks file says of its answers."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from keras import Model, layers, tree

from edge.bundle import SINGLE_FRAME, WHOLE_WINDOW, WINDOW_RING
from edge.tasks import KINDS, Task, inferred_kind, kind_of
from edge_common import ConfigError, ModelError, decode
from edge_convert.cut.keras.candidates import CutCandidate, table
from edge_convert.cut.keras.model import named_outputs
from edge_convert.precision.parts import FloatPart


@dataclass(frozen=True)
class Network:
    """What a conversion starts from, whatever format it came in.

    size: (height, width, channels) of a frame.  parts: encoder and head, or one `model`.
    reference: the uncut network, real input (1, T, H, W, C) float32 -> {task: (1, k)}.
    candidates, selected_cut: where it could be cut, and where it is.
    uncut: why there is only one part.
    origin: the format, and what read it.  whole: makes the uncut Keras network
    as TFLite's own converter takes it.
    """

    name: str
    origin: str
    window: int
    size: tuple[int, int, int]
    tasks: tuple[Task, ...]
    parts: tuple[FloatPart, ...]
    reference: Callable[[np.ndarray], Mapping[str, np.ndarray]]
    candidates: tuple[CutCandidate, ...] = ()
    selected_cut: CutCandidate | None = None
    uncut: str = ""
    whole: Callable[[], Any] | None = None

    @property
    def cuts(self) -> str:
        """The table of possible cuts, if there are any."""
        if self.selected_cut is None:
            return ""
        return table(self.candidates, self.selected_cut, self.window)

    @property
    def streaming(self) -> str:
        """The kind of streaming that the parts allow."""
        if len(self.parts) > 1:
            return WINDOW_RING
        return WHOLE_WINDOW if self.window > 1 else SINGLE_FRAME


# what makes probabilities of probabilities
_KEEP_PROBABILITIES = (
    layers.GlobalAveragePooling1D,
    layers.Reshape,
    layers.Flatten,
    layers.Dropout,
)
_ACTIVATIONS = {"softmax": layers.Softmax, "sigmoid": lambda: layers.Activation("sigmoid")}
# arrays of these names stand beside the tasks' own in golden and labelled files
RESERVED_NAMES = frozenset({"clips", "file", "frames"})


@dataclass(frozen=True)
class TaskEntry:
    """One task as the file describes it."""

    kind: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str = ""
    thresholds: tuple[float, ...] = ()
    top_k: int = 0


@dataclass(frozen=True)
class ModelCard:
    """The whole file: the tasks and where the model comes from."""

    tasks: dict[str, TaskEntry] = field(default_factory=dict)
    frame_rate_hz: float = 0.0
    licence: str = ""
    weights_source: str = ""


def read_card(model_path: str | Path, tasks_path: str | Path | None = None) -> ModelCard:
    """Read the file that was given, or the one beside the model, or nothing.

    Raises ConfigError if it is missing though given, or not as it should be.
    """
    path = Path(tasks_path) if tasks_path else Path(model_path).with_suffix(".tasks.json")
    if not path.exists() and not tasks_path:
        return ModelCard()
    try:
        return decode(ModelCard, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is no tasks file ({error}): see 'edge-convert --help'"
        ) from error


@dataclass(frozen=True)
class Output:
    """One output of a network: its shape without the batch, and what it comes out of."""

    shape: tuple[int, ...]
    ending: str


def keras_outputs(model: Model) -> dict[str, Output]:
    """The outputs of a Keras model by task name. Raises ModelError if two are one tensor."""
    outputs = named_outputs(model)
    if len(set(map(id, outputs.values()))) < len(outputs):
        raise ModelError("two of the model's answers are one and the same tensor: leave one out")
    return {name: Output(tuple(t.shape)[1:], _ending(t)) for name, t in outputs.items()}


def tasks_of(outputs: Mapping[str, Output], card: ModelCard) -> tuple[Task, ...]:
    """One Task an output; kinds that the card leaves open are inferred.

    Raises ConfigError if the card and the outputs do not fit, ModelError if an
    output is of a form that no task has.
    """
    for name in card.tasks.keys() - outputs.keys():
        raise ConfigError(f"the tasks file names '{name}', the model answers {', '.join(outputs)}")
    for name, output in outputs.items():
        _refuse_odd(name, output)
    return tuple(_task(name, output, card.tasks.get(name)) for name, output in outputs.items())


def guesses(tasks: Sequence[Task], card: ModelCard) -> Iterator[str]:
    """A line for each task that the card leaves open, with what it was taken for."""
    for task in tasks:
        if task.name not in card.tasks:
            labels = f" of {', '.join(task.labels)}" if task.labels else ""
            yield f"no tasks file tells of '{task.name}': taken as {task.kind}{labels}"


def _refuse_odd(name: str, output: Output) -> None:
    if len(output.shape) != 1:
        raise ModelError(
            f"the answer '{name}' has shape {output.shape}: an answer is one vector "
            "for the window; end it with Flatten or a layer that looks over time"
        )
    if name in RESERVED_NAMES:
        raise ModelError(f"an answer cannot be called '{name}': rename the output")


def _task(name: str, output: Output, entry: TaskEntry | None) -> Task:
    size = int(output.shape[-1])
    entry = entry or TaskEntry(inferred_kind(_activation(output.ending), size))
    if entry.kind not in KINDS:
        raise ConfigError(f"task '{name}' has kind '{entry.kind}'; there are {', '.join(KINDS)}")
    kind = KINDS[entry.kind]
    if kind.fixed_width not in (None, size):
        raise ConfigError(
            f"task '{name}' is {entry.kind}, which is one number; the model gives {size}"
        )
    wanted = kind.label_count(size)
    labels = entry.labels or tuple(str(i) for i in range(wanted))
    if len(labels) != wanted:
        raise ConfigError(f"task '{name}' has {len(labels)} labels, and {wanted} are needed")
    task = Task(name, entry.kind, labels, entry.scale, entry.unit, entry.thresholds, entry.top_k)
    if problem := kind_of(task).problem(size):
        raise ConfigError(problem)
    return task


def with_probabilities(model: Model, tasks: tuple[Task, ...]) -> tuple[Model, list[str]]:
    """The model with a softmax or sigmoid behind answers that end in logits, and their names."""
    outputs, with_activation = named_outputs(model), []
    for task in tasks:
        tensor = outputs[task.name]
        ending = kind_of(task).activation
        if ending in _ACTIVATIONS and ending not in _ending(tensor):
            outputs[task.name] = _ACTIVATIONS[ending]()(tensor)
            with_activation.append(task.name)
    return (
        Model(model.inputs, outputs, name=model.name) if with_activation else model
    ), with_activation


def _ending(tensor: Any) -> str:
    """The name of the activation that a tensor comes out of, seen through means over time."""
    operation = tensor._keras_history.operation
    while isinstance(operation, _KEEP_PROBABILITIES):
        (tensor,) = tree.flatten(operation.input)
        operation = tensor._keras_history.operation
    inner = operation.layer if isinstance(operation, layers.TimeDistributed) else operation
    return getattr(getattr(inner, "activation", None), "__name__", operation.name).lower()


def _activation(ending: str) -> str:
    """The activation that an operation's name stands for."""
    if "softmax" in ending:
        return "softmax"
    return "sigmoid" if "sigmoid" in ending or "logistic" in ending else "linear"
