"""A task, what is predicted for it, and what each kind of task has to say of itself."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edge.tasks.confidence import UnknownRule

# float is undecided if two probabilities are this share of the larger one apart; untrained, always
UNDECIDED = 0.02


@dataclass(frozen=True)
class Task:
    """One question that the network answers.

    kind: a name in `edge.tasks.KINDS`.
    scale: a regression's output times `scale` is the value in `unit`.
    thresholds, top_k: which labels of a multi-label task hold; see there.
    logits: the output needs a softmax to become probabilities, which the runner applies.
    temperature: of a classification's probabilities; 1 leaves them as the network gives them.
    unknown: when a classification answers `unknown`; None: never.
    sensitive: whether it infers what law protects, so that a run answers it only if told to.
    """

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    scale: float = 1.0
    unit: str = ""
    thresholds: tuple[float, ...] = ()
    top_k: int = 0
    logits: bool = False
    temperature: float = 1.0
    unknown: UnknownRule | None = None
    sensitive: bool = False


@dataclass(frozen=True)
class PredictionFields:
    """The fields of a prediction in a JSON line, written and read back; None is left out.

    p: of a label, or of each label by its name.  size: of a vector that is not written.
    """

    label: str | None = None
    labels: tuple[str, ...] | None = None
    p: Any = None
    index: int | None = None
    guess: str | None = None
    value: float | None = None
    unit: str | None = None
    similarity: float | None = None
    vector: Any = None
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one task's output says. Which fields are set depends on the task's kind.

    classification, binary: index, label, p (probability of that label, 0 to 1). Of a window that
    is unlike anything learnt: label `unknown`, guess (the most probable label), p (of the guess).
    class-index: label, index.
    regression: value, in `unit`.  embedding: vector, float32 (d,); with a gallery of people
    also label (a name, or `unknown`) and similarity (cosine to the nearest of them, -1 to 1).
    multi-label: labels (those that hold, the most probable first), probabilities (of all labels).
    Of an output that is not finite none is set.  scores: as it came, float32 (k,); not in the JSON.
    """

    scores: np.ndarray
    label: str | None = None
    p: float | None = None
    index: int | None = None
    value: float | None = None
    unit: str | None = None
    vector: tuple[float, ...] | None = None
    similarity: float | None = None
    labels: tuple[str, ...] | None = None
    probabilities: Mapping[str, float] | None = None
    guess: str | None = None

    def to_json(self, vectors: bool = False) -> dict[str, Any]:
        """The fields of a task in a JSON line; those that are not set are left out.

        vectors: with an embedding's, which tells people apart wherever it is kept; else only how
        many numbers it has, if it is not named.
        """
        vector = _rounded_all(self.vector)
        fields = PredictionFields(
            label=self.label,
            labels=self.labels,
            p=_rounded(self.p) if self.probabilities is None else self._rounded_probabilities,
            index=self.index,
            guess=self.guess,
            value=_rounded(self.value),
            unit=self.unit,
            similarity=_rounded(self.similarity),
            vector=vector if vectors else None,
            size=len(vector) if vector and not vectors and self.label is None else None,
        )
        return fields.to_json()

    @property
    def share(self) -> float | None:
        """How sure a label is: its probability, or its similarity if it is a person's name."""
        probability = self.p if self.guess is None else None  # that of the guess is not the label's
        return probability if self.similarity is None else self.similarity

    @property
    def _rounded_probabilities(self) -> dict[str, float]:
        rounded = {label: _rounded(p) for label, p in (self.probabilities or {}).items()}
        return {label: p for label, p in rounded.items() if p is not None}

    def __str__(self) -> str:
        if self.label is not None:
            return self.label if self.share is None else f"{self.label} {self.share:.2f}"
        if self.labels is not None and self.probabilities is not None:
            return ", ".join(f"{x} {self.probabilities[x]:.2f}" for x in self.labels) or "none"
        if self.value is not None:
            return f"{self.value:.1f} {self.unit or ''}".rstrip()
        return "no answer" if self.vector is None else f"{len(self.vector)} numbers"


def _rounded(value: float | None) -> float | None:
    """Four places; JSON knows neither NaN nor infinity: these are left out."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _rounded_all(vector: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Six places: those of length one have small numbers. None if one is not finite."""
    if vector is None or not all(map(math.isfinite, vector)):
        return None
    return tuple(round(value, 6) for value in vector)


@dataclass(frozen=True)
class Metric:
    """What the predictions of a task are measured by.

    is_share: a share of right predictions, the higher the better; else an error in the
    task's unit, the lower the better.
    """

    name: str
    is_share: bool


ACCURACY = Metric("accuracy", is_share=True)
MEAN_ABSOLUTE_ERROR = Metric("mean_absolute_error", is_share=False)

Label = float | tuple[float, ...]  # of one clip, as training takes it
Decided = str | float | frozenset[str]  # what one prediction comes down to, in words


class TaskKind(ABC):
    """All that is particular to one kind of task; an instance speaks of one task.

    name: as manifests, tasks files and training files have it.
    schema: the first version of the manifest that knows this kind.
    activation: of the last layer: "softmax", "sigmoid" or "linear" for none.
    fixed_width: numbers in every output of this kind; None if that depends.
    options: which fields of a Task say something of this kind.
    metric: None if predictions are neither right nor wrong.
    has_classes: whether a prediction is exactly one of several labels, each by a number.
    is_descriptor: whether an output describes who is seen, so that people can be told apart.
    in_tables: whether a training file's table can hold labels of this kind.
    loss, training_metric: Keras' names.  training_dtype: of the labels that Keras takes.
    label_dtype: of labels in data sets.
    """

    name: ClassVar[str]
    schema: ClassVar[int] = 1
    activation: ClassVar[str] = "linear"
    fixed_width: ClassVar[int | None] = None
    options: ClassVar[tuple[str, ...]] = ("labels",)
    metric: ClassVar[Metric | None] = ACCURACY
    has_classes: ClassVar[bool] = False
    is_descriptor: ClassVar[bool] = False
    in_tables: ClassVar[bool] = False
    loss: ClassVar[str] = ""
    training_metric: ClassVar[str] = "accuracy"
    training_dtype: ClassVar[str] = "int64"
    label_dtype: ClassVar[str] = "int64"

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def width(self) -> int:
        """Numbers in the output."""
        return self.fixed_width or len(self.task.labels)

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Of one clip's label."""
        return ()

    @classmethod
    def label_count(cls, width: int) -> int:
        """How many labels belong to an output of `width` numbers."""
        return width

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Whether an output that nobody describes is taken for this kind."""
        return activation == cls.activation and width == (cls.fixed_width or width)

    def problem(self, width: int) -> str:
        """What is wrong with the task for an output of `width` numbers; empty if nothing is."""
        for option in ("thresholds", "top_k", "temperature", "unknown"):
            is_set = getattr(self.task, option) != getattr(Task, option)
            if is_set and option not in self.options:
                return f"task '{self.task.name}' is {self.name}, which has no {option}"
        return "" if self.fits(width) else f"{width} values for '{self.task.name}'"

    def fits(self, width: int) -> bool:
        """Whether an output of `width` numbers belongs to this task."""
        return width == self.width

    @abstractmethod
    def predict(self, scores: np.ndarray) -> Prediction:
        """Read one output, float32 (k,)."""

    @abstractmethod
    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """What outputs (n, k) come down to, in the form of labels: (n,) or (n, labels)."""

    @abstractmethod
    def similarity(self, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
        """How far two networks' outputs (n, k) mean the same, row by row: (n,), mostly 0 to 1."""

    def figures(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One number for each of n predictions, float64 (n,), whose mean is the metric."""
        equal = self.decide(outputs) == labels
        return np.asarray(equal.reshape(len(labels), -1).all(axis=1), np.float64)

    def margin(self, outputs: np.ndarray) -> np.ndarray | None:
        """How clearly each output (n, k) is decided, (n,), 0 to 1; None if nothing is."""
        return None

    def lead(self, outputs: np.ndarray, decisions: np.ndarray) -> np.ndarray | None:
        """By how much, in log-odds, outputs (n, k) speak for decisions: (n,); None: nobody knows."""
        return None

    def codes(self, outputs: np.ndarray) -> list[int]:
        """What each output (n, k) is decided for, as one number."""
        return [int(code) for code in self.decide(outputs)]

    def label_problem(self, labels: np.ndarray) -> str:
        """Why labels of n clips could never be right, after the task's name; empty if they can."""
        if labels.ndim != 1 or labels.dtype.kind not in "iuf":
            return (
                f"is {labels.dtype} of shape {labels.shape}; "
                "one number a clip is needed (for a class its index)"
            )
        if not np.isfinite(labels).all():
            return "has NaN or infinity as a label: leave those clips out"
        count = len(self.task.labels)
        if count and not np.isin(labels, np.arange(count)).all():
            return (
                f"has labels from {labels.min()} to {labels.max()}; "
                f"the bundle knows the classes 0 to {count - 1}"
            )
        return ""

    @classmethod
    def cell_problem(cls, cell: str, labels: tuple[str, ...] = ()) -> str:
        """Why a table's cell is none of these labels, or of any if there are none; empty if it is."""
        if cell and labels and cell not in labels:
            return f"is {cell}, which is none of {', '.join(labels)}"
        return "" if cell else "is empty"

    @classmethod
    def from_cells(cls, name: str, cells: tuple[str, ...], labels: tuple[str, ...] = ()) -> Task:
        """The task that a table's column asks for. Raises ValueError if there is none to learn.

        labels: those that there are; empty: those that the cells hold.
        """
        raise ValueError(f"{name} cannot be {cls.name}: no table holds such labels")

    def parse(self, cell: str) -> Label:
        """A table's cell as a label."""
        return float(self.task.labels.index(cell))

    def classes(self, label: Label) -> frozenset[int]:
        """The numbers of the task's labels that a clip with this label shows."""
        return frozenset()

    @classmethod
    def from_json(cls, fields: PredictionFields) -> Decided | None:
        """What a task's fields in a JSON line come down to; None if they are of another kind."""
        return None
