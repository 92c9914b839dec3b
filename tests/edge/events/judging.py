"""Answers of one camera, judged: by a clock that a test turns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge.events import Event, WallClock
from edge.events.alert import Alert
from edge.events.judges import Judges
from edge.scene import Presence, SceneView
from edge.sinks import BundleInfo, RunInfo
from edge.stream import Decision, Frame, TrackInfo
from edge.tasks import Task, kind_of
from edge.tasks.kind import Prediction

ACTION = Task("action", "classification", ("walk", "fall", "faint"))
AGE = Task("age", "regression", unit="years")
DOOR = Task("door", "binary", ("shut", "open"))
TAGS = Task("tags", "multi-label", ("hat", "bag"))
TASKS = (ACTION, AGE, DOOR, TAGS)
PIXELS = np.zeros((2, 2, 3), np.uint8)
MIDNIGHT = 1_700_000_000.0  # about


def run_info(start_s: float = MIDNIGHT, tasks: Sequence[Task] = TASKS) -> RunInfo:
    clock = WallClock(lambda: start_s, lambda: 0.0)
    return RunInfo((), origin="yard", bundle=BundleInfo("net", "ab", tuple(tasks)), clock=clock)


def fall(p: float) -> Prediction:
    """An answer in which `fall` has a probability."""
    return kind_of(ACTION).predict(np.array([1 - p, p, 0.0], np.float32))


class Camera:
    """Frames at times of a test's choice, and the events that they led to."""

    def __init__(self, *alerts: Alert, info: RunInfo | None = None) -> None:
        self.judges, self.number = Judges(alerts, info or run_info()), -1
        self.events: list[Event] = []

    def frame(self, second: float, decisions: Sequence[Decision] = (), **more: Any) -> list[Event]:
        self.number += 1
        news = list(self.judges.take(Frame(PIXELS, self.number, second, **more), decisions))
        self.events += news
        return news

    def answer(
        self,
        second: float,
        tasks: Mapping[str, Prediction],
        track: TrackInfo | None = None,
        restart: bool = False,
    ) -> list[Event]:
        if track:
            self.people(track)
        decision = Decision(self.number + 1, second, 0.0, {}, tasks, track=track, restart=restart)
        return self.frame(second, [decision])

    def fall(self, second: float, p: float, **more: Any) -> list[Event]:
        return self.answer(second, {"action": fall(p)}, **more)

    def people(self, *tracks: TrackInfo) -> None:
        self.judges.show_people(SceneView(self.number + 1, tracks, (), Presence(0, None)))

    def end(self, reason: str = "run ended") -> list[Event]:
        news = list(self.judges.end(reason))
        self.events += news
        return news


def phases(events: Sequence[Event]) -> list[str]:
    return [event.phase for event in events]
