"""People whose places are known, walking through frames: a crowd of any size to be watched."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np

from edge import Bundle, Decision, Frame, loop, sinks, summary
from edge.detector import Detections, Detector, open_detector
from edge.scene import Scene, SceneOptions
from edge.sources.live import LiveSource
from edge.stream import Network, Region, StreamOptions
from edge_benchmarks.scenarios import base, people, timed_stream

_STEP_S = 4.0  # for one walk to and fro
_SETTLE_S = 1.0  # until somebody is found and costs are known
_PATIENCE = 4  # times the frames that a window takes at best, until it is full


class Walkers(Detector):
    """Runs its network on each frame, and finds so many people instead of what that found."""

    def __init__(self, bundle: Bundle, options: StreamOptions, size: tuple[int, int]) -> None:
        super().__init__(bundle, options)
        self._size = size
        self.gather(1)

    def gather(self, count: int) -> None:
        """From now on so many people walk, each in a part of the frame of their own."""
        columns = math.ceil(math.sqrt(count))
        rows = math.ceil(count / columns)
        number = np.arange(count)
        cell = np.array(self._size) / (columns, rows)
        self._middles = (np.stack([number % columns, number // columns], 1) + 0.5) * cell
        self._phases, self._reach = number * 2.4, 0.1 * cell[0]
        self._half = 0.3 * min(cell[0], cell[1] / 2) * np.array([1.0, 2.0])

    def find(self, pixels: np.ndarray, region: Region | None = None) -> Detections:
        super().find(pixels, region)
        angle = 2 * math.pi * time.monotonic() / _STEP_S + self._phases
        middles = self._middles + np.stack([self._reach * np.sin(angle), 0 * angle], 1)
        boxes = np.hstack([middles - self._half, middles + self._half])
        return Detections(boxes.astype(np.float32), np.ones(len(boxes), np.float32))


class Crowd:
    """One network and one detector, on frames of a camera that is paced. Raises EdgeError.

    size: width and height of the frames in pixels.
    frames: of each watch, once everybody has a full window.
    """

    def __init__(
        self,
        inputs: base.Inputs,
        detector: str,
        size: tuple[int, int],
        rate_hz: float,
        budget_ms: float,
    ) -> None:
        self._bundle, self._rate_hz = inputs.bundle, rate_hz
        stream = replace(inputs.engine, region=Region(), hop=1)
        self._walkers = Walkers(open_detector(detector, runtime=stream.runtime), stream, size)
        self._network = Network(inputs.bundle, stream)
        self._options = SceneOptions(stream, budget_ms, rate_hz=rate_hz)
        self._pixels = [cv2.resize(each, size) for each in inputs.frames.pixels]
        self.frames = max(inputs.plan.frames, math.ceil(inputs.plan.seconds * rate_hz))

    @property
    def detector_name(self) -> str:
        return self._walkers.bundle.manifest.name

    def watch(self, count: int, on_frame: Callable[[], None] = lambda: None) -> people.PeopleLoad:
        """So many people at once."""
        options = replace(self._options, max_people=count)
        self._walkers.gather(count)
        scene = Scene(self._bundle, self._walkers, options, network=self._network)
        filling = math.ceil(_SETTLE_S * self._rate_hz) + _PATIENCE * self._bundle.manifest.window
        most = count * filling + self.frames
        paced = timed_stream.PacedCamera(self._pixels, self._rate_hz, most)
        log = _CrowdLog(scene, paced, count, self.frames, on_frame)
        with base.Interruptible() as running:
            log.watch()
        return log.load(running.complete)


class _CrowdLog:
    """Pushes frames through a scene, and notes what came of those after all were decided on."""

    def __init__(
        self,
        scene: Scene,
        paced: timed_stream.PacedCamera,
        people: int,
        frames: int,
        on_frame: Callable[[], None],
    ) -> None:
        self._scene, self._paced, self._people, self._most = scene, paced, people, frames
        self._on_frame = on_frame
        self._decisions = Counter[int]()
        self._is_settled = False
        self._numbers: list[int] = []
        self._age_ms: list[float] = []
        self._follow_ms: list[float] = []
        self._detections = 0

    def watch(self) -> None:
        """Until enough frames were noted, or none come any more."""
        source = LiveSource("walkers", lambda: self._paced, can_end=True)
        with closing(source):
            counts = summary.SourceSummary(source)
            loop.run([loop.Feed(counts, self, [self])], summary.RunSummary("", [counts], ""))

    def decisions(self, frame: Frame) -> Sequence[Decision]:
        before = self._scene.summary.detections
        view = self._scene.push(frame)
        if self._is_settled:
            ran = self._scene.summary.detections - before
            self._detections += ran
            self._follow_ms += [] if ran else [self._scene.latency_ms["people"]]
        return view.decisions

    def take(self, frame: Frame, decisions: Sequence[Decision]) -> None:
        age_ms = (time.perf_counter_ns() - self._paced.schedule.due_ns(frame.number)) / 1e6
        self._decisions.update(each.track.number for each in decisions if each.track)
        if not self._is_settled:
            there = {track.number for track in self._scene.view.tracks}
            self._is_settled = len(there) == self._people and there <= self._decisions.keys()
            if self._is_settled:
                self._decisions = Counter(dict.fromkeys(there, 0))
            return
        self._numbers.append(frame.number)
        self._age_ms.append(age_ms)
        self._on_frame()
        if len(self._numbers) == self._most:
            raise sinks.RunEnded

    def close(self) -> None:
        """Nothing to finish."""

    def load(self, complete: bool) -> people.PeopleLoad:
        """What was noted so far."""
        if not self._numbers:
            return people.PeopleLoad(self._people, complete=complete)
        passed = self._numbers[-1] - self._numbers[0] + 1
        return people.PeopleLoad(
            self._people,
            len(self._numbers),
            passed - len(self._numbers),
            passed / self._paced.rate_hz,
            tuple(self._age_ms),
            tuple(sorted(self._decisions.values())),
            self._detections,
            tuple(self._follow_ms),
            complete,
        )
