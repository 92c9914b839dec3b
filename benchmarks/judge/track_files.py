"""Tracks as files hold them: text files of MOTChallenge, and JSON lines of edge-run."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge_benchmarks.judge import tracking
from edge_common import ConfigError, data

_PEDESTRIAN, _DISTRACTORS = 1, (2, 7, 8, 12)  # classes of MOT16 to MOT20
_LARGEST = 10**9  # a frame, or a person; a year has fewer frames
_CLASS_COLUMNS = 9  # of files with classes; those of 2015 have none, and ten columns


@dataclass(frozen=True)
class _LineTrack:
    number: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class _TrackLine:
    frame: int
    track: _LineTrack | None = None
    source: str | None = None


def read_tracks(path: Path) -> tracking.TrackedBoxes:
    """Read MOTChallenge's text files, or JSON lines of edge-run, whose frames count from 0.

    Raises ConfigError naming file and line.
    """
    rows = sorted(_json_rows(path) if path.suffix == ".jsonl" else _mot_rows(path))
    boxes = tracking.TrackedBoxes(
        frames=np.array([row.frame for row in rows], np.int64),
        people=np.array([row.number for row in rows], np.int64),
        boxes=np.array([row.corners for row in rows], np.float64).reshape(-1, 4),
        is_counted=np.array([row.is_counted for row in rows], np.bool_),
        is_distractor=np.array([row.is_distractor for row in rows], np.bool_),
    )
    for before, after in pairwise(rows):
        if (before.frame, before.number) == (after.frame, after.number):
            raise ConfigError(f"{after.place}: number {after.number} has two boxes in one frame")
    return boxes


@dataclass(frozen=True, order=True)
class _Row:
    """box: left, top, width, height."""

    frame: int
    number: int
    place: str
    box: tuple[float, ...]
    is_counted: bool = True
    is_distractor: bool = False

    def __post_init__(self) -> None:
        if not (all(map(math.isfinite, self.box)) and min(self.box[2:]) > 0):
            raise ConfigError(f"{self.place}: a box needs a width and a height above 0")
        if max(self.frame, abs(self.number)) > _LARGEST:
            raise ConfigError(f"{self.place}: frames and people are counted up to {_LARGEST}")

    @property
    def corners(self) -> tuple[float, ...]:
        left, top, width, height = self.box
        return left, top, left + width, top + height


def _json_rows(path: Path) -> Iterator[_Row]:
    lines = data.read_json_lines(_TrackLine, path)
    if len(sources := {line.source for _, line in lines}) > 1:
        raise ConfigError(
            f"{path} holds tracks of {len(sources)} sources: keep the lines of one, as in "
            f"jq -c 'select(.source == \"NAME\")'"
        )
    for place, line in lines:
        if line.track:
            if line.frame < 0:
                raise ConfigError(f"{place}: frame {line.frame}, and edge-run counts from 0")
            yield _Row(line.frame + 1, line.track.number, place, line.track.box)


def _mot_rows(path: Path) -> Iterator[_Row]:
    """Of each line `frame,id,left,top,width,height,confidence,...` but those without a number."""
    lines = data.read_text(path).splitlines()
    for place, line in ((f"{path}, line {n}", line) for n, line in enumerate(lines, 1)):
        if not line.strip():
            continue
        numbers = _numbers_of(line, place)
        frame, number = map(int, numbers[:2])
        if number >= 0:
            kind = numbers[7] if len(numbers) == _CLASS_COLUMNS else _PEDESTRIAN
            is_counted = kind == _PEDESTRIAN and (len(numbers) < 7 or numbers[6] != 0)
            box = tuple(numbers[2:6])
            yield _Row(frame, number, place, box, is_counted, kind in _DISTRACTORS)


def _numbers_of(line: str, place: str) -> list[float]:
    """Those of a line: a frame's, a person's, and what follows. Raises ConfigError."""
    try:
        numbers = [float(number) for number in line.split(",") if number.strip()]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or not all(map(math.isfinite, numbers[:2])):
        raise ConfigError(
            f"{place} is not understood: use frame,id,left,top,width,height,confidence,..."
        )
    frame, number = numbers[:2]
    if not (frame.is_integer() and number.is_integer() and frame >= 1):
        raise ConfigError(
            f"{place}: frame {frame:g}, id {number:g}: both are whole numbers, and frames count from 1"
        )
    return numbers
