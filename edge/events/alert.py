"""An alert: what is to be told, and when it is sure enough."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property

from edge.events.schedule import Hours
from edge.tasks import KINDS, Task
from edge.tasks.confidence import UNKNOWN
from edge_common import ConfigError, nearest_or_all

SEVERITIES = ("info", "warning", "alarm")
_LONGEST_S = 7 * 86_400.0
_NUMBER_KINDS, _NAMING_KINDS = ("regression",), ("embedding",)


class AlertError(ConfigError):
    """An alert contradicts itself, or does not fit the run.  key: which is wrong.

    The message begins with the place in a settings file, if the alert is of one.
    """

    def __init__(self, alert: "Alert", key: str, problem: str) -> None:
        place = alert.places.get(key) or alert.places.get("", "")
        super().__init__(f"{place}: {problem}" if place else f"alert '{alert}': {problem}")
        self.key = key


def _seconds(doc: str, least: float = 0.0) -> float:
    number: float = field(default=0.0, metadata={"doc": doc, "ge": least, "le": _LONGEST_S})
    return number


@dataclass(frozen=True)
class ClipLength:
    """Seconds of video before and after an event; None: as the output has it."""

    before_s: float | None = field(
        default=None, metadata={"doc": "Seconds before it.", "ge": 0, "le": 60}
    )
    after_s: float | None = field(
        default=None, metadata={"doc": "Seconds after it.", "ge": 0, "le": 60}
    )


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What is told as an event; with nothing but `task` and `labels`, each raw answer is.

    Without a task it is told that somebody is there, in the zone if there is one.
    places: where in a settings file it stands, by key, and as a whole by "".
    Raises AlertError if it contradicts itself.
    """

    name: str = field(default="", metadata={"doc": "What it is called. [default: of its parts]"})
    task: str | None = field(default=None, metadata={"doc": "Of the bundle; none: presence."})
    labels: tuple[str, ...] = field(
        default=(), metadata={"key": "is", "doc": "Answers that it is about; `unknown` is one."}
    )
    above: float = field(
        default=0.5, metadata={"doc": "It begins from this probability on.", "ge": 0, "le": 1}
    )
    below: float | None = field(
        default=None,
        metadata={"doc": "It ends below this probability. [default: above]", "ge": 0, "le": 1},
    )
    over: float | None = field(default=None, metadata={"doc": "It begins from this number on."})
    under: float | None = field(default=None, metadata={"doc": "... or from this one downwards."})
    hysteresis: float = field(
        default=0.0, metadata={"doc": "It ends so far on the other side of them.", "ge": 0}
    )
    smooth_s: float = _seconds("Time constant of an exponential mean over answers; 0: none.")
    vote: int = field(
        default=0, metadata={"doc": "More than half of so many answers decide.", "ge": 0, "le": 999}
    )
    for_s: float = _seconds("It must hold for so long, without a break.")
    clear_s: float = _seconds("It ends once it did not hold for so long.")
    cooldown_s: float = _seconds("After an end no other one begins for so long.")
    zone: str | None = field(default=None, metadata={"doc": "Only who stands in this zone."})
    source: str | None = field(default=None, metadata={"doc": "Only in this source."})
    schedule: tuple[str, ...] = field(
        default=(), metadata={"doc": "Days and hours, local time: 'mon-fri 08:00-18:00'."}
    )
    severity: str = field(default="warning", metadata={"doc": ", ".join(SEVERITIES) + "."})
    clip: ClipLength | bool = field(
        default=True, metadata={"doc": "false: the output `clips` records none; or how long a one."}
    )
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, problem in self._problems():
            raise AlertError(self, key, problem)

    def __str__(self) -> str:
        if self.name:
            return self.name
        where = [self.zone] if self.zone else []
        return " ".join([self.task or "presence", *self.labels, *where])

    @cached_property
    def release(self) -> float:
        """The probability below which it holds no longer."""
        return self.above if self.below is None else self.below

    @cached_property
    def hours(self) -> tuple[Hours, ...]:
        return tuple(map(Hours.parse, self.schedule))

    def holds(self, value: float, held: bool) -> bool:
        """Whether a probability, or a number, is enough; NaN never is.  held: just before."""
        slack = self.hysteresis if held else 0.0
        if self.over is not None and value >= self.over - slack:
            return True
        if self.under is not None and value <= self.under + slack:
            return True
        return not self.is_number and value >= (self.release if held else self.above)

    @cached_property
    def is_number(self) -> bool:
        return self.over is not None or self.under is not None

    def is_low(self, value: float) -> bool:
        """Whether less is surer, for a number that holds."""
        if self.under is None or self.over is None:
            return self.under is not None
        return abs(value - self.under) < abs(value - self.over)

    def _problems(self) -> Iterator[tuple[str, str]]:
        for each in fields(self):
            value, limits = getattr(self, each.name), each.metadata
            if isinstance(value, float) and not math.isfinite(value):
                yield each.name, f"{each.name} is {value}, which is no number"
            if isinstance(value, (int, float)) and not (
                limits.get("ge", -math.inf) <= value <= limits.get("le", math.inf)
            ):
                bound = f"{limits['ge']:g} to {limits['le']:g}" if "le" in limits else "0 or more"
                yield each.name, f"{each.name} is {value:g}: it must be {bound}"
        if self.below is not None and self.below > self.above:
            yield "below", f"below ({self.below:g}) is over above ({self.above:g}): swap them"
        if self.over is not None and self.under is not None and self.under >= self.over:
            yield "under", f"under ({self.under:g}) must be less than over ({self.over:g})"
        if self.labels and self.is_number:
            yield "is", "is goes with answers, over and under with numbers: give one of them"
        if self.smooth_s and self.vote:
            yield "vote", "smooth_s and vote both smooth: give one of them"
        if self.severity not in SEVERITIES:
            yield (
                "severity",
                (
                    f"there is no severity '{self.severity}'{nearest_or_all(self.severity, SEVERITIES)}"
                ),
            )
        try:
            self.hours  # noqa: B018  # raises for what is no time of day
        except ValueError as error:
            yield "schedule", str(error)
        if self.task is None:
            for key in ("labels", "over", "under", "below", "smooth_s", "vote"):
                if getattr(self, key):
                    key = "is" if key == "labels" else key
                    yield key, f"{key} goes with a task"
        elif not self.labels and not self.is_number:
            yield "task", "say which answers it is about: is = [...], or over or under of a number"

    def fit(
        self,
        tasks: Sequence[Task],
        zones: Collection[str] = (),
        *,
        has_people: bool = False,
    ) -> Task | None:
        """Its task. Raises AlertError if the bundle has no such task or label, or the run no zone."""
        if not has_people and (self.zone or self.task is None):
            key = "zone" if self.zone else "task"
            raise AlertError(self, key, "people have to be found for it: give a detector")
        self._demand("zone", self.zone, zones)
        self._demand("task", self.task, [task.name for task in tasks])
        task = next((task for task in tasks if task.name == self.task), None)
        if task is None:
            return None
        if KINDS[task.kind].is_placed:
            raise AlertError(
                self, "task", f"task '{task.name}' is {task.kind}, which no alert can be about"
            )
        if self.is_number != (task.kind in _NUMBER_KINDS):
            key = next(k for k in ("over", "under", "labels") if getattr(self, k) not in (None, ()))
            other = "is = [...]" if self.is_number else "over or under"
            key = "is" if key == "labels" else key
            raise AlertError(self, key, f"task '{task.name}' is {task.kind}: give {other}")
        if task.labels and task.kind not in _NAMING_KINDS:
            known = (*task.labels, *([UNKNOWN] if task.unknown else []))
            for label in self.labels:
                self._demand("is", label, known)
        return task

    def fit_sources(self, names: Collection[str]) -> None:
        """Raises AlertError if there is no such source."""
        self._demand("source", self.source, names)

    def _demand(self, key: str, name: str | None, names: Collection[str]) -> None:
        if name is None or name in names:
            return
        noun = "label" if key == "is" else key
        hint = nearest_or_all(name, names) if names else ""
        raise AlertError(self, key, f"there is no {noun} '{name}'{hint}")
