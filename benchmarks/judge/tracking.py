"""How well people are followed: tracks of a run against those that people drew."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge import overlap
from edge_common import ConfigError

SAME = 0.5  # intersection over union from which MOTA and IDF1 take two boxes for the same
_HOTA_LEVELS = np.arange(1, 20)[:, None, None] / 20  # HOTA averages over these
_EPSILON = np.finfo(float).eps


@dataclass(frozen=True)
class TrackedBoxes:
    """Boxes with numbers, one a row, in the order of their frames.

    frames, people: (n,) whole numbers.  boxes: (n, 4) left, top, right, bottom in pixels.
    is_counted: (n,) whether it counts as a truth.
    is_distractor: (n,) whether it looks like a person and is none: a prediction that fits best to
    it is neither right nor wrong.
    """

    frames: NDArray[np.int64]
    people: NDArray[np.int64]
    boxes: overlap.Boxes
    is_counted: NDArray[np.bool_]
    is_distractor: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)

    def keep(self, rows: NDArray[np.bool_]) -> "TrackedBoxes":
        return TrackedBoxes(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class TrackingScore:
    """Shares from 0 to 1 (MOTA may be below 0), and what they rest on.

    hota, detection, association: HOTA, DetA and AssA (J. Luiten et al., IJCV 2021).
    mota, id_switches, misses, false_boxes: CLEAR MOT (K. Bernardin, R. Stiefelhagen, 2008).
    idf1, id_precision, id_recall: E. Ristani et al., ECCV workshops 2016.
    frames: with a true or a predicted box.
    """

    hota: float
    detection: float
    association: float
    mota: float
    idf1: float
    id_precision: float
    id_recall: float
    id_switches: int
    misses: int
    false_boxes: int
    frames: int
    true_boxes: int
    true_people: int
    predicted_boxes: int
    predicted_people: int


@dataclass(frozen=True)
class _Pairing:
    """One frame: who is there, who is predicted, and how far each two overlap."""

    people: NDArray[np.int64]
    tracks: NDArray[np.int64]
    overlaps: overlap.Floats


def score_tracking(predicted: TrackedBoxes, truth: TrackedBoxes) -> TrackingScore:
    """Equal to the figures of TrackEval. Raises ConfigError if there is no truth."""
    predicted = _without_distractors(predicted, truth)
    truth = truth.keep(truth.is_counted)
    if not len(truth):
        raise ConfigError("the ground truth has no box that counts: give a file with some")
    true_sizes = np.unique(truth.people, return_counts=True)[1]
    track_sizes = np.unique(predicted.people, return_counts=True)[1]
    pairings, sizes = _pairings(predicted, truth), (true_sizes, track_sizes)
    hota, detection, association = _hota(pairings, *sizes)
    hits, switches = _clear(pairings, len(true_sizes))
    same = _identity_hits(pairings, *sizes)
    return TrackingScore(
        hota=hota,
        detection=detection,
        association=association,
        mota=(hits - (len(predicted) - hits) - switches) / len(truth),
        idf1=2 * same / (len(truth) + len(predicted)),
        id_precision=same / max(len(predicted), 1),
        id_recall=same / len(truth),
        id_switches=switches,
        misses=len(truth) - hits,
        false_boxes=len(predicted) - hits,
        frames=len(np.union1d(truth.frames, predicted.frames)),
        true_boxes=len(truth),
        true_people=len(true_sizes),
        predicted_boxes=len(predicted),
        predicted_people=len(track_sizes),
    )


def _without_distractors(predicted: TrackedBoxes, truth: TrackedBoxes) -> TrackedBoxes:
    """Without those that fit best to what is neither right nor wrong."""
    kept = np.ones(len(predicted), np.bool_)
    for frame in np.unique(truth.frames[truth.is_distractor]):
        true_rows, rows = _rows(truth, frame), _rows(predicted, frame)
        overlaps = overlap.overlaps(truth.boxes[true_rows], predicted.boxes[rows])
        overlaps[overlaps < SAME - _EPSILON] = 0
        true_pairs, pairs = overlap.match(overlaps, 0.0)
        kept[rows][pairs] = ~truth.is_distractor[true_rows][true_pairs]
    return predicted.keep(kept)


def _pairings(predicted: TrackedBoxes, truth: TrackedBoxes) -> list[_Pairing]:
    """Frames that have true and predicted boxes; people and tracks are numbered from 0."""
    people = np.unique(truth.people, return_inverse=True)[1]
    tracks = np.unique(predicted.people, return_inverse=True)[1]
    pairings = []
    for frame in np.intersect1d(truth.frames, predicted.frames):
        true_rows, rows = (_rows(boxes, frame) for boxes in (truth, predicted))
        overlaps = overlap.overlaps(truth.boxes[true_rows], predicted.boxes[rows])
        pairings.append(_Pairing(people[true_rows], tracks[rows], overlaps))
    return pairings


def _rows(boxes: TrackedBoxes, frame: int) -> slice:
    return slice(*np.searchsorted(boxes.frames, [frame, frame + 1]))


def _hota(
    pairings: Sequence[_Pairing], true_sizes: NDArray[np.int64], track_sizes: NDArray[np.int64]
) -> tuple[float, float, float]:
    """HOTA, DetA and AssA, the means over all levels of overlap."""
    sizes = (true_sizes[:, None] + track_sizes).astype(float)
    fits = np.zeros_like(sizes)
    for each in pairings:
        unions = each.overlaps.sum(0) + each.overlaps.sum(1)[:, None] - each.overlaps
        fits[np.ix_(each.people, each.tracks)] += each.overlaps / np.maximum(unions, _EPSILON)
    fits /= sizes - fits
    hits = np.zeros((len(_HOTA_LEVELS), *sizes.shape))  # frames in which two are together
    for each in pairings:
        values = fits[np.ix_(each.people, each.tracks)] * each.overlaps
        rows, columns = overlap.match(values, 0.0)
        above = each.overlaps[rows, columns] >= _HOTA_LEVELS[:, 0] - _EPSILON
        hits[:, each.people[rows], each.tracks[columns]] += above
    totals = hits.sum((1, 2))
    detection = totals / (true_sizes.sum() + track_sizes.sum() - totals)
    association = (hits**2 / (sizes - hits)).sum((1, 2)) / np.maximum(totals, 1)
    hota = np.sqrt(detection * association)
    return float(hota.mean()), float(detection.mean()), float(association.mean())


def _clear(pairings: Sequence[_Pairing], people: int) -> tuple[int, int]:
    """Boxes that are right, and how often a person's track is another one than before."""
    newest, before = np.full(people, -1), np.full(people, -1)
    hits = switches = 0
    for each in pairings:
        values = 1000 * (each.tracks == before[each.people][:, None]) + each.overlaps
        values[each.overlaps < SAME - _EPSILON] = 0
        rows, columns = overlap.match(values, 0.0)
        who, tracks = each.people[rows], each.tracks[columns]
        hits += len(who)
        switches += int(((newest[who] >= 0) & (newest[who] != tracks)).sum())
        before[:] = -1
        newest[who] = before[who] = tracks
    return hits, switches


def _identity_hits(
    pairings: Sequence[_Pairing], true_sizes: NDArray[np.int64], track_sizes: NDArray[np.int64]
) -> int:
    """Boxes that are right if each person may have one track only, the one that fits best."""
    together = np.zeros((len(true_sizes), len(track_sizes)))
    for each in pairings:
        together[np.ix_(each.people, each.tracks)] += each.overlaps >= SAME
    return int(together[overlap.match(together, 0.0)].sum())
