"""Where two bundles disagree on recordings: how often, with what certainty, and in which stretches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from edge import agreement
from edge.tasks import Task

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
        return agreement.differs(self.answer(old), self.answer(new), self.tolerance)


def shared_tasks(old: Sequence[Task], new: Sequence[Task]) -> tuple[list[Task], list[str]]:
    """Those of one name and kind whose answers can be told apart, and the names of all others."""
    by_name = {task.name: task for task in new}
    shared = [
        task
        for task in old
        if task.name in by_name
        and by_name[task.name].kind == task.kind
        and agreement.is_comparable(task)
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
    agreements: dict[str, agreement.TaskAgreement] = field(default_factory=dict)
    stretches: list[Disagreement] = field(default_factory=list)

    def take(self, pairs: Iterator[tuple[Row, Row]]) -> "BundleComparison":
        self.agreements = {each.task.name: agreement.TaskAgreement() for each in self.tasks}
        for old, new in pairs:
            differing = [each for each in self.tasks if self._differs(each, old, new)]
            if differing:
                self._extend(old, new, differing)
        return self

    def _differs(self, shared: SharedTask, old: Row, new: Row) -> bool:
        return self.agreements[shared.task.name].add(
            shared.answer(old), shared.answer(new), shared.tolerance, old["source"]
        )

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
            newest.changes[
                name, agreement.in_words(each.answer(old)), agreement.in_words(each.answer(new))
            ] += 1

    def worst(self, count: int) -> list[Disagreement]:
        """Those with most answers that differ, the worst first."""
        return sorted(self.stretches, key=lambda each: -each.weight)[:count]


def words(shared: SharedTask, row: Row | None) -> str:
    """What a row answers, with its probability if it is one label's."""
    if row is None:
        return "-"
    p = row.get(f"tasks.{shared.task.name}.p")
    text = agreement.in_words(shared.answer(row))
    return f"{text} {p:.2f}" if isinstance(p, float) else text
