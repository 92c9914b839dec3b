"""How far boxes overlap, and which of them belong together."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # (n, 4) left, top, right, bottom in pixels
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows and columns of a matrix
_NONE = np.zeros((1, 2))


def areas(boxes: Boxes) -> NDArray[np.float64]:
    product: NDArray[np.float64] = np.multiply(*(boxes[:, 2:] - boxes[:, :2]).T)
    return product


def overlaps(
    boxes: Boxes, others: Boxes, margins: NDArray[np.float64] = _NONE
) -> NDArray[np.float64]:
    """(n, m) intersection over union of each with each of the others.

    margins: (n, 2) pixels of width and height that a box and each of the others get on all sides
    before they are compared (F. Yang et al., WACV 2023).
    """
    grown = 2 * margins[:, None]
    corner = np.maximum(boxes[:, None, :2], others[:, :2])
    opposite = np.minimum(boxes[:, None, 2:], others[:, 2:])
    common = np.maximum(opposite - corner + grown, 0).prod(2)
    sizes = (boxes[:, 2:] - boxes[:, :2])[:, None] + grown
    other_sizes = others[:, 2:] - others[:, :2] + grown
    shares: NDArray[np.float64] = common / (sizes.prod(2) + other_sizes.prod(2) - common)
    return shares


def match(overlaps: NDArray[np.float64], least: float) -> Pairs:
    """The pairs of a row and a column with the largest sum of what they have above the least."""
    from lap import lapjvr

    gains = np.maximum(overlaps - least, 0.0)
    rows, columns = lapjvr(-gains, extend_cost=True, return_cost=False)
    pairs = gains[rows, columns] > 0
    return rows[pairs], columns[pairs]
