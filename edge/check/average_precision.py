"""How right the boxes of a detector are: average precision, and recall at a precision.

A box is right if it overlaps a thing that no surer box of its frame has taken, by half of
their union at least (M. Everingham et al., The Pascal VOC challenge, 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge import detector, overlap

LEAST_OVERLAP = 0.5
RESAMPLINGS = 1000


@dataclass(frozen=True, eq=False)
class Matches:
    """All boxes of a detector over a set of frames, the surest first.

    scores, right, frames: (n,) each box's score, whether it is right, and its frame's number.
    things: (frames,) how many there are to be found.
    """

    scores: np.ndarray
    right: np.ndarray
    frames: np.ndarray
    things: np.ndarray

    def curve(self, weights: np.ndarray | None = None) -> "Curve":
        """How precision falls as recall rises; a frame counts as often as `weights` (frames,) say."""
        every = np.ones(len(self.things), int) if weights is None else weights
        counts = every[self.frames]
        right = (counts * self.right).cumsum()
        precision = right / np.maximum(counts.cumsum(), 1)
        return Curve(self.scores, right / max((every * self.things).sum(), 1), precision)


def matched(found: Sequence[detector.Detections], truth: Sequence[np.ndarray]) -> Matches:
    """What was found in each frame against the boxes (things, 4) that are there."""
    right = [_right(detections, boxes) for detections, boxes in zip(found, truth)]
    scores = np.concatenate([detections.scores for detections in found])
    frames = np.repeat(np.arange(len(found)), [len(detections) for detections in found])
    order = np.argsort(-scores, kind="stable")
    things = np.array([len(boxes) for boxes in truth])
    return Matches(scores[order], np.concatenate(right)[order], frames[order], things)


def _right(detections: detector.Detections, boxes: np.ndarray) -> np.ndarray:
    shares = overlap.overlaps(detections.boxes, boxes)
    right = np.zeros(len(detections), bool)
    for row in range(len(detections) if len(boxes) else 0):
        best = shares[row].argmax()
        right[row] = shares[row, best] >= LEAST_OVERLAP
        shares[:, best] *= not right[row]
    return right


@dataclass(frozen=True, eq=False)
class Curve:
    """Recall and precision of all boxes down to each one's score: (n,) each."""

    scores: np.ndarray
    recall: np.ndarray
    precision: np.ndarray

    @property
    def average_precision(self) -> float:
        """The area below it, at each recall the best precision of that or more."""
        best = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float((np.diff(self.recall, prepend=0.0) * best).sum())

    def recall_at(self, precision: float) -> float:
        """The most that is found if that share of the boxes is to be right."""
        return float(self.recall[self.precision >= precision].max(initial=0.0))

    def score_at(self, precision: float) -> float:
        """The lowest score down to which that share of the boxes is right; 1: there is none."""
        return float(self.scores[self.precision >= precision].min(initial=1.0))


def resamplings(blocks: np.ndarray, seed: int = 0) -> np.ndarray:
    """How often each frame counts if whole blocks of them are drawn again: (RESAMPLINGS, frames).

    blocks: (frames,) which each is of; frames next to each other show the same.
    """
    names, of_frame = np.unique(blocks, return_inverse=True)
    shares = np.full(len(names), 1 / len(names))
    draws = np.random.default_rng(seed).multinomial(len(names), shares, RESAMPLINGS)
    return np.asarray(draws[:, of_frame])
