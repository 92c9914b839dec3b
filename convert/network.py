"""A network as its source gives it, and what its tasks file says of its answers."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from edge.bundle import CARRIED_RING, SINGLE_FRAME, WHOLE_WINDOW, WINDOW_RING, TensorSpec
from edge.tasks import KINDS, PointForm, Task, UnknownRule, inferred_kind, kind_of
from edge_common import ConfigError, ModelError, console, decode
from edge_convert.cut.tflite.candidates import CutCandidate, table
from edge_convert.frame_outputs import NewestFrame, labels_of_newest
from edge_convert.precision.parts import FloatPart, refuse_not_finite
from edge_convert.probabilities import Output, decisions


@dataclass(frozen=True)
class LayerValues:
    """What a layer, of a class, gives for one input."""

    name: str
    kind: str
    values: np.ndarray


@dataclass(frozen=True)
class TrainedNetwork:
    """What a conversion starts from, whatever format it came in.

    size: (height, width, channels) of a frame.  parts: encoder and head, or one `model`.  reference: the
    uncut network, real input (n, T, H, W, C) float32 -> {task: (n, k)}.  candidates, selected_cut: where it
    could be cut, and where it is.  uncut: why there is only one part.  is_carried: whether the encoder
    remembers more than the window.  origin: the format, and what read it.  whole: makes the uncut Keras
    network as TFLite's own converter takes it.  softmax: tasks whose answers come out of one.  layers: of a
    Keras model, what each layer gives for real input (1, T, H, W, C), in order.
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
    softmax: frozenset[str] = frozenset()
    layers: Callable[[np.ndarray], Iterator[LayerValues]] | None = None
    is_carried: bool = False

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
            return CARRIED_RING if self.is_carried else WINDOW_RING
        return WHOLE_WINDOW if self.window > 1 else SINGLE_FRAME


# arrays of these names stand beside the tasks' own in golden and labelled files
RESERVED_NAMES = frozenset({"clips", "file", "frames"})


@dataclass(frozen=True)
class TaskEntry:
    """One task as the file describes it.

    per_frame: whether the output answers for each frame of the window; None: its shape says it.
    """

    kind: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str = ""
    thresholds: tuple[float, ...] = ()
    top_k: int = 0
    temperature: float = 1.0
    unknown: UnknownRule | None = None
    sensitive: bool = False
    points: PointForm | None = None
    per_frame: bool | None = None

    def task(self, name: str, labels: tuple[str, ...], axes: tuple[int, ...]) -> Task:
        """As a bundle has it.  axes: of its output."""
        fields = {key: value for key, value in vars(self).items() if key != "per_frame"}
        return Task(name, **{**fields, "labels": labels, **KINDS[self.kind].form(axes)})


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
class Answers:
    """What the outputs of a network are.

    activations: {task: `softmax` or `sigmoid`} of those that end in logits.
    softmax: tasks whose answers come out of one, there or then.
    """

    tasks: tuple[Task, ...] = ()
    activations: Mapping[str, str] = field(default_factory=dict)
    softmax: frozenset[str] = frozenset()


def task_names(
    outputs: Mapping[str, str], card: ModelCard, labels: Mapping[str, np.ndarray]
) -> dict[str, str]:
    """What each output, {name: class of the layer that gives it}, is called as a task.

    The only output has the name of the only task that card or labels tell of; one that is called
    after the class of its layer, as Keras does if nobody names it, is `answer`.
    """
    if len(outputs) != 1:
        return {name: name for name in outputs}
    ((name, layer),) = outputs.items()
    if name in card.tasks or name in labels:
        return {name: name}
    for names in (card.tasks, labels):
        if len(names) == 1:
            return {name: next(iter(names))}
    after_class = re.sub(r"_\d+$", "", name).replace("_", "") == layer.lower()
    return {name: ANSWER if after_class else name}


ANSWER = "answer"


def with_kinds_of(
    labels: Mapping[str, np.ndarray], card: ModelCard, outputs: Mapping[str, Output]
) -> ModelCard:
    """The card with the kind of each task that only labelled clips tell of."""
    kinds = {
        name: kind
        for name, output in outputs.items()
        if name in labels and name not in card.tasks
        if (kind := _kind_by_labels(labels[name], output))
    }
    return replace(card, tasks={**card.tasks, **{n: TaskEntry(k) for n, k in kinds.items()}})


def _kind_by_labels(labels: np.ndarray, output: Output) -> str:
    """Empty if they are no labels of a kind that fits."""
    width = output.width
    whole = labels.dtype.kind in "iub" and not (labels < 0).any()
    if labels.shape[1:] == (width,) and width > 1 and np.isin(labels, (0, 1)).all():
        return "multi-label"
    if labels.ndim == 1 and width > 1 and whole and labels.max() < width:
        return "classification"
    return ""


def answers_of(
    outputs: Mapping[str, Output],
    run: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    values: np.ndarray,
    card: ModelCard,
    progress: console.Progress,
    labels: Mapping[str, np.ndarray] = MappingProxyType({}),
    newest: Mapping[str, NewestFrame] = MappingProxyType({}),
) -> Answers:
    """Decide what the outputs are and which lack an activation, and say it.

    run: the network as it is, over one clip at a time.  values: its real input for some clips,
    (n, T, H, W, C).  labels: of labelled clips, by task.  newest: outputs that answered for each frame
    and are the newest one's now.
    Raises ConfigError or ModelError if they do not fit the card, or give NaN or infinity.
    """
    rows = [run(values[i : i + 1]) for i in range(len(values))]
    observed = {name: _with_values(name, output, rows) for name, output in outputs.items()}
    for name, share in newest.items():
        progress.say(share.line(name))
    known_card = with_kinds_of(labels_of_newest(labels, newest), card, observed)
    tasks = tasks_of(observed, known_card)
    for guess in guesses(tasks, card):
        progress.say(guess)
    decided = decisions(tasks, observed)
    for decision in decided:
        progress.say(decision.line)
    missing = {d.task: d.activation for d in decided if d.activation}
    endings = {name: missing.get(name, output.ending) for name, output in observed.items()}
    return Answers(tasks, missing, frozenset(n for n, end in endings.items() if end == "softmax"))


def _with_values(name: str, output: Output, rows: Sequence[Mapping[str, np.ndarray]]) -> Output:
    values = np.stack([np.ravel(row[name]) for row in rows])
    refuse_not_finite(f"task '{name}'", values)
    return replace(output, values=values)


def tasks_of(outputs: Mapping[str, Output], card: ModelCard) -> tuple[Task, ...]:
    """One Task an output; kinds that the card leaves open are inferred.

    Raises ConfigError if the card and the outputs do not fit, ModelError if an
    output is of a form that no task has.
    """
    for name in card.tasks.keys() - outputs.keys():
        raise ConfigError(f"the tasks file names '{name}', the model answers {', '.join(outputs)}")
    return tuple(_task(name, output, card.tasks.get(name)) for name, output in outputs.items())


def with_rules_that_hold(
    tasks: Sequence[Task], outputs: Sequence[TensorSpec], progress: console.Progress
) -> tuple[Task, ...]:
    """The tasks without rules for `unknown` that the integers of their outputs hide; says which.

    An energy is of small probabilities, which are 0 in integers.
    """
    integers = {tensor.name for tensor in outputs if tensor.quantised}
    hidden = [t for t in tasks if t.unknown and t.unknown.by == "energy" and t.name in integers]
    for task in hidden:
        progress.say(
            f"warning: '{task.name}' never answers unknown: its output is integers, in which small "
            "probabilities are 0; a float network keeps them with --head-precision dynamic_range "
            "(of one part, --encoder-precision)"
        )
    return tuple(replace(t, unknown=None) if t in hidden else t for t in tasks)


def guesses(tasks: Sequence[Task], card: ModelCard) -> Iterator[str]:
    """A line for each task that the card leaves open, with what it was taken for."""
    for task in tasks:
        if task.name not in card.tasks:
            labels = f" of {', '.join(task.labels)}" if task.labels else ""
            vague = (
                "; numbers without an activation may be logits or values, too, and precision keeps "
                "them as any of these: say which in MODEL.tasks.json"
            )
            more = vague if task.kind == "embedding" else ""
            yield f"no tasks file tells of '{task.name}': taken as {task.kind}{labels}{more}"


def _refuse_odd(name: str, output: Output, entry: TaskEntry | None) -> None:
    if name in RESERVED_NAMES:
        raise ModelError(f"an answer cannot be called '{name}': rename the output")
    kind = KINDS[entry.kind] if entry else None
    if kind.takes(output.axes) if kind else len(output.axes) == 1:
        return
    stated = f"is {entry.kind}, but has" if entry else "has"
    raise ModelError(
        f"the answer '{name}' {stated} shape {output.shape}: say in MODEL.tasks.json what it is, "
        '"per_frame": true for an answer to each frame, or a kind: keypoints (n, 2 or 3), box (n, 4 or '
        "5), heat-map or map (h, w[, n]); or end it with Flatten or a layer that looks over time"
    )


def _task(name: str, output: Output, entry: TaskEntry | None) -> Task:
    if entry and entry.kind not in KINDS:
        raise ConfigError(f"task '{name}' has kind '{entry.kind}'; there are {', '.join(KINDS)}")
    _refuse_odd(name, output, entry)
    size, axes = output.width, output.axes
    entry = entry or TaskEntry(inferred_kind(output.activation, size))
    kind = KINDS[entry.kind]
    if kind.fixed_width not in (None, size):
        raise ConfigError(
            f"task '{name}' is {entry.kind}, which is one number; the model gives {size}"
        )
    wanted = kind.label_count(axes, len(entry.labels))
    labels = entry.labels or tuple(str(i) for i in range(wanted))
    if len(labels) != wanted:
        raise ConfigError(f"task '{name}' has {len(labels)} labels, and {wanted} are needed")
    task = entry.task(name, labels, axes)
    if problem := kind_of(task).problem(size):
        raise ConfigError(problem)
    return task
