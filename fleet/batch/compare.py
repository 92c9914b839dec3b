"""Where two bundles disagree on recordings: how often, with what certainty, and in which stretches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from edge.tasks import Task, kind_of
from edge_common.statistics import central_95, resampled_means, wilson_interval

Row = Mapping[str, Any]
_JOINED_S, _LONGEST_S = 1.0, 10.0  # between two that are one stretch; of one


@dataclass(frozen=True)
class SharedTask:
    """A task that both bundles answer.  tolerance: of numbers, in its unit."""

    task: Task
    tolerance: float = 0.0

    def answer(self, row: Row) -> Any:
        """What a row says, as people read it; None if nothing."""
        name = f"tasks.{self.task.name}"
        for field_name in ("label", "value", "labels"):
            if row.get(f"{name}.{field_name}") is not None:
                return row[f"{name}.{field_name}"]
        return None

    def differs(self, old: Row, new: Row) -> bool:
        before, after = self.answer(old), self.answer(new)
        if before is None or after is None:
            return before is not after
        if isinstance(before, float):
            return not abs(before - after) <= self.tolerance
        return bool(set(before) != set(after)) if isinstance(before, list) else before != after


def shared_tasks(old: Sequence[Task], new: Sequence[Task]) -> tuple[list[Task], list[str]]:
    """Those of one name and kind whose answers can be told apart, and the names of all others."""
    by_name = {task.name: task for task in new}
    shared = [
        task
        for task in old
        if task.name in by_name
        and by_name[task.name].kind == task.kind
        and not (kind_of(task).is_descriptor or kind_of(task).is_placed)
    ]
    names = {task.name for task in shared}
    return shared, [n for n in dict.fromkeys(t.name for t in (*old, *new)) if n not in names]


def value_range(rows: Iterator[Row], task: Task) -> float:
    """Between the highest and the lowest number that was answered; 0 if there are none."""
    values = [v for row in rows if (v := row.get(f"tasks.{task.name}.value")) is not None]
    return max(values) - min(values) if values else 0.0


def paired(old: Iterator[Row], new: Iterator[Row]) -> Iterator[tuple[Row, Row]]:
    """Rows of the same recording and frame. Both hold recordings in the same order."""
    groups = groupby(new, key=lambda row: row["source"])
    ahead: dict[str, dict[int, Row]] = {}  # of recordings that OLD may lack
    for source, rows in groupby(old, key=lambda row: row["source"]):
        while source not in ahead and (group := next(groups, None)):
            ahead[group[0]] = {row["frame"]: row for row in group[1]}
        by_frame = ahead.pop(source, {})
        for row in rows:
            if row["frame"] in by_frame:
                yield row, by_frame[row["frame"]]


@dataclass
class TaskAgreement:
    """Of one task: decisions, and how many of them differ, by recording.

    changes: from what to what, and how often.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Of decisions that differ; 0 if there are none."""
        return self.differing.total() / max(1, self.decisions.total())

    def interval(self, window: int) -> tuple[float, float]:
        """95 %: by resampled recordings (B. Efron, 1979), or Wilson's over windows of one recording.

        Neighbouring frames say nearly the same, so that they are not counted as observations.
        If all or no decisions differ, Wilson's over recordings.  window: frames of one.
        """
        total, count = self.decisions.total(), len(self.decisions)
        if not total:
            return 0.0, 1.0
        if count > 1 and 0 < self.share < 1:
            sizes = np.array(list(self.decisions.values()), np.float64)
            differing = np.array([self.differing[name] for name in self.decisions], np.float64)
            return central_95(resampled_means(differing) / resampled_means(sizes))
        observations = count if count > 1 else max(1, total // window)
        return wilson_interval(self.share * observations, observations)


@dataclass
class Disagreement:
    """Consecutive decisions of a recording that differ in some task.

    weight: how many answers do.  tasks: how many by task.
    """

    source: str
    first: int
    last: int
    begin_s: float
    end_s: float
    weight: int = 0
    tasks: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __str__(self) -> str:
        task, before, after = self.changes.most_common(1)[0][0]
        return f"{self.begin_s:.1f} to {self.end_s:.1f} s, {task}: {before} → {after}"


@dataclass
class BundleComparison:
    """Two files of decisions, read once.  window: frames of OLD's."""

    tasks: Sequence[SharedTask]
    window: int
    agreements: dict[str, TaskAgreement] = field(default_factory=dict)
    stretches: list[Disagreement] = field(default_factory=list)

    def take(self, pairs: Iterator[tuple[Row, Row]]) -> "BundleComparison":
        self.agreements = {each.task.name: TaskAgreement() for each in self.tasks}
        for old, new in pairs:
            differing = [each for each in self.tasks if self._differs(each, old, new)]
            if differing:
                self._extend(old, new, differing)
        return self

    def _differs(self, shared: SharedTask, old: Row, new: Row) -> bool:
        agreement = self.agreements[shared.task.name]
        agreement.decisions[old["source"]] += 1
        if not shared.differs(old, new):
            return False
        agreement.differing[old["source"]] += 1
        agreement.changes[_words(shared.answer(old)), _words(shared.answer(new))] += 1
        return True

    def _extend(self, old: Row, new: Row, differing: Sequence[SharedTask]) -> None:
        time_s = old["frame"] / 25 if old["time_s"] is None else old["time_s"]
        newest = self.stretches[-1] if self.stretches else None
        is_next = (
            newest is not None
            and newest.source == old["source"]
            and time_s - newest.end_s <= _JOINED_S
            and time_s - newest.begin_s <= _LONGEST_S
        )
        if newest is None or not is_next:
            newest = Disagreement(old["source"], old["frame"], old["frame"], time_s, time_s)
            self.stretches.append(newest)
        newest.last, newest.end_s = old["frame"], time_s
        newest.weight += len(differing)
        for each in differing:
            name = each.task.name
            newest.tasks[name] += 1
            newest.changes[name, _words(each.answer(old)), _words(each.answer(new))] += 1

    def worst(self, count: int) -> list[Disagreement]:
        """Those with most answers that differ, the worst first."""
        return sorted(self.stretches, key=lambda each: -each.weight)[:count]


def _words(answer: Any) -> str:
    if answer is None:
        return "no answer"
    if isinstance(answer, float):
        return f"{answer:.1f}"
    return (", ".join(answer) or "none") if isinstance(answer, list) else str(answer)


def words(shared: SharedTask, row: Row | None) -> str:
    """What a row answers, with its probability if it is one label's."""
    if row is None:
        return "-"
    p = row.get(f"tasks.{shared.task.name}.p")
    text = _words(shared.answer(row))
    return f"{text} {p:.2f}" if isinstance(p, float) else text
