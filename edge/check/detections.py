"""What a detector finds in given frames, as arrays, and whether two of them found the same."""

from collections.abc import Mapping

import numpy as np

from edge.bundle import Bundle
from edge.detector import Detector
from edge.overlap import overlaps
from edge.stream import StreamOptions
from edge_common import SelfTestFailed

# other runtimes round differently: a score that is barely high enough may be too low there
_SURE_MARGIN = 0.1
_SAME_OVERLAP = 0.7


def found_in(detector: Detector, frames_rgb: np.ndarray) -> dict[str, np.ndarray]:
    """The boxes and scores in each of frames (N, H, W, 3) uint8 RGB.

    boxes: float32 (N, limit, 4).  scores: float32 (N, limit), 0 for what is no box.
    """
    boxes = np.zeros((len(frames_rgb), detector.spec.limit, 4), np.float32)
    scores = np.zeros(boxes.shape[:2], np.float32)
    for number, frame in enumerate(frames_rgb):
        found = detector.find(np.ascontiguousarray(frame[..., ::-1]))
        boxes[number, : len(found)], scores[number, : len(found)] = found.boxes, found.scores
    return {"boxes": boxes, "scores": scores}


def replay(bundle: Bundle, frames_rgb: np.ndarray, options: StreamOptions) -> dict[str, np.ndarray]:
    """The same of a bundle, in whole frames."""
    return found_in(Detector(bundle, options.for_clips()), frames_rgb)


def largest_difference(
    expected: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray], least_score: float
) -> float:
    """Of any box: in its score, or the share of it that is elsewhere.

    Raises SelfTestFailed if one of them alone found a box that is sure, or there is none.
    """
    sure, largest = least_score + _SURE_MARGIN, 0.0
    if not (expected["scores"] >= sure).any():
        raise SelfTestFailed("the golden frames show nothing to find: make the bundle again")
    for number, scores in enumerate(expected["scores"]):
        other_scores = outputs["scores"][number]
        shares = overlaps(expected["boxes"][number], outputs["boxes"][number])
        same = shares >= _SAME_OVERLAP
        missing = (scores >= sure) & ~same.any(axis=1)
        additional = (other_scores >= sure) & ~same.any(axis=0)
        if wrong := int(missing.sum() + additional.sum()):
            raise SelfTestFailed(
                f"{wrong} sure boxes of golden frame {number} are found here or there alone: "
                "try another --runtime, or no delegate"
            )
        nearest = np.argmax(shares, axis=1)
        pairs = same.any(axis=1)
        off = np.maximum(1 - shares.max(axis=1), np.abs(scores - other_scores[nearest]))
        largest = max(largest, float(off[pairs].max(initial=0)))
    return largest
