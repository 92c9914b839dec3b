"""Faces in pictures that leave a run: searched for in each of them, and covered.

A face becomes its mean colour, in 16 levels a channel. Blurring was measured first: whoever has named
photos of 40 people that were blurred alike tells who it is in 84 % of others if a face is a mosaic of
4 x 4 cells made smooth, and in 6.5 % if it is one colour (`python -m examples.hidden_faces`).
R. McPherson, R. Shokri and V. Shmatikov, Defeating image obfuscation with deep learning, 2016.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import cv2
import numpy as np

from edge.detector import Detector, open_detector
from edge.stream import FULL, Frame, Region, StreamOptions

if TYPE_CHECKING:
    from edge.scene import SceneView

MARGIN = 0.35  # of a box, on each side: hair, ears and chin
KEPT_S = 1.0  # a face that is not found any more stays covered for so long
# if what comes is known: how long before it is found, and how often to look
AHEAD_S, LOOK_S = 0.5, 0.1
_LEVEL = 16  # grey levels a step of the colour that is left
_TILE, _OVERLAP = 1 / 2, 1 / 3  # of the shorter side of a picture; and of a tile
_CYCLE_S = 0.5  # in which each tile has its turn
_LARGEST_IN_TILE = 0.6  # of its side; the whole picture shows what is larger


T = TypeVar("T")


@dataclass(frozen=True)
class Sighting:
    """Faces of one moment, seconds of the source.  boxes: float32 (n, 4), left, top, right, bottom."""

    time_s: float
    boxes: np.ndarray


def covered(pixels: np.ndarray, boxes: "np.ndarray | Sequence[Sequence[float]]") -> np.ndarray:
    """A copy of a picture, uint8 (H, W, 3), without what is in these boxes (n, 4) and around them.

    The same picture if there are none. Boxes that touch each other have one colour, so that several of
    one face say no more of it than one.
    """
    if not len(boxes):
        return pixels
    height, width = pixels.shape[:2]
    corners = np.reshape(boxes, (-1, 2, 2)).astype(np.float64)
    margin = MARGIN * (corners[:, 1] - corners[:, 0])
    first = np.clip(np.floor(corners[:, 0] - margin), 0, (width, height)).astype(int)
    last = np.clip(np.ceil(corners[:, 1] + margin), 0, (width, height)).astype(int)
    image, mask = pixels.copy(), np.zeros((height, width), np.uint8)
    for group in _touching(first, last):
        ends = list(zip(first[group].tolist(), (last[group] - 1).tolist()))
        (left, top), (right, bottom) = first[group].min(axis=0), last[group].max(axis=0)
        for a, b in ends:
            cv2.rectangle(mask, a, b, 1, cv2.FILLED)
        mean = cv2.mean(pixels[top:bottom, left:right], mask[top:bottom, left:right])
        mask[top:bottom, left:right] = 0
        for a, b in ends:
            cv2.rectangle(
                image, a, b, [m // _LEVEL * _LEVEL + _LEVEL // 2 for m in mean], cv2.FILLED
            )
    return image


def _touching(first: np.ndarray, last: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of boxes that touch each other, or do by others between them; empty ones are left out.

    first, last: corners, (n, 2).
    """
    shown = np.flatnonzero((last > first).all(axis=1))
    if not len(shown):
        return
    first, last = first[shown], last[shown]
    touches = (first[:, None] <= last).all(axis=2) & (last[:, None] >= first).all(axis=2)
    groups = np.arange(len(shown))
    while ((smallest := np.where(touches, groups, len(groups)).min(axis=1)) != groups).any():
        groups = smallest
    for number in np.unique(groups):
        yield shown[groups == number]


class FaceSearch:
    """One detector of faces for all outputs of a run, which use it from threads of their own.

    It is loaded when the first picture leaves.  tracks_are_faces: whether whom the run follows was
    found by their faces.  Raises BundleError, EngineError.
    """

    def __init__(self, name: str = "face-finder", tracks_are_faces: bool = False) -> None:
        self.tracks_are_faces = tracks_are_faces
        self._name, self._lock = name, threading.Lock()
        self._detector: Detector | None = None

    def cover(self) -> "FaceCover":
        """A new one, for pictures of one source that come in their order."""
        return FaceCover(self)

    def still(self, pixels: np.ndarray) -> np.ndarray:
        """A picture by itself, uint8 (H, W, 3), with its faces covered."""
        return FaceCover(self)(pixels, 0.0)

    def find(self, pixels: np.ndarray, regions: Iterable[Region]) -> np.ndarray:
        """Boxes (n, 4) in pixels of the picture, uint8 (H, W, 3), of faces in any of its regions."""
        boxes = [np.empty((0, 4), np.float32)]
        with self._lock:
            self._detector = detector = self._detector or Detector(
                open_detector(self._name), StreamOptions()
            )
            for region in regions:
                in_region = detector.find(pixels, region).boxes
                if region.box:
                    sides = (in_region[:, 2:] - in_region[:, :2]).max(axis=1, initial=0)
                    in_region = in_region[sides <= _LARGEST_IN_TILE * region.box[2]]
                boxes.append(in_region)
        return np.concatenate(boxes)


def tiles(width: int, height: int) -> tuple[Region, ...]:
    """Squares that overlap, so that each small face is whole in one of them."""
    side = round(min(width, height) * _TILE)
    if side < 1:
        return ()
    return tuple(
        Region("box", (x, y, side, side))
        for y in _starts(height, side)
        for x in _starts(width, side)
    )


def _starts(length: int, side: int) -> list[int]:
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [round(float(start)) for start in np.linspace(0, length - side, count)]


class FaceCover:
    """Covers the faces in pictures of one source, which come in their order.

    The whole picture is searched each time, and tiles of it in turns, each at least twice a second; all
    of them in a first picture, and behind a second without any.
    """

    def __init__(self, search: FaceSearch) -> None:
        self._search, self._turn, self._shape = search, 0, (0, 0)
        self._sightings: deque[Sighting] = deque(maxlen=4096)

    def __call__(
        self, pixels: np.ndarray, time_s: float, boxes: "Sequence[Sequence[float]]" = ()
    ) -> np.ndarray:
        """A picture, uint8 (H, W, 3), of that time of its source, with its faces covered.

        boxes: of faces that somebody else found, left, top, right, bottom.
        """
        self.look(pixels, time_s, boxes)
        return covered(pixels, self.boxes_at(time_s))

    def frame(self, frame: Frame, view: "SceneView | None" = None) -> Frame:
        """The same with its faces covered.  view: who is in it, as a run says."""
        time_s = frame.moment_s if math.isfinite(frame.moment_s) else frame.captured_at
        tracks = view.tracks if view and self._search.tracks_are_faces else ()
        boxes = [(x, y, x + width, y + height) for x, y, width, height in (t.box for t in tracks)]
        return replace(frame, pixels=self(frame.pixels, time_s, boxes))

    def look(
        self, pixels: np.ndarray, time_s: float, boxes: "Sequence[Sequence[float]]" = ()
    ) -> None:
        """Search it, and remember what is there."""
        if pixels.shape[:2] != self._shape:
            self._shape = pixels.shape[:2]
            self._sightings.clear()
        regions = self._regions(time_s)
        own = self._search.find(pixels, regions)
        more = np.asarray(boxes, np.float32).reshape(-1, 4)
        self._sightings.append(Sighting(time_s, np.concatenate([own, more])))

    def is_due(self, time_s: float) -> bool:
        """Whether so much time has passed since the newest look, or none of it is known."""
        return not self._sightings or not 0 <= time_s - self._sightings[-1].time_s < LOOK_S

    def boxes_at(self, time_s: float, ahead_s: float = 0.0) -> np.ndarray:
        """Of faces that are there then, or were within the last second: (n, 4).

        ahead_s: seconds before a face was found in which it is covered, too.
        """
        near = [
            sighting.boxes
            for sighting in self._sightings  # a time that is no number is near to all
            if not (time_s - sighting.time_s > KEPT_S or sighting.time_s - time_s > ahead_s)
        ]
        return np.concatenate(near) if near else np.empty((0, 4), np.float32)

    def _regions(self, time_s: float) -> list[Region]:
        every = tiles(self._shape[1], self._shape[0])
        passed_s = time_s - self._sightings[-1].time_s if self._sightings else math.inf
        while self._sightings and abs(time_s - self._sightings[0].time_s) > 2 * KEPT_S:
            self._sightings.popleft()
        if not 0 <= passed_s < _CYCLE_S:
            return [FULL, *every]
        count = min(max(math.ceil(len(every) * passed_s / _CYCLE_S), 1), len(every))
        turn, self._turn = self._turn, self._turn + count
        return [FULL, *(every[(turn + n) % len(every)] for n in range(count))]


class DelayedCover(Generic[T]):
    """Covers faces in pictures that may wait half a second, so that one is covered before it is found, too.

    decode: makes a picture, uint8 (H, W, 3), of what waits, ten times a second of its source.
    """

    def __init__(self, search: FaceSearch, decode: Callable[[T], np.ndarray]) -> None:
        self._cover, self._decode = FaceCover(search), decode
        self._waiting: deque[tuple[T, float]] = deque()

    def put(self, picture: T, time_s: float) -> Iterator[tuple[T, np.ndarray]]:
        """Take the next one; those that waited long enough, each with boxes of faces (n, 4) in it."""
        if self._cover.is_due(time_s):
            self._cover.look(self._decode(picture), time_s)
        self._waiting.append((picture, time_s))
        while self._waiting and not abs(time_s - self._waiting[0][1]) <= AHEAD_S:
            yield self._pop()

    def rest(self) -> Iterator[tuple[T, np.ndarray]]:
        """All that wait still, as no more comes soon."""
        while self._waiting:
            yield self._pop()

    def _pop(self) -> tuple[T, np.ndarray]:
        picture, time_s = self._waiting.popleft()
        return picture, self._cover.boxes_at(time_s, AHEAD_S)
