"""How far boxes overlap, and which of them belong together."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # (n, 4) left, top, right, bottom in pixels
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows and columns of a matrix


def areas(boxes: Boxes) -> NDArray[np.float64]:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)


def overlaps(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each with each of the others."""
    corner = np.maximum(boxes[:, None, :2], others[:, :2])
    opposite = np.minimum(boxes[:, None, 2:], others[:, 2:])
    common = np.maximum(opposite - corner, 0).prod(2)
    shares: NDArray[np.float64] = common / (areas(boxes)[:, None] + areas(others) - common)
    return shares


def match(overlaps: NDArray[np.float64], least: float) -> Pairs:
    """The pairs of a row and a column with the largest sum of what they have above the least."""
    from lap import lapjvr

    gains = np.maximum(overlaps - least, 0.0)
    rows, columns = lapjvr(-gains, extend_cost=True, return_cost=False)
    pairs = gains[rows, columns] > 0
    return rows[pairs], columns[pairs]
