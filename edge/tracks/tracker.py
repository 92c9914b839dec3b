"""Which box of a frame is which person: ByteTrack's two rounds (Y. Zhang et al., ECCV 2022), and a third."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge import overlap
from edge.input_spec import Size
from edge.tracks import motion
from edge_common import EdgeError


@dataclass(frozen=True)
class TrackOptions:
    """When boxes make a track, and for how long it lives without one.

    high_score: a box with at least this score may begin a track.
    low_score: one with less is ignored; those between only continue a track.
    min_overlap: intersection over union of a box and where a track is expected; boxes below
    high_score need at least a half.
    confirm_boxes: so many boxes in succession make a person, who gets a number.
    hidden_s: a person without a box for longer than this is gone. If the clock stands still or
    steps back, a search of the frame counts 40 ms.
    Raises EdgeError if one is no such number.
    """

    high_score: float = 0.5
    low_score: float = 0.1
    min_overlap: float = 0.3
    confirm_boxes: int = 2
    hidden_s: float = 1.5

    def __post_init__(self) -> None:
        if not 0 <= self.low_score <= self.high_score <= 1:
            raise EdgeError("scores of boxes go from 0 to 1, low_score up to high_score")
        if not (0 <= self.min_overlap < 1 and self.confirm_boxes >= 1 and self.hidden_s >= 0):
            raise EdgeError(
                "tracks need min_overlap from 0 to below 1, a box, and hidden_s from 0 on"
            )


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """One person in one frame.

    number: counted from 1, of nobody else in the run.
    box: (4,) float32 left, top, right, bottom in pixels, within the frame.
    score: of the newest box that was detected.
    first_s, seen_s: when it was detected first and last, on the clock of the frames.
    is_hidden: the newest detections have no box of it: `box` is where it is expected.
    """

    number: int
    box: NDArray[np.float32]
    score: float
    first_s: float
    seen_s: float
    is_hidden: bool


_STATE = np.dtype(
    [
        ("number", np.int64),  # 0: not confirmed
        ("boxes", np.int64),  # in succession until it was confirmed
        ("first_s", np.float64),
        ("seen_s", np.float64),
        ("score", np.float64),
        ("unclocked_s", np.float64),  # hidden, while the clock stood still
        ("is_hidden", np.bool_),
        *motion.STATE,
    ]
)
_SMALLEST = 1.0  # pixels of a box within the frame, in width and in height
_FARTHEST = 1e6  # pixels: a corner beyond is of no box
_POOR_OVERLAP = 0.5  # of a box below high_score, which is often of nobody; as in ByteTrack
_LEAST_STEP_S, _USUAL_STEP_S = 1e-3, 0.04  # no frames come faster; what a pass counts if they do
_LEFT = 0.5  # a hidden person with less than this share of the box in the frame has left


class Tracker:
    """Follows people; equal boxes, in whatever order, give equal tracks.

    frame_size: (width, height) in pixels; set anew, it says that the same is shown larger or
    smaller: everybody stays where they are in the frame.
    """

    def __init__(self, frame_size: Size, options: TrackOptions = TrackOptions()) -> None:
        self._frame_size, self._options = frame_size, options
        self._states = np.zeros(0, _STATE)
        self._time_s = 0.0
        self._numbers = 0

    @property
    def frame_size(self) -> Size:
        return self._frame_size

    @frame_size.setter
    def frame_size(self, size: Size) -> None:
        if len(self._states):
            motion.scale(self._states, np.divide(size, self._frame_size))
        self._frame_size = size

    def update(self, boxes: ArrayLike, scores: ArrayLike, time_s: float) -> tuple[Track, ...]:
        """Take what was detected in a frame; who is there, by number, also those hidden.

        boxes: (n, 4) left, top, right, bottom in pixels; what is no box in the frame is ignored.
        scores: (n,) from 0 to 1.  time_s: of the frame. If the clock steps back, the tracks' times
        follow it, and no time has passed; nor if it is no number. Raises EdgeError if there are not
        as many scores as boxes.
        """
        states = self._expected(time_s)
        if not time_s - self._time_s >= _LEAST_STEP_S:
            states["unclocked_s"] += _USUAL_STEP_S
        self._time_s = time_s if math.isfinite(time_s) else self._time_s
        candidates, confidences = self._usable(
            np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(scores, np.float64).reshape(-1)
        )
        owners = self._owners(states, candidates, confidences)
        is_owned = owners >= 0
        is_new = ~is_owned & (confidences >= self._options.high_score)
        states["is_hidden"] = True
        rows = owners[is_owned]
        states[rows] = self._correct(states[rows], candidates[is_owned], confidences[is_owned])
        self._states = states[(states["number"] > 0) | ~states["is_hidden"]]
        self._begin(candidates[is_new], confidences[is_new])
        self._confirm()
        return self._tracks(self._states)

    def predict(self, time_s: float) -> tuple[Track, ...]:
        """Who is there in a frame after the one that was searched, and where they are expected."""
        return self._tracks(self._expected(time_s))

    def forget(self) -> None:
        """End all tracks, as behind a gap; new ones are counted on."""
        self._states = self._states[:0]

    def _expected(self, time_s: float) -> motion.States:
        """The states at that time, without who was hidden for too long or left the frame."""
        elapsed_s = time_s - self._time_s if math.isfinite(time_s) else 0.0
        states = self._states.copy()
        if elapsed_s < 0:
            states["first_s"] += elapsed_s
            states["seen_s"] += elapsed_s
        motion.predict(states, min(max(elapsed_s, 0.0), self._options.hidden_s))
        now_s = self._time_s + elapsed_s
        gone = now_s - states["seen_s"] + states["unclocked_s"] > self._options.hidden_s
        if states["is_hidden"].any():
            boxes = motion.boxes_of(states)
            inside = overlap.areas(self._clipped(boxes)) / overlap.areas(boxes)
            gone |= states["is_hidden"] & (inside < _LEFT)
        there: motion.States = states[~gone]
        return there

    def _usable(
        self, boxes: overlap.Boxes, scores: NDArray[np.float64]
    ) -> tuple[overlap.Boxes, NDArray[np.float64]]:
        """Boxes with an area in the frame and a score, sorted by score and place."""
        if len(boxes) != len(scores):
            raise EdgeError(f"{len(boxes)} boxes and {len(scores)} scores: each has one")
        inside = self._clipped(boxes)
        is_usable = (
            (np.abs(boxes).max(1) < _FARTHEST)  # which NaN is not
            & ((inside[:, 2:] - inside[:, :2]).min(1) >= _SMALLEST)
            & (scores >= self._options.low_score)
        )
        boxes, scores = boxes[is_usable], scores[is_usable]
        order = np.lexsort((*boxes.T, -scores))
        return boxes[order], scores[order]

    def _owners(
        self, states: motion.States, boxes: overlap.Boxes, scores: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Which state each box is of, or -1: good boxes, then poor ones, then good ones far off."""
        expected, margins = motion.boxes_of(states), motion.margins(states)
        good = scores >= self._options.high_score
        owners, is_free = np.full(len(boxes), -1), np.ones(len(states), np.bool_)
        least = self._options.min_overlap
        rounds = (
            (good, least, False),
            (~good, max(least, _POOR_OVERLAP), False),
            (good, least, True),
        )
        for candidates, least, is_far in rounds:
            columns, rows = np.flatnonzero(candidates & (owners < 0)), np.flatnonzero(is_free)
            if columns.size and rows.size:
                margin = margins[rows] if is_far else None
                shares = overlap.overlaps(expected[rows], boxes[columns], margin)
                pairs = overlap.match(shares, least)
                owners[columns[pairs[1]]] = rows[pairs[0]]
                is_free[rows[pairs[0]]] = False
        return owners

    def _correct(
        self, states: motion.States, boxes: overlap.Boxes, scores: NDArray[np.float64]
    ) -> motion.States:
        """States that these boxes are of, as they are behind them."""
        motion.correct(states, boxes)
        states["boxes"] += 1
        states["seen_s"] = self._time_s
        states["score"] = scores
        states["is_hidden"], states["unclocked_s"] = False, 0.0
        return states

    def _begin(self, boxes: overlap.Boxes, scores: NDArray[np.float64]) -> None:
        """Add new states, which are nobody yet."""
        if not len(boxes):
            return
        states = np.zeros(len(boxes), _STATE)
        motion.start(states, boxes)
        states["boxes"] = 1
        states["first_s"] = states["seen_s"] = self._time_s
        states["score"] = scores
        self._states = np.concatenate((self._states, states))

    def _confirm(self) -> None:
        """Give numbers to those who became people."""
        states = self._states
        rows = (states["number"] == 0) & (states["boxes"] >= self._options.confirm_boxes)
        if people := int(np.count_nonzero(rows)):
            states["number"][rows] = self._numbers + 1 + np.arange(people)
            self._numbers += people

    def _tracks(self, states: motion.States) -> tuple[Track, ...]:
        people = states[states["number"] > 0]
        boxes = self._clipped(motion.boxes_of(people)).astype(np.float32)
        fields = ("number", "score", "first_s", "seen_s", "is_hidden")
        columns = [people[name].tolist() for name in fields]
        return tuple(
            Track(number, box, score, first_s, seen_s, is_hidden)
            for box, number, score, first_s, seen_s, is_hidden in zip(boxes, *columns)
        )

    def _clipped(self, boxes: overlap.Boxes) -> overlap.Boxes:
        return np.minimum(np.maximum(boxes, 0.0), (*self._frame_size, *self._frame_size))
