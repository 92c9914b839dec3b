"""How far boxes overlap, and which of them belong together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Boxes = Floats  # (n, 4) left, top, right, bottom in pixels
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows and columns of a matrix


def areas(boxes: Boxes) -> Floats:
    """(n,) square pixels."""
    left, top, right, bottom = boxes.T
    products: Floats = (right - left) * (bottom - top)
    return products


def common(boxes: Boxes, others: Boxes, margins: Floats | None = None) -> Floats:
    """(n, m) square pixels that each has in common with each of the others.

    margins: (n, 2) pixels of width and height that a box and each of the others get on all sides.
    """
    wider, higher = (0, 0) if margins is None else 2 * margins.T[:, :, None]
    left, top, right, bottom = boxes.T[:, :, None]
    other_left, other_top, other_right, other_bottom = others.T
    widths = np.minimum(right, other_right) - np.maximum(left, other_left) + wider
    heights = np.minimum(bottom, other_bottom) - np.maximum(top, other_top) + higher
    products: Floats = np.maximum(widths, 0) * np.maximum(heights, 0)
    return products


def overlaps(boxes: Boxes, others: Boxes, margins: Floats | None = None) -> Floats:
    """(n, m) intersection over union of each with each of the others; of empty ones 0.

    margins: as in `common`; boxes are compared with them (F. Yang et al., WACV 2023).
    """
    wider, higher = (0, 0) if margins is None else 2 * margins.T[:, :, None]
    left, top, right, bottom = boxes.T[:, :, None]
    other_left, other_top, other_right, other_bottom = others.T
    intersection = common(boxes, others, margins)
    area = (right - left + wider) * (bottom - top + higher)
    other_area = (other_right - other_left + wider) * (other_bottom - other_top + higher)
    union = area + other_area - intersection
    shares: Floats = intersection / np.where(union > 0, union, np.inf)
    return shares


def match(overlaps: Floats, least: float) -> Pairs:
    """The pairs of a row and a column with the largest sum of what they have above the least.

    Each row and column is in one pair at most. Raises ModuleNotFoundError if lapx is missing.
    """
    from lap import lapjvr

    gains = np.maximum(overlaps - least, 0.0)
    rows, columns = lapjvr(-gains, extend_cost=True, return_cost=False)
    pairs = gains[rows, columns] > 0
    return rows[pairs], columns[pairs]
