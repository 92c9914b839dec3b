"""Where labels of boxes stand: inside the image, over no other label, over few boxes."""

from collections.abc import Iterator, Sequence

import numpy as np

from edge import overlap
from edge.input_spec import Box, Size

_MOST_COVERED = 0.25  # of a person, by a label


def place(
    box: Box, sizes: Sequence[Size], labels: np.ndarray, boxes: np.ndarray, image: Size
) -> Box:
    """Where a box's label stands: of its sizes, from the fullest on, the first that has room.

    labels: (n, 4) that stand already.  boxes: (m, 4) of everybody.  If none has room, the last one
    stands where it covers least.
    """
    for size in sizes:
        rooms = list(_around(box, size, image))
        pixels = _common(rooms, labels).sum(axis=1)  # those of several count several times
        covered = _common(rooms, boxes) / np.maximum(1, boxes[:, 2] * boxes[:, 3])
        shares = covered.max(axis=1, initial=0.0)
        best = int(np.lexsort((shares, pixels))[0])
        if not pixels[best] and shares[best] <= _MOST_COVERED:
            break
    return rooms[best]


def place_at_corner(corners: np.ndarray, size: Size, labels: np.ndarray, image: Size) -> Box:
    """Where the name of an area stands: at its topmost corner, another one, or a line further.

    corners: (n, 2).  labels: (m, 4) that stand already; if all places are taken, it stands where
    it covers least of them.
    """
    by_height = corners[corners[:, 1].argsort(kind="stable")]
    lines = [0, *(sign * n for n in range(1, 2 * len(labels) + 1) for sign in (1, -1))]
    rooms = [
        inside((int(left), int(top) + line * size[1], *size), image)
        for line in lines
        for left, top in by_height
    ]
    return rooms[int(_common(rooms, labels).sum(axis=1).argmin())]


def inside(box: Box, image: Size) -> Box:
    """The box, moved into the image; what is larger than it begins at its corner."""
    left, top, width, height = box
    left, top = min(left, image[0] - width), min(top, image[1] - height)
    return max(left, 0), max(top, 0), width, height


def _around(box: Box, size: Size, image: Size) -> Iterator[Box]:
    """Places at a box, the best first."""
    (left, top, width, height), (wide, high) = box, size
    right, bottom = left + width, top + height
    for corner in (
        (left, top - high), (right - wide, top - high), (left, bottom), (right - wide, bottom),
        (right, top), (left - wide, top), (right, bottom - high), (left - wide, bottom - high),
        (left, top), (left, bottom - high),
    ):  # fmt: skip
        yield inside((*corner, wide, high), image)


def _common(rooms: Sequence[Box], others: np.ndarray) -> np.ndarray:
    """Pixels of each of the rooms that are also each of the others': (rooms, others)."""
    return overlap.common(_edges(np.array(rooms)), _edges(others))


def _edges(boxes: np.ndarray) -> np.ndarray:
    """Left, top, width, height as left, top, right, bottom."""
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
