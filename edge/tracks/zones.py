"""Areas of the frame: which people stand in which one, for how long, and where nobody is looked for."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.input_spec import Size
from edge.tracks.tracker import Track
from edge_common import EdgeError

Point = tuple[float, float]

FORM = "x,y,x,y,... of at least three points, in pixels or all from 0 to 1 as shares of the frame"
_AWAY_S = 1.0  # outside for longer than this, and the next visit counts anew


@dataclass(frozen=True)
class Polygon:
    """Corners in pixels of the frame, or, if none is above 1, in shares of its width and height."""

    points: tuple[Point, ...]

    @classmethod
    def parse(cls, text: str, what: str = "mask") -> "Polygon":
        """Read `x,y,x,y,...`; what: of which the message speaks.

        Raises EdgeError if it is something else, has no area or crosses itself.
        """
        what = f"{what} '{text}'"
        try:
            numbers = [float(number) for number in text.split(",")]
        except ValueError:
            raise EdgeError(f"{what} is not understood: use {FORM}") from None
        if not all(0 <= number < math.inf for number in numbers):
            raise EdgeError(f"{what} has a corner outside of the frame: use {FORM}")
        if len(numbers) % 2:
            raise EdgeError(f"{what} has an x without a y: use {FORM}")
        corners = list(zip(numbers[::2], numbers[1::2]))
        points = [here for here, after in zip(corners, corners[1:] + corners[:1]) if here != after]
        if len(points) < 3:
            count = f"{len(points)} points" if points else "1 point"
            raise EdgeError(f"{what} has {count}: use {FORM}")
        if crossing := next(_crossings(points), None):
            sides = " and ".join(
                f"from {x:g},{y:g} to {to_x:g},{to_y:g}" for (x, y), (to_x, to_y) in crossing
            )
            raise EdgeError(f"{what} crosses itself {sides}: give its corners in turn")
        if not _area(points):
            raise EdgeError(f"{what} has no area: its corners stand on one line")
        return cls(tuple(points))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ",".join(f"{number:g}" for point in self.points for number in point)

    def pixels(self, frame_size: Size) -> NDArray[np.float32]:
        """(n, 2) corners in a frame of (width, height). Raises EdgeError if one is outside."""
        return _pixels(self.points, frame_size)

    def in_shares(self, frame_size: Size) -> "Polygon":
        """Of frames of (width, height). Raises EdgeError if a corner is outside."""
        shares = self.pixels(frame_size) / frame_size
        return Polygon(tuple((x, y) for x, y in shares.tolist()))

    def holds(self, point: Point, frame_size: Size) -> bool:
        """Whether a point of the frame, in pixels, is inside or on the edge."""
        return cv2.pointPolygonTest(self.pixels(frame_size), point, False) >= 0


@lru_cache(maxsize=64)  # asked for each person in each frame
def _pixels(points: tuple[Point, ...], frame_size: Size) -> NDArray[np.float32]:
    corners = np.array(points, np.float32)
    if corners.max() <= 1:
        return corners * np.array(frame_size, np.float32)
    outside = np.flatnonzero((corners > frame_size).any(1))
    if outside.size:
        x, y = points[outside[0]]
        width, height = frame_size
        raise EdgeError(
            f"the corner {x:g},{y:g} of a zone or mask is outside of the frames, which have "
            f"{width} x {height} pixels: give corners within, or shares from 0 to 1"
        )
    return corners


@dataclass(frozen=True)
class Zone:
    """A polygon with a name."""

    name: str
    polygon: Polygon

    @classmethod
    def parse(cls, text: str) -> "Zone":
        """Read `NAME=x,y,x,y,...`. Raises EdgeError if it is something else."""
        name, equals, corners = text.partition("=")
        if not (name.strip() and equals and name.isprintable()):
            raise EdgeError(f"zone {text!r} is not understood: use NAME={FORM}")
        return cls(name.strip(), Polygon.parse(corners, f"zone '{name.strip()}'"))

    def __str__(self) -> str:
        return f"{self.name}={self.polygon}"


def parse_zones(texts: Sequence[str]) -> tuple[Zone, ...]:
    """One after the other. Raises EdgeError also if two have the same name."""
    zones = tuple(map(Zone.parse, texts))
    names = [zone.name for zone in zones]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EdgeError(f"two zones have the name '{twice}': give each one of its own")
    return zones


def foot(box: ArrayLike) -> Point:
    """Where somebody stands: the middle of the lower edge of (left, top, right, bottom)."""
    left, _, right, bottom = np.asarray(box, np.float64).tolist()
    return (left + right) / 2, bottom


def unmasked(boxes: ArrayLike, masks: Sequence[Polygon], frame_size: Size) -> NDArray[np.bool_]:
    """(n,) which of the (n, 4) boxes stand in no mask. Raises EdgeError if one does not fit."""
    feet = [foot(box) for box in np.reshape(boxes, (-1, 4))]
    return np.array(
        [not any(mask.holds(point, frame_size) for mask in masks) for point in feet], np.bool_
    )


@dataclass
class _Visit:
    seconds: float = 0.0
    away_s: float = 0.0


@dataclass
class ZoneTimes:
    """For how long each person has been in each zone.

    Who steps over the edge for at most a second has not left: a box trembles.
    """

    zones: Sequence[Zone]
    _visits: dict[tuple[int, str], _Visit] = field(default_factory=dict)
    _time_s: float = math.nan

    def update(
        self, tracks: Sequence[Track], time_s: float, frame_size: Size
    ) -> list[dict[str, float]]:
        """For each track, the seconds since it entered, of each zone that it is in.

        Raises EdgeError if a zone does not fit into the frame.
        """
        elapsed_s = time_s - self._time_s if time_s > self._time_s else 0.0
        self._time_s = self._time_s if math.isnan(time_s) else time_s
        before, self._visits = self._visits, {}
        return [self._times(track, before, elapsed_s, frame_size) for track in tracks]

    def _times(
        self, track: Track, before: dict[tuple[int, str], _Visit], elapsed_s: float, size: Size
    ) -> dict[str, float]:
        """Seconds of one track in the zones that it is in; its visits are kept."""
        point, times = foot(track.box), {}
        for zone in self.zones:
            key, is_inside = (track.number, zone.name), zone.polygon.holds(point, size)
            visit = before.get(key)
            if visit:
                visit.seconds += elapsed_s
                if visit.away_s or not is_inside:
                    visit.away_s += elapsed_s
            if is_inside:
                visit = visit if visit and visit.away_s <= _AWAY_S else _Visit()
                visit.away_s = 0.0
                times[zone.name] = visit.seconds
            if visit:
                self._visits[key] = visit
        return times


Side = tuple[Point, Point]


def _crossings(points: Sequence[Point]) -> Iterator[tuple[Side, Side]]:
    """Pairs of sides, not next to each other, that meet."""
    sides = list(zip(points, [*points[1:], points[0]]))
    for (number, one), (after, other) in combinations(enumerate(sides), 2):
        if after - number not in (1, len(sides) - 1) and _meet(one, other):
            yield one, other


def _meet(one: Side, other: Side) -> bool:
    turns = [_turn(*one, point) for point in other] + [_turn(*other, point) for point in one]
    if any(turns):
        return turns[0] * turns[1] <= 0 and turns[2] * turns[3] <= 0
    return max(min(one), min(other)) <= min(max(one), max(other))  # all on one line


def _turn(start: Point, end: Point, point: Point) -> float:
    """Above 0 if the point lies to the one side of the line, below 0 to the other."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _area(points: Sequence[Point]) -> float:
    corners = zip(points, [*points[1:], points[0]])
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in corners)) / 2
