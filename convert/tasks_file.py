"""What a model's file does not say of its answers: kinds, labels, units.

They stand in `MODEL.tasks.json` beside the model (edge-train writes it), or are
read off the last layer's activation.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
from keras import layers

from convert.keras_model import named_outputs
from edge.errors import ConfigError, ModelError
from edge.manifest import TASK_KINDS, Task
from edge.typed_json import decode

# arrays of these names stand beside the tasks' own in golden and labelled files
RESERVED_NAMES = frozenset({"clips", "file", "frames"})


@dataclass(frozen=True)
class TaskEntry:
    """One task as the file describes it."""

    kind: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str = ""


@dataclass(frozen=True)
class ModelCard:
    """The whole file: the tasks and where the model comes from."""

    tasks: dict[str, TaskEntry] = field(default_factory=dict)
    frame_rate_hz: float = 0.0
    licence: str = ""
    weights_source: str = ""


def read_card(model_path: str | Path, given: str | Path | None = None) -> ModelCard:
    """Read the file that was given, or the one beside the model, or nothing.

    Raises ConfigError where it is missing though given, or not as it should be.
    """
    path = Path(given) if given else Path(model_path).with_suffix(".tasks.json")
    if not path.exists() and not given:
        return ModelCard()
    try:
        return decode(ModelCard, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is no tasks file ({error}): see 'edge-convert --help'"
        ) from error


def tasks_of(model: keras.Model, card: ModelCard) -> tuple[Task, ...]:
    """One Task an output of the model; kinds that the card leaves open are inferred.

    Raises ConfigError where the card and the model's outputs do not fit, ModelError
    where an output is of a form that no task has.
    """
    outputs = named_outputs(model)
    for name in card.tasks.keys() - outputs.keys():
        raise ConfigError(f"the tasks file names '{name}', the model answers {', '.join(outputs)}")
    _refuse_odd_outputs(outputs)
    return tuple(_task(name, tensor, card.tasks.get(name)) for name, tensor in outputs.items())


def _refuse_odd_outputs(outputs: dict[str, Any]) -> None:
    if len(set(map(id, outputs.values()))) < len(outputs):
        raise ModelError("two of the model's answers are one and the same tensor: leave one out")
    for name, tensor in outputs.items():
        if len(tensor.shape) != 2:
            raise ModelError(
                f"the answer '{name}' has shape {tuple(tensor.shape)[1:]}: an answer is one vector "
                "for the window; end it with Flatten or a layer that looks over time"
            )
        if name in RESERVED_NAMES:
            raise ModelError(f"an answer cannot be called '{name}': rename the output")


def _task(name: str, tensor: Any, entry: TaskEntry | None) -> Task:
    size = int(tensor.shape[-1])
    entry = entry or TaskEntry(_inferred_kind(tensor, size))
    if entry.kind not in TASK_KINDS:
        raise ConfigError(
            f"task '{name}' has kind '{entry.kind}'; there are {', '.join(TASK_KINDS)}"
        )
    if entry.kind in ("binary", "regression") and size != 1:
        raise ConfigError(
            f"task '{name}' is {entry.kind}, which is one number; the model gives {size}"
        )
    wanted = {"classification": size, "binary": 2}.get(entry.kind, 0)
    labels = entry.labels or tuple(str(i) for i in range(wanted))
    if len(labels) != wanted:
        raise ConfigError(f"task '{name}' has {len(labels)} labels where {wanted} are needed")
    return Task(name, entry.kind, labels, entry.scale, entry.unit)


def with_probabilities(
    model: keras.Model, tasks: tuple[Task, ...]
) -> tuple[keras.Model, list[str]]:
    """The model with a softmax or sigmoid behind answers that end in logits, and their names."""
    outputs, mended = named_outputs(model), []
    endings = {"classification": layers.Softmax, "binary": lambda: layers.Activation("sigmoid")}
    for task in tasks:
        tensor = outputs[task.name]
        wanted = {"classification": "softmax", "binary": "sigmoid"}.get(task.kind)
        if wanted and wanted not in _ending(tensor):
            outputs[task.name] = endings[task.kind]()(tensor)
            mended.append(task.name)
    return (keras.Model(model.inputs, outputs, name=model.name) if mended else model), mended


def _ending(tensor: Any) -> str:
    """The name of the activation that a tensor comes out of."""
    operation = tensor._keras_history.operation
    return getattr(getattr(operation, "activation", None), "__name__", operation.name).lower()


def _inferred_kind(tensor: Any, size: int) -> str:
    ending = _ending(tensor)
    if "softmax" in ending:
        return "classification"
    if "sigmoid" in ending and size == 1:
        return "binary"
    return "regression" if size == 1 else "embedding"
