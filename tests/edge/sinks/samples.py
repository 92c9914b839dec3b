"""Events, decisions and frames to give to sinks."""

from dataclasses import replace

import numpy as np

from edge.events import Event, EventIds, Moment
from edge.events.alert import Alert
from edge.sinks import BundleInfo, RunInfo
from edge.stream import Decision, Frame
from edge.tasks import Task, kind_of

ACTION = Task("action", "classification", ("still", "fall"))
FALL = Alert(name="fall", task="action", labels=("fall",))
RUN = RunInfo(
    ("action",),
    25.0,
    live=True,
    origin="yard",
    bundle=BundleInfo("watch", "ab" * 32, (ACTION,)),
    alerts=(FALL,),
)
RECORDING = replace(RUN, live=False)
IDS = EventIds("5eed5eed")


def moment(frame: int) -> Moment:
    return Moment(f"2026-11-27T12:00:{frame % 60:02d}.000+00:00", 100.0 + frame / 25, frame)


def event(number: int, phase: str = "start", **changes: object) -> Event:
    first = Event(
        IDS.next(1.8e9 + number),
        "start",
        "fall",
        "alarm",
        "yard",
        moment(number),
        moment(number),
        moment(number),
        task="action",
        label="fall",
        peak=0.97,
        mean=0.9,
        bundle="watch",
        bundle_sha256="ab" * 32,
    )
    return replace(first, phase=phase, **changes)


def ended(begun: Event, frame: int) -> Event:
    now = moment(frame)
    return replace(begun, phase="end", newest=now, ended=now, reason="cleared")


def frame(number: int, height: int = 48, width: int = 64) -> Frame:
    return Frame(np.full((height, width, 3), number % 256, np.uint8), number, number / 25)


def decision(number: int, p: float = 0.9) -> Decision:
    scores = np.array([1 - p, p], np.float32)
    return Decision(number, number / 25, 1.0, {}, {"action": kind_of(ACTION).predict(scores)})
