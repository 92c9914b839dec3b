"""The answers to each task, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from edge.tasks import Classification, Regression, Task, kind_of
from edge_common.statistics import wilson_interval
from edge_models.evaluation.intervals import mean_interval, share_interval

RANGES = 6  # of the truth, at most, that an error is told apart by
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # a range's width, times a power of ten


class Result(Protocol):
    """Answers to one task beside the truth, (N,) or (N, labels) each.

    Attributes:
        kind: of the task.
        sources: int64 (N,), equal for clips of one file; None: all are of different ones.
    """

    kind: ClassVar[str]

    @property
    def truth(self) -> np.ndarray: ...

    @property
    def answer(self) -> np.ndarray: ...

    @property
    def sources(self) -> np.ndarray | None: ...


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is found; shares are NaN if nothing was asked or answered.

    recall_interval: 95 %, Wilson's.  support: clips that show it.
    """

    label: str
    precision: float
    recall: float
    recall_interval: tuple[float, float]
    f1: float
    support: int


@dataclass(frozen=True)
class Confused:
    """How many of the `of` clips that show `truth` were taken for `answer`."""

    truth: str
    answer: str
    count: int
    of: int


@dataclass(frozen=True)
class TaskResult:
    """Answers to one classification task: int64 (N,) each.

    Attributes:
        sources: int64 (N,), equal for clips of one file; None: all are of different ones.
    """

    kind: ClassVar[str] = Classification.name
    truth: np.ndarray
    answer: np.ndarray
    labels: tuple[str, ...]
    sources: np.ndarray | None = None

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(np.mean(self.truth == self.answer))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (E. B. Wilson, 1927), as if clips were independent."""
        return wilson_interval(int(np.sum(self.truth == self.answer)), len(self.truth))

    @cached_property
    def interval_by_source(self) -> tuple[float, float]:
        """95 % interval of the accuracy, whole files drawn at a time."""
        return share_interval(self.truth == self.answer, source_of_each(self))

    @property
    def confusion(self) -> np.ndarray:
        """int64 (classes, classes): truth in rows, answers in columns."""
        counts = np.zeros((len(self.labels),) * 2, np.int64)
        np.add.at(counts, (self.truth, self.answer), 1)
        return counts

    def by_class(self) -> list[ClassFigures]:
        """Precision, recall, F1 and support of each class."""
        classes = np.arange(len(self.labels))
        columns = precision_recall_fscore_support(
            self.truth, self.answer, labels=classes, zero_division=np.nan
        )
        right = self.confusion.diagonal()
        return [
            ClassFigures(label, float(p), float(r), _recall_interval(int(hits), int(n)), float(f), int(n))
            for label, p, r, f, n, hits in zip(self.labels, *columns, right)
        ]  # fmt: skip

    def most_confused(self, most: int = 3) -> list[Confused]:
        """The pairs of classes that are taken for each other most often."""
        wrong = self.confusion * (1 - np.eye(len(self.labels), dtype=np.int64))
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = zip(*np.unravel_index(order, wrong.shape))
        clips_of_class = self.confusion.sum(axis=1)
        return [
            Confused(self.labels[t], self.labels[a], int(wrong[t, a]), int(clips_of_class[t]))
            for t, a in pairs
            if wrong[t, a]
        ]

    def __str__(self) -> str:
        return f"{self.accuracy:.2%} of {len(self.truth)} test clips"


@dataclass(frozen=True)
class RangeFigures:
    """The error where the truth is from `low` to below `high`.

    interval: 95 % of the mean absolute error, whole files drawn at a time.
    bias: mean of answer - truth.
    """

    low: float
    high: float
    n: int
    mean_absolute_error: float
    interval: tuple[float, float]
    bias: float


@dataclass(frozen=True)
class RegressionResult:
    """Answers to one task whose answer is a number: float (N,) each, in `unit`.

    Attributes:
        sources: int64 (N,), equal for clips of one file; None: all are of different ones.
    """

    kind: ClassVar[str] = Regression.name
    truth: np.ndarray
    answer: np.ndarray
    unit: str
    sources: np.ndarray | None = None

    @property
    def mean_absolute_error(self) -> float:
        """In the task's unit."""
        return float(np.abs(self.truth - self.answer).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean absolute error, by bootstrap, as if clips were independent."""
        return mean_interval(np.abs(self.truth - self.answer), np.arange(len(self.truth)))

    @cached_property
    def interval_by_source(self) -> tuple[float, float]:
        """95 % interval of the mean absolute error, whole files drawn at a time."""
        return mean_interval(np.abs(self.truth - self.answer), source_of_each(self))

    def by_range(self) -> list[RangeFigures]:
        """The error in a few equally wide ranges of the truth, those without a clip left out."""
        edges = range_edges(self.truth)
        place = np.digitize(self.truth, edges[1:-1])
        return [
            _range_figures(self, place == number, float(low), float(high))
            for number, (low, high) in enumerate(zip(edges, edges[1:]))
            if np.any(place == number)
        ]

    def __str__(self) -> str:
        error = f"{self.mean_absolute_error:.2f} {self.unit}".rstrip()
        return f"off by {error} in the mean of {len(self.truth)} test clips"


Results = Mapping[str, Result]


def is_class_or_number(task: Task) -> bool:
    """Whether each answer of a task is one class or one number."""
    return kind_of(task).has_classes or task.kind == Regression.name


def range_edges(values: np.ndarray) -> np.ndarray:
    """Round numbers, equally far apart, that enclose all values: float (<= RANGES + 1,)."""
    low, high = float(np.min(values)), float(np.max(values))
    least = max(high - low, 1e-9 * max(abs(low), abs(high), 1e-9)) / RANGES
    power = 10.0 ** np.floor(np.log10(least))
    for step in (factor * power for factor in (*_STEPS, 20.0)):
        first, last = np.floor(low / step), np.floor(high / step) + 1
        if last - first <= RANGES:
            edges = step * np.arange(first, last + 1)
            edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)  # as rounding may miss
            return edges
    raise AssertionError("a step of twenty times the least always suffices")


def source_of_each(result: Result) -> np.ndarray:
    """int64 (N,): its sources, or a number of its own for each clip."""
    return np.arange(len(result.truth)) if result.sources is None else result.sources


def _recall_interval(right: int, n: int) -> tuple[float, float]:
    return wilson_interval(right, n) if n else (float("nan"), float("nan"))


def _range_figures(
    result: RegressionResult, inside: np.ndarray, low: float, high: float
) -> RangeFigures:
    off = (result.answer - result.truth)[inside]
    error = np.abs(off)
    interval = mean_interval(error, source_of_each(result)[inside])
    return RangeFigures(low, high, len(off), float(error.mean()), interval, float(off.mean()))
