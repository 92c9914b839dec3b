"""Numbers: mean absolute error, and the error by ranges of the truth."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from edge.tasks import Regression, Task, kind_of
from edge_common.document import Section, Table
from edge_models.evaluation import plots, results
from edge_models.evaluation.intervals import number, numbers
from edge_models.evaluation.task_reports.report import RIGHT, WRONG, Example, TaskReport


class RegressionReport(TaskReport[results.RegressionResult]):
    """A number in a unit."""

    kind = Regression.name

    def result(
        self, task: Task, truth: np.ndarray, outputs: np.ndarray, sources: np.ndarray
    ) -> results.RegressionResult:
        return results.RegressionResult(truth, kind_of(task).decide(outputs), task.unit, sources)

    def summary(self, result: results.RegressionResult) -> tuple[str, str, str, str]:
        error = f"{number(result.mean_absolute_error)} {result.unit}".rstrip()
        intervals = numbers(result.interval_by_source), numbers(result.interval)
        return "mean absolute error", error, *intervals

    def section(self, name: str, result: results.RegressionResult) -> Section:
        ranges = result.by_range()
        rows = [
            (f"{r.low:g} to {r.high:g}", f"{r.n:,}", number(r.mean_absolute_error),
             numbers(r.interval), f"{r.bias:+.2f}")
            for r in ranges
        ]  # fmt: skip
        worst = max(ranges, key=lambda r: r.mean_absolute_error)
        unit = f", {result.unit}" if result.unit else ""
        text = (
            f"The error is largest from {worst.low:g} to {worst.high:g}{unit.replace(',', '')}: "
            f"**{number(worst.mean_absolute_error)}** in the mean of {worst.n} clips."
        )
        header = (
            f"truth{unit}", "clips", f"mean absolute error{unit}", "95 % by file", "mean error",
        )  # fmt: skip
        return Section(f"Task {name}", [text], [Table(header, rows, 1)], svg=plots.scatter(result))

    def to_json(self, result: results.RegressionResult) -> dict[str, Any]:
        return {
            "value": result.mean_absolute_error,
            "unit": result.unit,
            "n": len(result.truth),
            "interval_95": result.interval,
            "interval_95_by_file": result.interval_by_source,
            "ranges": [asdict(figures) for figures in result.by_range()],
        }

    def examples(
        self,
        task: Task,
        result: results.RegressionResult,
        outputs: np.ndarray,
        random: np.random.Generator,
    ) -> Sequence[Example]:
        return [_example(result, clip) for clip in _near_and_far(result, random)]


def _near_and_far(result: results.RegressionResult, random: np.random.Generator) -> Sequence[int]:
    """Clips of the better half at random, then those that are worst."""
    order = np.argsort(np.abs(result.truth - result.answer), kind="stable")
    better, worst = order[: -(-len(order) // 2)], order[::-1][:WRONG]
    near = random.permutation(better)[:RIGHT]
    return [*near.tolist(), *(int(i) for i in worst if i not in near)]


def _example(result: results.RegressionResult, clip: int) -> Example:
    truth, answer = result.truth[clip], result.answer[clip]
    caption = (
        f"answer **{answer:.1f}**, truth {truth:.1f} {result.unit}".rstrip()
        + f" (off by {abs(answer - truth):.1f})"
    )
    return Example(clip, 0, caption)
