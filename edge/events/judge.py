"""One alert in one source: from answers that flicker to events that begin once and end once."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from edge.events.alert import Alert
from edge.events.clock import rfc3339
from edge.events.event import Event, Moment, Phase
from edge.stream.decision import TrackInfo

_ROUNDING_S = 1e-6  # of times that are sums of fractions
_UPDATE_S = 1.0  # how often an event is told anew,
_NEWS = 0.05  # and of how much surer an answer (a share)


@dataclass(frozen=True)
class Now:
    """A frame's time.  seconds: of the frames' clock, which never goes back.  epoch_s: since 1970, UTC."""

    seconds: float = 0.0
    epoch_s: float = 0.0
    captured_at: float = 0.0
    frame: int = -1
    time_s: float | None = None

    @cached_property
    def moment(self) -> Moment:
        """To be told; few frames are, and text takes longer than judging."""
        return Moment(rfc3339(self.epoch_s), self.captured_at, self.frame, self.time_s)


@dataclass
class Smoother:
    """The share of an alert that smooths answers: exponentially over time, by vote, or not at all.

    held: whether it holds, as the newest answers say.
    """

    alert: Alert
    held: bool = False

    def __post_init__(self) -> None:
        self._votes = deque[bool](maxlen=self.alert.vote or 1)
        self.restart()

    def restart(self) -> None:
        """Nothing reaches back over it."""
        self._mean, self._time_s = math.nan, math.nan
        self._votes.clear()

    def take(self, value: float, time_s: float) -> bool:
        """Whether it holds with one more answer; NaN, which is none, does not count as one."""
        if not math.isfinite(value):
            self._votes.append(False)
            self.held = False
            return False
        if self.alert.vote:
            self._votes.append(self.alert.holds(value, self.held))
            self.held = sum(self._votes) * 2 > self.alert.vote
        else:
            self.held = self.alert.holds(self._smooth(value, time_s), self.held)
        return self.held

    def _smooth(self, value: float, time_s: float) -> float:
        if not self.alert.smooth_s:
            return value
        if math.isnan(self._mean):
            self._mean = value
        else:
            share = 1 - math.exp((self._time_s - time_s) / self.alert.smooth_s)
            self._mean += share * (value - self._mean)
        self._time_s = time_s
        return self._mean


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, of whom.  value: a probability or a number; NaN: nothing was."""

    value: float
    label: str | None = None
    track: TrackInfo | None = None


@dataclass
class _Spell:
    """A time over which it holds, which may become an event."""

    since: Now
    newest: Now
    best: Now
    answer: Answer  # the surest
    total: float = 0.0
    count: int = 0
    id: str = ""  # once it is told
    told: "tuple[float, float, str | None]" = (0.0, 0.0, None)  # seconds, peak, name

    def add(self, answer: Answer, now: Now, lower_is_surer: bool) -> None:
        self.newest = now
        self.total += answer.value
        self.count += 1
        surer = (
            answer.value < self.answer.value if lower_is_surer else answer.value > self.answer.value
        )
        if surer or self.count == 1:
            self.answer, self.best = answer, now


class AlertSubject:
    """Somebody, or the whole frame, under one alert.

    since there: pending until it held for `for_s`, then an event until it did not for `clear_s`.
    """

    def __init__(self, alert: Alert) -> None:
        self._alert, self._smoother = alert, Smoother(alert)
        self._spell: _Spell | None = None
        self._not_since_s = math.nan
        self.name: str | None = None

    @property
    def is_active(self) -> bool:
        return self._spell is not None and bool(self._spell.id)

    def restart(self) -> None:
        """Its window began anew: what was not told yet begins anew as well."""
        self._smoother.restart()
        if not self.is_active:
            self._smoother.held, self._spell = False, None

    def take(self, answer: Answer, now: Now) -> None:
        if not self._smoother.take(answer.value, now.seconds):
            self._spell = self._spell if self.is_active else None
            if math.isnan(self._not_since_s):
                self._not_since_s = now.seconds
            return
        self._not_since_s = math.nan
        self._spell = self._spell or _Spell(now, now, now, answer)
        self._spell.add(answer, now, self._alert.is_low(self._spell.answer.value))
        if answer.track and answer.track.name:
            self.name = answer.track.name

    @property
    def held_s(self) -> float:
        """For how long it has held; 0 if it does not."""
        spell = self._spell
        return spell.newest.seconds - spell.since.seconds if spell else 0.0

    def is_ripe(self, now: Now) -> bool:
        """Whether it has just held for long enough, and is not told yet."""
        spell = self._spell
        if spell is None or spell.id or spell.newest is not now:
            return False
        return self.held_s >= self._alert.for_s - _ROUNDING_S

    def has_news(self, now: Now) -> bool:
        """Whether there is more to tell than a second ago: a name, or a surer answer."""
        spell = self._spell
        if spell is None or not spell.id or spell.newest is not now:
            return False
        told_s, peak, name = spell.told
        least = _NEWS * (abs(peak) if self._alert.is_number else 1)
        is_surer = abs(spell.answer.value - peak) >= least > 0
        return now.seconds - told_s >= _UPDATE_S and (is_surer or name != self.name)

    def is_cleared(self, now: Now) -> bool:
        """Whether it did not hold for long enough to have ended."""
        return (
            self.is_active and now.seconds - self._not_since_s >= self._alert.clear_s - _ROUNDING_S
        )

    def tell(self, phase: Phase, now: Now, common: "dict[str, str]", new_id: str = "") -> Event:
        """Make its event."""
        spell, alert = self._spell, self._alert
        assert spell is not None  # only of what is ripe or active
        spell.id = spell.id or new_id
        answer, track = spell.answer, spell.answer.track
        spell.told = now.seconds, answer.value, self.name
        has_value = alert.task is not None
        event = Event(
            spell.id,
            phase,
            str(alert),
            alert.severity,
            started=spell.since.moment,
            newest=now.moment,
            best=spell.best.moment,
            ended=spell.newest.moment if phase == "end" else None,
            task=alert.task,
            label=answer.label,
            peak=answer.value if has_value else None,
            mean=spell.total / spell.count if has_value else None,
            track=track.number if track else None,
            name=self.name,
            zone=alert.zone,
            box=track.box if track else None,
            differences=(),
            **common,  # source, unit, reason, bundle
        )
        if phase == "end":
            self._spell = None
        return event


class Judge:
    """One alert over all that it is asked of in one source.

    cooldown is of them all: who is followed under a new number is still the same person.
    """

    def __init__(self, alert: Alert, common: "dict[str, str]") -> None:
        self.alert, self.common = alert, common
        self._subjects: dict[int | None, AlertSubject] = {}
        self._silent_until_s = -math.inf

    def take(self, key: int | None, answer: Answer, now: Now, restart: bool) -> None:
        """One answer, of the person `key` or of the whole frame."""
        if key not in self._subjects:
            self._subjects[key] = AlertSubject(self.alert)
        if restart:
            self._subjects[key].restart()
        self._subjects[key].take(answer, now)

    def news(self, now: Now, new_id: Callable[[], str]) -> Iterator[Event]:
        """What the newest answers change."""
        for subject in self._subjects.values():
            if subject.is_cleared(now):
                yield self._end(subject, now, "cleared")
            elif subject.is_ripe(now) and now.seconds >= self._silent_until_s - _ROUNDING_S:
                yield subject.tell("start", now, self.common, new_id())
            elif subject.has_news(now):
                yield subject.tell("update", now, self.common)

    def keep(self, tracks: "set[int]", now: Now, reason: str) -> Iterator[Event]:
        """Forget all that are not among these tracks; what goes on of them ends."""
        for key in [key for key in self._subjects if key is not None and key not in tracks]:
            subject = self._subjects.pop(key)
            if subject.is_active:
                yield self._end(subject, now, reason)

    def end(self, now: Now, reason: str) -> Iterator[Event]:
        """Forget all; what goes on ends."""
        for subject in self._subjects.values():
            if subject.is_active:
                yield self._end(subject, now, reason)
        self._subjects.clear()

    def _end(self, subject: AlertSubject, now: Now, reason: str) -> Event:
        self._silent_until_s = now.seconds + self.alert.cooldown_s
        return subject.tell("end", now, {**self.common, "reason": reason})
