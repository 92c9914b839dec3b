"""Several labels at once: how often all are right, and each label's figures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from edge.tasks import MultiLabel, Task, kind_of
from edge_common import document, statistics
from edge_models.evaluation.intervals import between, percent, share_interval
from edge_models.evaluation.results import ClassFigures, source_of_each
from edge_models.evaluation.task_reports import classification, report


@dataclass(frozen=True)
class MultiLabelResult:
    """Answers to one multi-label task: int64 (N, labels) each, 1 for a label that holds.

    Attributes:
        sources: int64 (N,), equal for clips of one file; None: all are of different ones.
    """

    kind: ClassVar[str] = MultiLabel.name
    truth: np.ndarray
    answer: np.ndarray
    labels: tuple[str, ...]
    sources: np.ndarray | None = None

    @cached_property
    def right(self) -> np.ndarray:
        """bool (N,): whether all labels of a clip are right."""
        return (self.truth == self.answer).all(axis=1)

    @property
    def accuracy(self) -> float:
        """Share of clips of which all labels are right."""
        return float(self.right.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (E. B. Wilson, 1927), as if clips were independent."""
        return statistics.wilson_interval(int(self.right.sum()), len(self.right))

    @cached_property
    def interval_by_source(self) -> tuple[float, float]:
        """95 % interval of the accuracy, whole files drawn at a time."""
        return share_interval(self.right, source_of_each(self))

    def by_label(self) -> list[ClassFigures]:
        """Precision, recall, F1 and support of each label."""
        columns = precision_recall_fscore_support(
            self.truth, self.answer, average=None, zero_division=np.nan
        )
        hits = (self.truth & self.answer).sum(axis=0)
        return [
            ClassFigures(
                label, float(p), float(r),
                statistics.wilson_interval(int(h), int(n)) if n else (float("nan"), float("nan")),
                float(f), int(n),
            )
            for label, p, r, f, n, h in zip(self.labels, *columns, hits, strict=True)
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"all labels right in {self.accuracy:.2%} of {len(self.truth)} test clips"


class MultiLabelReport(report.TaskReport[MultiLabelResult]):
    """Any number of labels at once."""

    kind = MultiLabel.name

    def result(
        self, task: Task, truth: np.ndarray, outputs: np.ndarray, sources: np.ndarray
    ) -> MultiLabelResult:
        return MultiLabelResult(truth, kind_of(task).decide(outputs), task.labels, sources)

    def summary(self, result: MultiLabelResult) -> tuple[str, str, str, str]:
        intervals = between(result.interval_by_source), between(result.interval)
        return "accuracy, all labels right", percent(result.accuracy, 2), *intervals

    def section(self, name: str, result: MultiLabelResult) -> document.Section:
        figures = result.by_label()
        text = "A label holds from its threshold on, as the tasks file gives it."
        worst = min(figures, key=lambda c: np.nan_to_num(c.f1, nan=2.0))
        if worst.f1 < 1:
            text += f" The label with the lowest F1 is **{worst.label}**: {percent(worst.f1)}."
        return document.Section(
            f"Task {name}", [text], [classification.class_table("label", figures)]
        )

    def to_json(self, result: MultiLabelResult) -> dict[str, Any]:
        return {
            "accuracy": result.accuracy,
            "n": len(result.truth),
            "interval_95": result.interval,
            "interval_95_by_file": result.interval_by_source,
            "labels": [asdict(figures) for figures in result.by_label()],
        }

    def examples(
        self, task: Task, result: MultiLabelResult, outputs: np.ndarray, random: np.random.Generator
    ) -> Sequence[report.Example]:
        """What is explained is the label of the highest probability."""
        clips = [
            *random.permutation(np.flatnonzero(result.right))[: report.RIGHT],
            *random.permutation(np.flatnonzero(~result.right))[: report.WRONG],
        ]
        return [_example(result, outputs, int(clip)) for clip in clips]


def _example(result: MultiLabelResult, outputs: np.ndarray, clip: int) -> report.Example:
    best = int(outputs[clip].argmax())
    answer, truth = (_names(result.labels, rows[clip]) for rows in (result.answer, result.truth))
    caption = (
        f"**right**: {answer}" if result.right[clip] else f"**wrong**: {answer}; it is {truth}"
    )
    explained = f"{result.labels[best]} ({float(outputs[clip, best]):.2f})"
    return report.Example(clip, best, f"{caption}. Explained: {explained}")


def _names(labels: Sequence[str], row: np.ndarray) -> str:
    return ", ".join(label for label, holds in zip(labels, row, strict=True) if holds) or "none"
