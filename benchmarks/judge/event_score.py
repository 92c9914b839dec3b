"""Events against the intervals in which they should have come: as streaming wake words are judged."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_common import ConfigError, data, statistics

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Interval:
    """When something was really to be seen, or an event was told to go on: seconds of a film."""

    alert: str
    start_s: float
    end_s: float
    source: str = ""


@dataclass(frozen=True)
class Rate:
    """value: an hour.  interval: 95 %, exact for a Poisson process (F. Garwood, 1936)."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Delay:
    """From an interval's start until it is told, seconds; mean with its 95 % bootstrap interval."""

    median_s: float
    mean_s: float
    mean_interval_s: tuple[float, float]
    p90_s: float


@dataclass(frozen=True)
class EventScore:
    """hours: of film, as often as there are alerts.  events: told.

    false_alarms: told where nothing was.  repeated: told again of an interval that was told of.
    missed: intervals that nothing was told of; its share has Wilson's 95 % interval.
    delay: None if nothing was told of any.
    """

    name: str
    hours: float
    events: int
    false_alarms: int
    false_alarms_an_hour: Rate
    repeated: int
    intervals: int
    missed: int
    missed_share: float | None
    missed_interval: tuple[float, float] | None
    delay: Delay | None


def score_events(
    name: str,
    told: Sequence[Interval],
    truth: Sequence[Interval],
    hours: float,
    late_s: float = 0.0,
) -> EventScore:
    """Judge what was told against the truth, alert by alert and source by source.

    told: from when it was told until it ended. An event that is told within an interval, or at
    most `late_s` behind it, is right, and tells of all intervals that it reaches into.
    hours: of the film.  Raises ConfigError if nobody says it, or there is nothing to judge.
    """
    if not (hours > 0 and math.isfinite(hours)):
        raise ConfigError("how long the film is, nobody says: give --hours")
    if not any(each.source for each in truth):  # it is of all
        told = [replace(each, source="") for each in told]
    keys = {(each.alert, each.source) for each in (*truth, *told)}
    if not keys:
        raise ConfigError("there is neither an event nor an interval in which one should come")
    delays, false, repeated, events = [], 0, 0, 0
    for key in sorted(keys):
        events_of = [each for each in told if (each.alert, each.source) == key]
        truth_of = [each for each in truth if (each.alert, each.source) == key]
        events += len(events_of)
        right = [each for each in events_of if _home(each, truth_of, late_s)]
        false += len(events_of) - len(right)
        first = [_delay_s(each, right, late_s) for each in truth_of]
        delays += first
        homes = [_home(each, truth_of, late_s) for each in right]
        repeated += len(homes) - len({id(home) for home in homes})
    seen = np.array([delay for delay in delays if delay is not None])
    missed, count = len(delays) - len(seen), len(delays)
    watched_hours = hours * len(keys)
    return EventScore(
        name,
        round(watched_hours, 4),
        events,
        false,
        Rate(false / watched_hours, poisson_interval(false, watched_hours)),
        repeated,
        count,
        missed,
        missed / count if count else None,
        statistics.wilson_interval(missed, count) if count else None,
        _delay(seen) if len(seen) else None,
    )


def _home(event: Interval, truth: Sequence[Interval], late_s: float) -> Interval | None:
    """The interval in which an event was told."""
    times = (each for each in truth if each.start_s <= event.start_s <= each.end_s + late_s)
    return next(times, None)


def _delay_s(interval: Interval, right: Sequence[Interval], late_s: float) -> float | None:
    """Until the first right event that reaches into an interval; None: there is none."""
    reaching = [
        max(each.start_s - interval.start_s, 0.0)
        for each in right
        if each.start_s <= interval.end_s + late_s and each.end_s >= interval.start_s
    ]
    return min(reaching, default=None)


def _delay(seconds: np.ndarray) -> Delay:
    return Delay(
        float(np.median(seconds)),
        float(seconds.mean()),
        statistics.bootstrap_interval(seconds),
        float(np.quantile(seconds, 0.9)),
    )


def poisson_interval(count: int, exposure: float) -> tuple[float, float]:
    """95 % of the rate behind `count` happenings in `exposure`, exact."""
    low = 0.0 if count == 0 else _solve(lambda mean: 1 - _at_most(count - 1, mean), count)
    return low / exposure, _solve(lambda mean: 1 - _at_most(count, mean), count, 0.975) / exposure


def _at_most(count: int, mean: float) -> float:
    """The probability of at most `count`, for a Poisson distribution of this mean."""
    if mean <= 0:
        return 1.0
    numbers = np.arange(count + 1)
    log_factorials = np.cumsum(np.log(np.maximum(numbers, 1)))
    logs = numbers * math.log(mean) - mean - log_factorials
    return float(np.exp(logs).sum())


def _solve(rises: Callable[[float], float], count: int, level: float = 0.025) -> float:
    """Where a function that rises with the mean comes to `level`."""
    low, high = 0.0, count + 10 * math.sqrt(count + 1) + 10
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) < level else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class _Line:
    """Of a truth file, or of edge-run: an event or a decision."""

    alert: str = ""
    start_s: float | None = None
    end_s: float | None = None
    source: str = ""
    event: str = ""
    id: str = ""
    captured_at: float | None = None
    time_s: float | None = None
    ended_at: float | None = None
    ended_time_s: float | None = None

    @property
    def now_s(self) -> float | None:
        return self.captured_at if self.time_s is None else self.time_s


@dataclass(frozen=True)
class EventRecord:
    """Intervals of a file, and the hours that its decisions span; 0: there are none."""

    intervals: Sequence[Interval]
    hours: float = 0.0


def read_record(path: Path) -> EventRecord:
    """A truth file, or what a run wrote, whose events may be the truth for another one.

    Lines `{"alert": NAME, "start_s": SECONDS, "end_s": SECONDS}`, also with a `source`; or events,
    from when they were told to when they last held. Raises ConfigError that names file and line.
    """
    if not path.stat().st_size:  # nothing was told
        return EventRecord(())
    lines = data.read_json_lines(_Line, path, ("event",))
    intervals = [_interval(place, line) for place, line in lines if not line.event and line.alert]
    spans = _spans([(place, line) for place, line in lines if line.event])
    times_s = [each.now_s for _, each in lines if each.now_s is not None and not each.alert]
    span_s = max(times_s) - min(times_s) if times_s else 0.0
    return EventRecord([*intervals, *spans], span_s / _HOUR_S)


def _interval(place: str, line: _Line) -> Interval:
    start_s, end_s = line.start_s, line.end_s
    if start_s is None or end_s is None or not 0 <= start_s <= end_s:
        raise ConfigError(f"{place}: an interval needs start_s and, not before it, end_s")
    return Interval(line.alert, start_s, end_s, line.source)


def _spans(events: Sequence[tuple[str, _Line]]) -> Iterator[Interval]:
    """From `start` to `end` of each event; of a run that was killed there may be no end."""
    begun: dict[str, Interval] = {}
    for place, line in events:
        if line.now_s is None:
            raise ConfigError(f"{place}: the event has no time")
        if line.event == "start":
            begun[line.id] = Interval(line.alert, line.now_s, math.inf, line.source)
        elif line.event == "end" and line.id in begun:
            end_s = line.ended_at if line.ended_time_s is None else line.ended_time_s
            event = begun.pop(line.id)
            end_s = event.start_s if end_s is None else max(end_s, event.start_s)
            yield replace(event, end_s=end_s)
    yield from begun.values()
