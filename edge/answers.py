"""What a run answered, counted: labels, numbers, people, events, in memory that does not grow with it."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge.tasks import Prediction
from edge_common import console

if TYPE_CHECKING:
    from edge.events import Event

_MOST_LABELS = 8  # of a task, in the summary's text


@dataclass
class Values:
    """Of a task that answers with a number."""

    unit: str = ""
    decisions: int = 0
    total: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf

    def add(self, value: float) -> None:
        self.decisions += 1
        self.total += value
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)

    def to_json(self) -> dict[str, Any]:
        return {
            "decisions": self.decisions,
            "lowest": round(self.lowest, 4),
            "mean": round(self.total / self.decisions, 4),
            "highest": round(self.highest, 4),
            "unit": self.unit,
        }

    def __str__(self) -> str:
        mean, unit = self.total / self.decisions, f" {self.unit}" if self.unit else ""
        return (
            f"{mean:.1f}{unit} on average, {self.lowest:.1f} to {self.highest:.1f} "
            f"({self.decisions} decisions)"
        )


@dataclass
class AnswersSeen:
    """How often each label was decided, and between what the numbers were, task by task."""

    labels: dict[str, Counter[str]] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)

    def add(self, answers: Mapping[str, Prediction]) -> None:
        """Count the answers of one decision; names of a gallery are counted by NamesSeen."""
        for task, answer in answers.items():
            if answer.labels is not None:
                self.labels.setdefault(task, Counter()).update(answer.labels or ("none",))
            elif answer.label is not None and answer.similarity is None:
                self.labels.setdefault(task, Counter())[answer.label] += 1
            elif answer.value is not None and math.isfinite(answer.value):
                self.values.setdefault(task, Values(answer.unit or "")).add(answer.value)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """{task: {label: decisions}}, the most frequent first; of a number its range and mean."""
        labels = {task: dict(count.most_common()) for task, count in self.labels.items()}
        return {**labels, **{task: values.to_json() for task, values in self.values.items()}}

    def lines(self) -> Iterator[str]:
        """One line a task."""
        for task, count in self.labels.items():
            most = [f"{label} {n}" for label, n in count.most_common(_MOST_LABELS)]
            others = len(count) - len(most)
            more = f" and {others} more" if others else ""
            yield console.printable(f"{task}: {', '.join(most)}{more}")
        for task, values in self.values.items():
            yield console.printable(f"{task}: {values}")


class NamesSeen:
    """Decisions a name, with their lowest and highest similarity."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float, float]] = {}

    def add(self, answers: Iterable[Prediction]) -> None:
        """Count the answers of one decision that name somebody, or `unknown`."""
        for answer in answers:
            if answer.similarity is not None and answer.label is not None:
                count, low, high = self._seen.get(answer.label, (0, 1.0, -1.0))
                low, high = min(low, answer.similarity), max(high, answer.similarity)
                self._seen[answer.label] = (count + 1, low, high)

    def to_json(self) -> dict[str, dict[str, float]]:
        """{name: decisions, lowest and highest similarity}, the most seen first."""
        return {
            name: {
                "decisions": count,
                "lowest_similarity": round(low, 4),
                "highest_similarity": round(high, 4),
            }
            for name, (count, low, high) in self._ordered()
        }

    def lines(self) -> Iterator[str]:
        """One line a name."""
        for name, (count, low, high) in self._ordered():
            yield f"{name}: {count} decisions, similarity {low:.2f} to {high:.2f}"

    def _ordered(self) -> list[tuple[str, tuple[int, float, float]]]:
        return sorted(self._seen.items(), key=lambda item: (-item[1][0], item[0]))


@dataclass
class AlertCounts:
    """Events of one alert.  last_at: when its newest began or ended, RFC 3339; "": there was none."""

    started: int = 0
    ended: int = 0
    last_at: str = ""

    @property
    def active(self) -> int:
        return self.started - self.ended

    def __str__(self) -> str:
        last = f", the last at {self.last_at}" if self.last_at else ""
        return f"{_events(self.started)}{f', {self.active} active' if self.active else ''}{last}"

    def to_json(self) -> dict[str, Any]:
        fields = {"started": self.started, "ended": self.ended, "active": self.active}
        return {**fields, "last_at": self.last_at or None}


class EventsSeen:
    """Events begun and ended, by their alerts, also by those that told nothing."""

    def __init__(self) -> None:
        self._alerts: dict[str, AlertCounts] = {}

    def watch(self, alerts: Iterable[str]) -> None:
        """Count events of these from now on."""
        for alert in alerts:
            self._alerts.setdefault(alert, AlertCounts())

    def add(self, event: "Event") -> None:
        if event.phase == "update":
            return
        alert = self._alerts.setdefault(event.alert, AlertCounts())
        alert.started += event.phase == "start"
        alert.ended += event.phase == "end"
        alert.last_at = event.newest.at

    def __bool__(self) -> bool:
        return bool(self._alerts)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """{alert: how many started, ended and are active, and when the last began or ended}"""
        # a copy, as threads that show a run read it
        return {alert: counts.to_json() for alert, counts in self._alerts.copy().items()}

    def lines(self) -> Iterator[str]:
        """One line an alert."""
        for alert, counts in self._alerts.items():
            yield console.printable(f"alert {alert}: {counts}")

    def __str__(self) -> str:
        """For a line of status; "" without alerts."""
        active = [alert for alert, counts in self._alerts.items() if counts.active]
        total = _events(sum(counts.started for counts in self._alerts.values()))
        total += f" (active: {', '.join(active)})" if active else ""
        return total if self._alerts else ""


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
