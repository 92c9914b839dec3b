"""All alerts of one source: what `edge.loop` asks for events."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from edge.events.alert import Alert
from edge.events.event import OUT_OF_SCHEDULE, TRACK_LEFT, Event, EventIds
from edge.events.evidence import NOTHING, AlertEvidence, AlertShares
from edge.events.judge import Answer, Judge, Now
from edge.stream.decision import Decision, TrackInfo

if TYPE_CHECKING:
    from edge.scene import SceneView
    from edge.sinks import BundleInfo, RunInfo
    from edge.stream import Frame

_HERE = 1.0  # what presence is judged by


class FrameClock:
    """The time of frames, which never goes back: that of a recording, or when they arrived."""

    def __init__(self, run: "RunInfo") -> None:
        self._clock, self._time_s = run.clock, math.nan
        self.now = Now()

    def take(self, frame: "Frame") -> Now:
        time_s = frame.moment_s if math.isfinite(frame.moment_s) else frame.captured_at
        passed_s = time_s - self._time_s if time_s > self._time_s else 0.0
        self._time_s = time_s
        own_s = frame.time_s if frame.time_s is not None and math.isfinite(frame.time_s) else None
        seconds, epoch_s = self.now.seconds + passed_s, self._clock.epoch_s(frame.captured_at)
        self.now = Now(seconds, epoch_s, frame.captured_at, frame.number, own_s)
        return self.now

    @property
    def epoch_s(self) -> float:
        """Of the newest frame, seconds since 1970."""
        return self.now.epoch_s


class EventSource(Protocol):
    """What makes events of a source's frames."""

    def show_people(self, view: "SceneView") -> None:
        """Who is there in the frame that is taken next."""

    def take(self, frame: "Frame", decisions: Sequence[Decision]) -> Sequence[Event]:
        """What begins, changes or ends with one frame."""

    def end(self, reason: str) -> Sequence[Event]:
        """The ends of all that goes on."""

    def show_bundle(self, bundle: "BundleInfo") -> None:
        """Another version of the bundle answers from now on."""


class EventSources:
    """Several that are asked in turn."""

    def __init__(self, sources: Sequence[EventSource]) -> None:
        self._sources = sources

    def show_people(self, view: "SceneView") -> None:
        for each in self._sources:
            each.show_people(view)

    def take(self, frame: "Frame", decisions: Sequence[Decision]) -> Sequence[Event]:
        return [event for each in self._sources for event in each.take(frame, decisions)]

    def show_bundle(self, bundle: "BundleInfo") -> None:
        for each in self._sources:
            each.show_bundle(bundle)

    def end(self, reason: str) -> Sequence[Event]:
        return [event for each in self._sources for event in each.end(reason)]


def common_fields(run: "RunInfo") -> dict[str, str]:
    """What all events of one source say of it and its bundle."""
    who = {"bundle": run.bundle.name, "bundle_sha256": run.bundle.sha256} if run.bundle else {}
    return {"source": run.origin, **who}


class Judges:
    """Turns the decisions of one source into events.

    Time is that of the frames: a recording gives the events that its camera would have given.
    alerts: that fit the run (`Alert.fit`).  run: whose bundle, source and clock events name.
    """

    def __init__(self, alerts: Sequence[Alert], run: "RunInfo") -> None:
        self._wall_clock, self._clock, self._ids = run.clock, FrameClock(run), EventIds()
        bundle, self._run = run.bundle, run
        tasks = {task.name: task for task in bundle.tasks} if bundle else {}
        common = common_fields(run)
        self._judges: list[tuple[Judge, AlertEvidence | None]] = []
        for alert in alerts:
            if alert.source not in (None, run.origin):
                continue
            task = tasks[alert.task] if alert.task is not None else None
            unit = {"unit": task.unit} if task and alert.is_number and task.unit else {}
            evidence = AlertEvidence(alert, task) if task else None
            self._judges.append((Judge(alert, common | unit), evidence))
        self._tracks: Sequence[TrackInfo] | None = None

    def show_bundle(self, bundle: "BundleInfo") -> None:
        """What goes on goes on; later events name this one."""
        self._run = replace(self._run, bundle=bundle)
        tasks = {task.name: task for task in bundle.tasks}
        for judge, evidence in self._judges:
            judge.common |= common_fields(self._run)
            if evidence:
                evidence.task = tasks[evidence.task.name]

    def show_people(self, view: "SceneView") -> None:
        """Who is there in the frame that is taken next."""
        self._tracks = view.tracks

    def take(self, frame: "Frame", decisions: Sequence[Decision]) -> Sequence[Event]:
        """What begins, changes or ends with one frame, in the order of the alerts."""
        now = self._clock.take(frame)
        events, shares = list[Event](), AlertShares()
        numbers = None if self._tracks is None else {track.number for track in self._tracks}
        for judge, evidence in self._judges:
            if not self._is_due(judge.alert, frame):
                events += judge.end(now, OUT_OF_SCHEDULE)
                continue
            if numbers is not None:
                events += judge.keep(numbers, now, TRACK_LEFT)
            for key, answer, restart in self._answers(judge.alert, evidence, decisions, shares):
                judge.take(key, answer, now, restart)
            events += judge.news(now, self._new_id)
        return events

    def end(self, reason: str) -> Sequence[Event]:
        """The ends of all that goes on: of a run, or of a source that gives no frames."""
        return [event for judge, _ in self._judges for event in judge.end(self._clock.now, reason)]

    def _new_id(self) -> str:
        return self._ids.next(self._clock.epoch_s)

    def _is_due(self, alert: Alert, frame: "Frame") -> bool:
        if not alert.hours:
            return True
        local = self._wall_clock.local(frame.captured_at)
        return any(hours.hold(local) for hours in alert.hours)

    def _answers(
        self,
        alert: Alert,
        evidence: AlertEvidence | None,
        decisions: Sequence[Decision],
        shares: AlertShares,
    ) -> Iterator[tuple[int | None, Answer, bool]]:
        """(of whom, what, whether their window began anew)"""
        if evidence is None:
            for track in self._tracks or ():
                yield track.number, Answer(_in_zone(alert, track, _HERE), None, track), False
            return
        for decision in decisions:
            prediction, who = decision.tasks.get(alert.task or ""), decision.track
            value, label = evidence.of(prediction, shares) if prediction else NOTHING
            answer = Answer(_in_zone(alert, who, value), label, who)
            yield who.number if who else None, answer, decision.restart


def _in_zone(alert: Alert, track: TrackInfo | None, value: float) -> float:
    """The value, or NaN of who is elsewhere: nothing is said of them."""
    is_there = alert.zone is None or (track is not None and alert.zone in track.zones)
    return value if is_there else math.nan
