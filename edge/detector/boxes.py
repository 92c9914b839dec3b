"""Boxes: what a detector gives, which of several is kept, and where they stand in a frame."""

from dataclasses import dataclass

import numpy as np

from edge.bundle import Suppression
from edge.input_spec import Box, Size
from edge.overlap import overlaps


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


def in_frame(
    boxes: np.ndarray, scores: np.ndarray, target: Box, region: Box, size: Size
) -> Detections:
    """Boxes in pixels of a network's input, as they stand in the frame that it was made of.

    target: where in the input the region stands.  region: of the frame.  size: the frame's width
    and height. What is outside of the frame, empty or no number is left out.
    """
    (target_start, target_size), (start, extent) = np.reshape([target, region], (2, 2, 2))
    ratio = (extent / target_size).astype(np.float32)
    corners = (boxes.reshape(-1, 2, 2) - np.float32(target_start)) * ratio + np.float32(start)
    usable = np.isfinite(corners).all(axis=(1, 2))
    np.clip(corners, 0, size, out=corners)
    usable &= (corners[:, 1] > corners[:, 0]).all(axis=1)
    return Detections(corners.reshape(-1, 4)[usable], scores[usable])


def highest(scores: np.ndarray, limit: int) -> np.ndarray:
    """The indices of the `limit` highest scores, the highest first; of equal ones the first."""
    order: np.ndarray = np.argsort(-scores, kind="stable")[:limit]
    return order


def suppress(detections: Detections, suppression: Suppression | None) -> Detections:
    """Keep one of the boxes around each thing, the highest first as before; None: keep all."""
    if suppression is None or len(detections) < 2:
        return detections
    same = overlaps(detections.boxes, detections.boxes) > suppression.iou
    higher = np.triu(same, 1)
    kept: np.ndarray = np.ones(len(detections), bool)
    # a box is kept if no higher one that is kept is the same: the first k are right after k rounds
    while ((again := ~higher[kept].any(axis=0)) != kept).any():
        kept = again
    boxes, scores = detections.boxes[kept], detections.scores[kept]
    if suppression.weighted:
        np.fill_diagonal(same, True)
        owners = same[kept].argmax(axis=0)  # the highest that is the same
        weights = (owners == np.arange(len(boxes))[:, None]) * detections.scores
        boxes = weights @ detections.boxes / weights.sum(axis=1, keepdims=True)
    return Detections(boxes, scores)
