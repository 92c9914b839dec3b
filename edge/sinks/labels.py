"""Where labels of boxes stand: inside the image, over no other label, over few boxes."""

from collections.abc import Iterable, Iterator, Sequence

from edge.input_spec import Box, Size

_MOST_COVERED = 0.25  # of a person, by a label


def place(
    box: Box, sizes: Sequence[Size], labels: Sequence[Box], boxes: Sequence[Box], image: Size
) -> Box:
    """Where a box's label stands: of its sizes, from the fullest on, the first that has room.

    labels: that stand already.  boxes: of everybody.  If none has room, the last one stands
    where it covers least.
    """
    for size in sizes:
        rooms = [(_pixels(r, labels), _share(r, boxes), r) for r in _around(box, size, image)]
        pixels, share, room = min(rooms, key=lambda each: each[:2])
        if not pixels and share <= _MOST_COVERED:
            break
    return room


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


def _pixels(box: Box, others: Iterable[Box]) -> int:
    """That are others', too; those of several count several times."""
    return sum(_common(box, other) for other in others)


def _share(box: Box, others: Iterable[Box]) -> float:
    """Of the one that most of is covered."""
    shares = (_common(box, other) / max(1, other[2] * other[3]) for other in others)
    return max(shares, default=0.0)


def _common(box: Box, other: Box) -> int:
    sides = (
        min(box[side] + box[side + 2], other[side] + other[side + 2]) - max(box[side], other[side])
        for side in (0, 1)
    )
    width, height = (max(0, side) for side in sides)
    return width * height
