"""Frames and events that programs make to measure outputs with."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import click
import numpy as np

from edge import scene, sinks, sources, stream, tasks
from edge.events import Event, EventIds, Moment, alert, judges

IDS = EventIds()
RUN = sinks.RunInfo(("task",), 25.0, live=True, origin="camera")


def event(number: int, phase: str = "start", time_s: float | None = None) -> Event:
    now = time.monotonic()
    moment = Moment(RUN.clock.text(now), now, number, time_s)
    fields = {
        "task": "action",
        "label": "fall",
        "peak": 0.97,
        "mean": 0.91,
        "box": (10, 20, 100, 200),
    }
    identity = IDS.next(time.time())
    return Event(
        identity, phase, "fall", "alarm", "camera", moment, moment, moment, **fields,  # type: ignore[arg-type]
        bundle="watch", bundle_sha256="ab" * 32,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def report(**values: object) -> None:
    click.echo(json.dumps(values))


class Pictures(sources.Source):
    """So many frames of 640 x 480, at a rate or as fast as they are taken."""

    def __init__(self, count: int, rate_hz: float) -> None:
        super().__init__("pictures")
        self.live, self._count, self.rate_hz = bool(rate_hz), count, rate_hz
        rng = np.random.default_rng(0)
        small = rng.integers(0, 256, (30, 40, 3), np.uint8)
        self._pixels = np.kron(small, np.ones((16, 16, 1), np.uint8))

    def __iter__(self) -> Iterator[stream.Frame]:
        began = time.monotonic()
        for number in range(self._count):
            if self.rate_hz:
                time.sleep(max(0.0, began + number / self.rate_hz - time.monotonic()))
            time_s = None if self.live else number / RUN.rate_hz
            yield stream.Frame(np.roll(self._pixels, 3 * number, 1), number, time_s=time_s)


class EveryTenth:
    """An event in every tenth frame, and its end five frames later; or in every so many frames."""

    _active: Sequence[Event] = ()

    def __init__(self, every: int = 10) -> None:
        self._every = every

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> Sequence[Event]:
        phase = frame.number % self._every
        if phase == 0:
            self._active = [event(frame.number, time_s=frame.time_s)]
            return self._active
        return self._ends("cleared", frame.time_s) if phase == 5 else ()

    def end(self, reason: str) -> Sequence[Event]:
        return self._ends(reason, None)

    def _ends(self, reason: str, time_s: float | None) -> Sequence[Event]:
        ends = []
        for each in self._active:
            last = each.newest if time_s is None else replace(each.newest, time_s=time_s)
            ends.append(replace(each, phase="end", ended=last, reason=reason))
        self._active = ()
        return ends


def judged_ms(alerts: int, people: int, frames: int) -> float:
    """Milliseconds of CPU time a frame, to judge each person's answers by so many alerts."""
    action = tasks.Task("action", "classification", ("walk", "fall", "faint"))
    rules = [
        alert.Alert(name=str(n), task="action", labels=("fall",), smooth_s=0.4, for_s=0.5)
        for n in range(alerts)
    ]
    run = replace(RUN, bundle=sinks.BundleInfo("watch", "ab" * 32, (action,)))
    shares = np.random.default_rng(0).random((64, 3)).astype(np.float32)
    shares /= shares.sum(axis=1, keepdims=True)
    answers = [{"action": tasks.kind_of(action).predict(each)} for each in shares]
    tracks = [stream.TrackInfo(n, (0, 0, 50, 100)) for n in range(people)]
    pixels, judge, spent_s = np.zeros((4, 4, 3), np.uint8), judges.Judges(rules, run), 0.0
    for number in range(frames):
        now = number / RUN.rate_hz
        decisions = [
            stream.Decision(number, now, 1.0, {}, answers[(number // 20 + n) % 64], track=track)
            for n, track in enumerate(tracks)
        ]
        view = scene.SceneView(number, tracks, decisions, scene.Presence(people, datetime.min))
        frame = stream.Frame(pixels, number, now)
        began = time.thread_time()
        judge.show_people(view)
        judge.take(frame, decisions)
        spent_s += time.thread_time() - began
    return 1e3 * spent_s / frames
