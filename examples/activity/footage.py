"""Real footage as the shipped detector and its tracks see it: each person's crops and answers."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from edge import sources
from edge.bundle import Bundle, open_bundle
from edge.detector import Detector
from edge.scene import Scene
from edge.scene.person import region_around
from edge.stream import Frame, FrameSampler
from edge.tracks import Tracker, TrackOptions
from edge_common import ClipError
from examples.activity.camera import MARGIN

# Who walks, and who stands, by how far they come: body heights a second over a window
WALKS_FROM, STANDS_BELOW = 0.45, 0.08
_ENDS = 4  # frames at either end of a window whose places are averaged


@dataclass(frozen=True)
class PersonWindow:
    """What a bundle says of one window of one person, and how fast they went in it.

    outputs: float32 (k,) by task.
    """

    footage: str
    track: int
    frame: int
    speed: float
    outputs: dict[str, np.ndarray]

    @property
    def person(self) -> tuple[str, int]:
        return self.footage, self.track

    @property
    def truth(self) -> str:
        """What they do, as far as their way through the image tells; "" if it does not."""
        return (
            "walking"
            if self.speed > WALKS_FROM
            else "standing"
            if self.speed < STANDS_BELOW
            else ""
        )


@dataclass(frozen=True)
class Watched:
    """One recording: how long it is, for how long people were in it, and all observations."""

    name: str
    seconds: float
    person_seconds: float
    observations: tuple[PersonWindow, ...]


def frames(source: str) -> Iterator[tuple[Frame, float]]:
    """Of a recording, each with the number of frames a second. Raises ClipError if it has no clock."""
    with sources.open_source(source) as opened:
        if not opened.rate_hz > 0:
            raise ClipError(f"{source} does not say how fast it goes: give {source}:rate=HZ")
        for frame in opened:
            yield frame, opened.rate_hz


def watch(bundle: Bundle, source: str) -> Watched:
    """Run the bundle for each person, as `edge-run --detector person` does."""
    scene, boxes = Scene(bundle, open_bundle("person")), defaultdict[int, list[list[float]]](list)
    observations, count, rate_hz = list[PersonWindow](), 0, 0.0
    for frame, rate_hz in frames(source):
        view, count = scene.push(frame), count + 1
        for track in view.tracks:
            boxes[track.number].append([frame.number, *track.box])
        for decision in view.decisions:
            if decision.track is None:
                continue
            number, way = decision.track.number, np.array(boxes[decision.track.number])
            window = way[way[:, 0] >= (decision.first_frame or 0)]
            outputs = {task: p.scores for task, p in decision.tasks.items()}
            speed = _speed(window, rate_hz)
            observations.append(PersonWindow(source, number, frame.number, speed, outputs))
    seconds = sum(map(len, boxes.values())) / rate_hz if rate_hz else 0.0
    return Watched(source, count / rate_hz if rate_hz else 0.0, seconds, tuple(observations))


def _speed(way: np.ndarray, rate_hz: float) -> float:
    """Body heights a second of (n, 5) frame number, left, top, width, height."""
    feet = np.stack([way[:, 1] + way[:, 3] / 2, way[:, 2] + way[:, 4]], axis=1)
    steps = feet[-_ENDS:].mean(axis=0) - feet[:_ENDS].mean(axis=0)
    seconds = (way[-_ENDS:, 0].mean() - way[:_ENDS, 0].mean()) / rate_hz
    return float(np.hypot(*steps) / np.median(way[:, 4]) / max(seconds, 1 / rate_hz))


def crops(source: str, size: int, window: int, rate_hz: float) -> np.ndarray:
    """uint8 (n, window, size, size, 3) RGB: each person's crops, a window after the other.

    Raises ClipError if nobody is in it for so long.
    """
    detector = Detector(open_bundle("person"))
    sure = detector.spec.sure
    tracker: Tracker | None = None
    people, windows = defaultdict[int, list[np.ndarray]](list), list[np.ndarray]()
    sampler = FrameSampler(rate_hz)
    for frame, source_hz in frames(source):
        height, width = frame.pixels.shape[:2]
        tracker = tracker or Tracker(
            (width, height), TrackOptions(sure, min(sure, TrackOptions.low_score))
        )
        if not sampler.takes(frame):
            continue
        detections = detector.find(frame.pixels)
        for track in tracker.update(detections.boxes, detections.scores, frame.number / source_hz):
            region = region_around(track.box, MARGIN, (size, size), width, height)
            if region is None or region.box is None or track.is_hidden:
                continue
            x, y, across, down = region.box
            crop = cv2.resize(frame.pixels[y : y + down, x : x + across], (size, size))
            people[track.number].append(np.ascontiguousarray(crop[..., ::-1]))
            if len(people[track.number]) == window:
                windows.append(np.stack(people.pop(track.number)))
    if not windows:
        raise ClipError(f"nobody is in {source} for {window} frames")
    return np.stack(windows)
