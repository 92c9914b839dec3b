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

    Each row and column is in one pair at most.
    """
    gains = np.maximum(overlaps - least, 0.0)
    rivals = gains > 0
    # most have one partner that has no other: nothing to weigh
    is_single = rivals & (rivals.sum(axis=1) == 1)[:, None] & (rivals.sum(axis=0) == 1)
    rivals &= ~is_single
    rows, columns = np.flatnonzero(rivals.any(axis=1)), np.flatnonzero(rivals.any(axis=0))
    pairs = np.nonzero(is_single)
    if len(rows):
        chosen = _assigned(gains[np.ix_(rows, columns)])
        pairs = np.r_[pairs[0], rows[chosen[0]]], np.r_[pairs[1], columns[chosen[1]]]
    order = np.argsort(pairs[0])
    return pairs[0][order], pairs[1][order]


def _assigned(gains: Floats) -> Pairs:
    """Pairs of the largest sum, by shortest augmenting paths (R. Jonker and A. Volgenant, 1987)."""
    if len(gains) > gains.shape[1]:
        columns, rows = _assigned(gains.T)
        return rows, columns
    count, width = gains.shape
    # index 0 is nobody's: a path begins there
    of_row, of_column = np.zeros(count + 1), np.zeros(width + 1)
    owner = np.zeros(width + 1, np.int64)
    for row in range(1, count + 1):
        owner[0], column = row, 0
        shortest, came_from = np.full(width + 1, np.inf), np.zeros(width + 1, np.int64)
        is_open = np.ones(width + 1, bool)
        while owner[column]:
            is_open[column] = False
            costs = -gains[owner[column] - 1] - of_row[owner[column]] - of_column[1:]
            closer = np.r_[False, is_open[1:] & (costs < shortest[1:])]
            shortest[closer], came_from[closer] = costs[closer[1:]], column
            following = int(np.where(is_open, shortest, np.inf).argmin())
            step, closed = shortest[following], ~is_open
            of_row[owner[closed]] += step
            of_column[closed] -= step
            shortest[is_open] -= step
            column = following
        while column:
            owner[column] = owner[came_from[column]]
            column = came_from[column]
    columns = np.flatnonzero(owner[1:])
    rows = owner[1:][columns] - 1
    is_gain = gains[rows, columns] > 0
    return rows[is_gain], columns[is_gain]
