"""Boxes: what a detector gives, which of several is kept, and where they stand in a frame."""

from dataclasses import dataclass

import numpy as np

from edge.bundle import Suppression
from edge.input_spec import Box, Size


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found in one frame, the surest first.

    boxes: float32 (n, 4): left, top, right, bottom in pixels of the frame, none outside of it.
    scores: float32 (n,), 0 to 1.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


def in_frame(found: Detections, target: Box, region: Box, size: Size) -> Detections:
    """Boxes in pixels of a network's input, as they stand in the frame that it was made of.

    target: where in the input the region stands.  region: of the frame.  size: the frame's width
    and height. What is outside of the frame, empty or no number is left out.
    """
    (target_start, target_size), (start, extent) = np.reshape([target, region], (2, 2, 2))
    ratio = (extent / target_size).astype(np.float32)
    corners = (found.boxes.reshape(-1, 2, 2) - np.float32(target_start)) * ratio + np.float32(start)
    usable = np.isfinite(corners).all(axis=(1, 2))
    np.clip(corners, 0, size, out=corners)
    usable &= (corners[:, 1] > corners[:, 0]).all(axis=1)
    return Detections(corners.reshape(-1, 4)[usable], found.scores[usable])


def highest(scores: np.ndarray, limit: int) -> np.ndarray:
    """The indices of the `limit` highest scores, the highest first; of equal ones the first."""
    order: np.ndarray = np.argsort(-scores, kind="stable")[:limit]
    return order


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4) and others (m, 4): (n, m); of empty ones 0."""
    start = np.maximum(boxes[:, None, :2], others[None, :, :2])
    end = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.maximum(end - start, 0).prod(axis=2)
    union = _areas(boxes)[:, None] + _areas(others) - common
    shares: np.ndarray = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    return areas


def suppress(found: Detections, suppression: Suppression) -> Detections:
    """Keep one of the boxes around each thing; `found` and the result have the highest first."""
    same = overlaps(found.boxes, found.boxes) > suppression.iou
    remaining = np.ones(len(found), bool)
    kept, boxes = [], found.boxes.copy()
    for i in range(len(found)):
        if not remaining[i]:
            continue
        kept.append(i)
        around = same[i] & remaining
        if suppression.weighted:
            around[i] = True
            weights = found.scores[around, None]
            boxes[i] = (found.boxes[around] * weights).sum(axis=0) / weights.sum()
        remaining &= ~around
    return Detections(boxes[kept], found.scores[kept])
