"""What each kind of task has to say of itself."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edge.tasks.prediction import (
    Area,
    PictureBox,
    PointForm,
    Prediction,
    PredictionFields,
    Task,
)

__all__ = [
    "ACCURACY",
    "BOX_ERROR",
    "MEAN_ABSOLUTE_ERROR",
    "MEAN_DISTANCE",
    "PIXEL_ERROR",
    "UNDECIDED",
    "Area",
    "Axes",
    "Decided",
    "Label",
    "Metric",
    "PictureBox",
    "PointForm",
    "Prediction",
    "PredictionFields",
    "Task",
    "TaskKind",
]

Axes = tuple[int, ...]  # of an output, without the batch and axes of one
# float is undecided if two probabilities are this share of the larger one apart; untrained, always
UNDECIDED = 0.02


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
MEAN_DISTANCE = Metric("mean_distance", is_share=False)  # in the network's coordinates
PIXEL_ERROR = Metric("pixel_error", is_share=False)  # the share of pixels that are wrong
BOX_ERROR = Metric("box_error", is_share=False)  # 1 less intersection over union

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
    is_placed: whether a prediction stands somewhere in the picture, and is no label or number.
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
    is_placed: ClassVar[bool] = False
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
    def label_count(cls, axes: Axes, stated: int = 0) -> int:
        """How many labels belong to an output; `stated`: how many somebody names."""
        return math.prod(axes)

    @classmethod
    def takes(cls, axes: Axes) -> bool:
        """Whether an output of these axes is one answer: a vector, unless a kind says more."""
        return len(axes) == 1

    @classmethod
    def form(cls, axes: Axes) -> dict[str, Any]:
        """What an output's axes say of the fields of a task."""
        return {}

    @property
    def ending(self) -> str:
        """The activation that the output needs; as `activation`."""
        return self.activation

    @property
    def of_one_answer(self) -> int:
        """Numbers that are about one thing, such as a pixel; 0: all."""
        return 0

    @classmethod
    def is_meant_by(cls, activation: str, width: int) -> bool:
        """Whether an output that nobody describes is taken for this kind."""
        return activation == cls.activation and width == (cls.fixed_width or width)

    def problem(self, width: int) -> str:
        """What is wrong with the task for an output of `width` numbers; empty if nothing is."""
        for option in ("thresholds", "top_k", "temperature", "unknown", "points", "grid"):
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

    def placed(self, prediction: Prediction, box: PictureBox, size: tuple[int, int]) -> Prediction:
        """With x and y in pixels of the frame.

        box: where the network's whole input stands in it.  size: width and height of that input.
        """
        return prediction

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


class OfMaps:
    """What a kind reads off the axes of maps, (h, w) or (h, w, n); it stands before the kind's base."""

    @classmethod
    def label_count(cls, axes: Axes, stated: int = 0) -> int:
        return axes[2] if len(axes) == 3 else 1

    @classmethod
    def takes(cls, axes: Axes) -> bool:
        return len(axes) in (2, 3)

    @classmethod
    def form(cls, axes: Axes) -> dict[str, Any]:
        return {"grid": axes[:2]}
