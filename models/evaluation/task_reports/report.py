"""What every kind of task has to show in a training's report."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from edge.tasks import Task
from edge_common.document import Section
from edge_models.evaluation.results import Result

RIGHT, WRONG = 3, 2  # clips shown
ResultT = TypeVar("ResultT", bound=Result)


@dataclass(frozen=True)
class Example:
    """A clip to show: its number, the number of the score that is explained, and a caption."""

    clip: int
    score: int
    caption: str


class TaskReport(ABC, Generic[ResultT]):
    """Shows the results of one kind of task."""

    kind: ClassVar[str]

    @abstractmethod
    def result(
        self, task: Task, truth: np.ndarray, outputs: np.ndarray, sources: np.ndarray
    ) -> ResultT:
        """Predictions beside the truth.

        Args:
            truth: labels (N,) or (N, labels).
            outputs: the network's, float32 (N, width).
            sources: int64 (N,), equal for clips of one file.
        """

    @abstractmethod
    def summary(self, result: ResultT) -> tuple[str, str, str, str]:
        """The figure's name, its value, and its intervals by file and by clip."""

    @abstractmethod
    def section(self, name: str, result: ResultT) -> Section:
        """The task's own section of the page."""

    @abstractmethod
    def to_json(self, result: ResultT) -> dict[str, Any]:
        """The task's entry in report.json."""

    @abstractmethod
    def examples(
        self, task: Task, result: ResultT, outputs: np.ndarray, random: np.random.Generator
    ) -> Sequence[Example]:
        """A few clips drawn at random, good ones first."""
