"""Classes: accuracy, a confusion matrix, each class' figures."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from edge.tasks import Classification, Task, kind_of
from edge_common.document import Section, Table
from edge_models.evaluation import plots, results
from edge_models.evaluation.intervals import between, percent
from edge_models.evaluation.task_reports.report import RIGHT, WRONG, Example, TaskReport


class ClassificationReport(TaskReport[results.TaskResult]):
    """One of several labels."""

    kind = Classification.name

    def result(
        self, task: Task, truth: np.ndarray, outputs: np.ndarray, sources: np.ndarray
    ) -> results.TaskResult:
        return results.TaskResult(truth, kind_of(task).decide(outputs), task.labels, sources)

    def summary(self, result: results.TaskResult) -> tuple[str, str, str, str]:
        intervals = between(result.interval_by_source), between(result.interval)
        return "accuracy", percent(result.accuracy, 2), *intervals

    def section(self, name: str, result: results.TaskResult) -> Section:
        return Section(
            f"Task {name}",
            [_confusions(result)],
            [class_table("class", result.by_class())],
            svg=plots.confusion(result),
            caption="Truth in rows, answers in columns; wrong ones in orange. 95 %: Wilson's "
            "interval, clip by clip.",
        )

    def to_json(self, result: results.TaskResult) -> dict[str, Any]:
        return {
            "accuracy": result.accuracy,
            "n": len(result.truth),
            "interval_95": result.interval,
            "interval_95_by_file": result.interval_by_source,
            "confusion": result.confusion.tolist(),
            "classes": [asdict(figures) for figures in result.by_class()],
            "most_confused": [asdict(pair) for pair in result.most_confused()],
        }

    def examples(
        self,
        task: Task,
        result: results.TaskResult,
        outputs: np.ndarray,
        random: np.random.Generator,
    ) -> Sequence[Example]:
        right = result.truth == result.answer
        clips = [
            *_one_of_each(np.flatnonzero(right), result.truth, RIGHT, random),
            *_one_of_each(np.flatnonzero(~right), result.truth, WRONG, random),
        ]
        return [_example(result, outputs, clip) for clip in clips]


def class_table(header: str, figures: Sequence[results.ClassFigures]) -> Table:
    """Precision, recall, F1 and support of each label."""
    rows = [
        (c.label, percent(c.precision), percent(c.recall), between(c.recall_interval),
         percent(c.f1), f"{c.support:,}")
        for c in figures
    ]  # fmt: skip
    return Table((header, "precision", "recall", "95 % of recall", "F1", "clips"), rows, 1)


def _confusions(result: results.TaskResult) -> str:
    confused = result.most_confused()
    if not confused:
        return "No clip was taken for another class."
    pairs = [f"{c.truth} for {c.answer} ({c.count} of {c.of})" for c in confused]
    return f"Most often taken for another: **{'; '.join(pairs)}**."


def _one_of_each(
    clips: np.ndarray, truth: np.ndarray, most: int, random: np.random.Generator
) -> Sequence[int]:
    """Some clips, of as many classes as there are."""
    mixed = random.permutation(clips)
    _, first = np.unique(truth[mixed], return_index=True)
    of_each = random.permutation(mixed[first])
    more = mixed[~np.isin(mixed, of_each)]
    return np.concatenate([of_each, more]).astype(int)[:most].tolist()


def _example(result: results.TaskResult, outputs: np.ndarray, clip: int) -> Example:
    truth, answer = int(result.truth[clip]), int(result.answer[clip])
    prediction = f"{result.labels[answer]} ({float(outputs[clip, answer]):.2f})"
    if truth == answer:
        return Example(clip, answer, f"**right**: {prediction}")
    own = f"{result.labels[truth]} ({float(outputs[clip, truth]):.2f})"
    return Example(clip, answer, f"**wrong**: {prediction}; it is {own}")
