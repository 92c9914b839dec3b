"""A recorded day's decisions, judged again by other alerts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path

import numpy as np

from edge.events.alert import Alert
from edge.events.clock import WallClock
from edge.events.event import RUN_ENDED, SOURCE_LOST, Event
from edge.events.judges import Judges
from edge.scene.view import Presence, SceneView
from edge.sinks import BundleInfo, RunInfo
from edge.stream import Decision, Frame, TrackInfo
from edge.tasks import Prediction, PredictionFields, Task
from edge_common import ConfigError, data

_AWAY_S = 1.0  # without a decision, and a person has left
NO_PIXELS, _NO_SCORES = np.zeros((1, 1, 3), np.uint8), np.zeros(0, np.float32)


@dataclass(frozen=True)
class _Answer(PredictionFields):
    """A task's fields in a line. probabilities: of all labels, if the run was asked for them."""

    probabilities: dict[str, float] | None = None

    def prediction(self) -> Prediction:
        shares = self.p if isinstance(self.p, dict) else self.probabilities
        return Prediction(
            _NO_SCORES,
            label=self.label,
            p=self.p if isinstance(self.p, (int, float)) else None,
            index=self.index,
            value=self.value,
            unit=self.unit,
            similarity=self.similarity,
            labels=self.labels,
            probabilities=shares,
            guess=self.guess,
        )


@dataclass(frozen=True)
class _Track:
    number: int
    box: tuple[int, int, int, int]
    age_s: float = 0.0
    zones: dict[str, float] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True)
class Line:
    """What a line of edge-run says: a decision, or a gap.  place: file and line."""

    frame: int = -1
    captured_at: float = math.nan
    tasks: dict[str, _Answer] = field(default_factory=dict)
    at: str = ""
    source: str = ""
    time_s: float | None = None
    restart: bool = False
    track: _Track | None = None
    gap: str = ""
    place: str = ""

    def decision(self) -> Decision:
        predictions = {name: answer.prediction() for name, answer in self.tasks.items()}
        track = TrackInfo(**vars(self.track)) if self.track else None
        return Decision(
            self.frame, self.captured_at, 0.0, {}, predictions, track=track, restart=self.restart
        )


def read_lines(path: Path) -> Iterator[Line]:
    """Decisions and gaps of the newest run in a file. Raises ConfigError that names file and line."""
    for place, line in data.read_json_lines(Line, path, ("gap",)):
        if not line.gap and (not line.tasks or not math.isfinite(line.captured_at)):
            raise ConfigError(f"{place}: is no decision of edge-run: give a file of --jsonl")
        yield Line(**{**vars(line), "place": place})


def replay(lines: Sequence[Line], alerts: Sequence[Alert], bundle: BundleInfo) -> Iterator[Event]:
    """The events that these alerts would have led to, of each source in turn.

    People are there while something is decided of them.
    """
    for source in dict.fromkeys(line.source for line in lines):
        of_source = [line for line in lines if line.source == source]
        yield from _Source(source, alerts, bundle).events(of_source)


class _LineClock(WallClock):
    """Says of each frame's time what its line says."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0, lambda: 0.0)

    def set(self, epoch_s: float, monotonic_s: float) -> None:
        """Of the frame that comes next; milliseconds that were cut off are halved."""
        self._offset_s = epoch_s + 0.0005 - monotonic_s

    def epoch_s(self, monotonic_s: float) -> float:
        return monotonic_s + self._offset_s


class _Source:
    """One source's lines, as the run had them."""

    def __init__(self, name: str, alerts: Sequence[Alert], bundle: BundleInfo) -> None:
        self._clock = _LineClock()
        info = RunInfo((), origin=name, bundle=bundle, clock=self._clock)
        self._judges = Judges(alerts, info)
        self._people: dict[int, tuple[float, TrackInfo]] = {}

    def events(self, lines: Sequence[Line]) -> Iterator[Event]:
        for (_, gap), group in groupby(lines, key=lambda line: (line.frame, line.gap)):
            same = list(group)
            if gap:
                yield from self._judges.end(SOURCE_LOST)
            else:
                yield from self._frame(same)
        yield from self._judges.end(RUN_ENDED)

    def _frame(self, lines: Sequence[Line]) -> Sequence[Event]:
        first, decisions = lines[0], [line.decision() for line in lines]
        if first.at:
            self._clock.set(_epoch_s(first), first.captured_at)
        frame = Frame(NO_PIXELS, first.frame, first.captured_at, time_s=first.time_s)
        for decision in decisions:
            if decision.track:
                self._people[decision.track.number] = frame.moment_s, decision.track
        self._people = {
            number: (seen_s, track)
            for number, (seen_s, track) in self._people.items()
            if frame.moment_s - seen_s <= _AWAY_S
        }
        if self._people:
            tracks = [track for _, track in self._people.values()]
            presence = Presence(len(tracks), datetime.min)
            self._judges.show_people(SceneView(first.frame, tracks, decisions, presence))
        return self._judges.take(frame, decisions)


def _epoch_s(line: Line) -> float:
    try:
        return datetime.fromisoformat(line.at.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise ConfigError(f"{line.place}: '{line.at}' is no time of RFC 3339") from None


def lacks_probabilities(
    lines: Sequence[Line], alerts: Sequence[Alert], tasks: Sequence[Task]
) -> bool:
    """Whether an alert is of a task of which only the winner's probability was recorded."""
    names = {task.name for task in tasks if task.kind == "classification"}
    watched = names & {alert.task for alert in alerts}
    return any(
        line.tasks[name].probabilities is None and line.tasks[name].p is not None
        for line in lines
        for name in watched & line.tasks.keys()
    )
