"""Errors of one task by the classes or ranges of another: who the network serves worse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge.tasks import Regression, Task, kind_of
from edge_common import ConfigError, nearest_or_all
from edge_models.evaluation import intervals, network, results


@dataclass(frozen=True)
class GroupFigure:
    """Of the clips of one class or range; the interval draws whole files."""

    group: str
    figure: intervals.Estimate


@dataclass(frozen=True)
class GroupedErrors:
    """A task's metric in each group of the task `by`.

    is_share: of right answers, else an error in `unit`.
    """

    task: str
    by: str
    metric: str
    is_share: bool
    unit: str
    groups: tuple[GroupFigure, ...]

    @property
    def ends(self) -> tuple[GroupFigure, GroupFigure]:
        """The group that is served best, and the one served worst."""
        ordered = sorted(self.groups, key=lambda each: each.figure.value, reverse=self.is_share)
        return ordered[0], ordered[-1]


def check_groups(names: Sequence[str], tasks: Sequence[Task]) -> None:
    """Raise ConfigError if a name is no task with classes or numbers."""
    able = [task.name for task in tasks if results.is_class_or_number(task)]
    for name in names:
        if name not in able:
            raise ConfigError(
                f"evaluation.groups names {name!r}, which is no task with classes or numbers"
                f"{nearest_or_all(name, able)}"
            )


def errors_by_group(
    predictions: network.Predictions, tasks: Sequence[Task], names: Sequence[str]
) -> list[GroupedErrors]:
    """Of each task that is measured by each of the named ones; classes not by themselves."""
    by_name = {task.name: task for task in tasks}
    return [
        _grouped(predictions, task, by_name[name])
        for task in tasks
        for name in names
        if kind_of(task).metric and (name != task.name or task.kind == Regression.name)
    ]


def _grouped(predictions: network.Predictions, task: Task, by: Task) -> GroupedErrors:
    part, kind = predictions.part, kind_of(task)
    metric = kind.metric
    if metric is None:
        raise ValueError(f"{task.name} is measured by nothing")
    figures = kind.figures(predictions.outputs[task.name], part.labels[task.name])
    interval = intervals.share_interval if metric.is_share else intervals.mean_interval
    rows = []
    for group, inside in _groups(by, part.labels[by.name]):
        bounds = interval(figures[inside], part.source_of_each[inside])
        estimate = intervals.Estimate(float(figures[inside].mean()), *bounds, int(inside.sum()))
        rows.append(GroupFigure(group, estimate))
    return GroupedErrors(task.name, by.name, metric.name, metric.is_share, task.unit, tuple(rows))


def _groups(by: Task, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Each class or range that has clips, and which they are, bool (n,)."""
    if by.kind == Regression.name:
        edges = results.range_edges(labels)
        names = [f"{low:g} to {high:g}" for low, high in zip(edges, edges[1:])]
        numbers = np.digitize(labels, edges[1:-1])
    else:
        names, numbers = list(by.labels), labels
    masks: Mapping[str, np.ndarray] = {n: numbers == i for i, n in enumerate(names)}
    return ((name, inside) for name, inside in masks.items() if inside.any())
