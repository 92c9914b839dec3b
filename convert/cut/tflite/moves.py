"""Operators that only move frames: reshapes, slices, stacks, in whatever order they take them.

They make nothing new of a frame. So a network that takes its frames out one by one, and has a copy
of its operators for each (Keras' TimeDistributed, a loop, an unrolled LSTM), is followed too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_convert.cut.tflite import rules
from edge_convert.cut.tflite.main_graph import Shape
from edge_convert.cut.tflite.operators import Place, WindowOperator, one_frame


@dataclass(frozen=True)
class Value:
    """What each frame becomes at one point: an output of a step; of step -1, the frame itself."""

    step: int
    output: int = 0


FRAME_ITSELF = Value(-1)


@dataclass(frozen=True)
class Frames:
    """What a tensor holds: of some frames, in this order, their shares of one value.

    share: the shape of one.  place: where they stand; None of a frame alone.
    """

    value: Value
    frames: tuple[int, ...]
    share: Shape
    place: Place | None = None


Contents = Sequence[Frames | None]  # by operand
Rows = list[np.ndarray]  # of each output, which rows of the frames' axis it takes


def moved(operator: WindowOperator, contents: Contents) -> list[Frames] | None:
    """What the outputs hold; None if the operator does more than to move frames."""
    if operator.kind in _JOINS:
        return _joined(operator, contents)
    data = [frames for frames in contents if frames is not None]
    if len(data) != 1 or operator.kind not in _MOVES:
        return None
    return _MOVES[operator.kind](operator, data[0])


def _reshaped(operator: WindowOperator, data: Frames) -> list[Frames] | None:
    if data.place is None:
        return [replace(data, share=operator.outputs[0])]
    place = rules.place_behind(operator)
    return None if place is None else [_at(data, operator.outputs[0], place)]


def _at(data: Frames, shape: Shape, place: Place) -> Frames:
    return replace(data, share=one_frame(shape, place, len(data.frames)), place=place)


def _transposed(operator: WindowOperator, data: Frames) -> list[Frames] | None:
    """Only if the numbers of each frame stay in their order."""
    order = [int(axis) for axis in operator.value(1)]
    long = [axis for axis in order if data.share[axis] > 1]
    if long != sorted(long):
        return None
    share = tuple(data.share[axis] for axis in order)
    place = data.place and Place(order.index(data.place.axis), data.place.within)
    return [replace(data, share=share, place=place)]


def _selected(operator: WindowOperator, data: Frames) -> list[Frames] | None:
    """Some of the frames, whole."""
    if _is_whole(operator):
        place = data.place and rules.place_behind(operator)
        if place:
            return [_at(data, operator.outputs[0], place)]
        return [replace(data, share=operator.outputs[0])] if data.place is None else None
    if data.place is None:
        return None
    rows = _ROWS[operator.kind](operator, data.place.axis)
    if rows is None or operator.data_shape[data.place.axis] != len(data.frames) * data.place.within:
        return None
    axis = data.place.axis - _dropped_before(operator, data.place.axis)
    outputs = [_with_rows(data, data.place, axis, *pair) for pair in zip(rows, operator.outputs)]
    return None if None in outputs else [output for output in outputs if output]


def rows_of(operator: WindowOperator, axis: int) -> np.ndarray | None:
    """Which rows of an axis a slice takes, whatever it takes of others; None if it is not plain."""
    rows = _ROWS[operator.kind](operator, axis)
    return None if rows is None else rows[0]


def _is_whole(operator: WindowOperator) -> bool:
    """Whether a slice leaves nothing out and turns nothing round."""
    if operator.kind not in ("SLICE", "STRIDED_SLICE"):
        return False
    forward = operator.kind == "SLICE" or bool((operator.value(3) == 1).all())
    return forward and np.prod(operator.outputs[0]) == np.prod(operator.data_shape)


def _dropped_before(operator: WindowOperator, axis: int) -> int:
    """How many axes before this one are gone behind the operator."""
    mask = operator.options.shrinkAxisMask if operator.kind == "STRIDED_SLICE" else 0
    return bin(mask & ((1 << axis) - 1)).count("1")


def _with_rows(
    data: Frames, place: Place, axis: int, rows: np.ndarray, shape: Shape
) -> Frames | None:
    """Frames made of these rows of theirs, if the output holds nothing but those, in `axis`."""
    if len(rows) % place.within:
        return None
    blocks = rows.reshape(-1, place.within)
    if (blocks != blocks[:, :1] + np.arange(place.within)).any() or (blocks % place.within)[
        :, 0
    ].any():
        return None
    frames = tuple(data.frames[int(row) // place.within] for row in blocks[:, 0])
    if np.prod(shape) != len(frames) * np.prod(data.share):
        return None
    if len(frames) == 1:
        return Frames(data.value, frames, shape)
    moved_to = Place(axis, place.within)
    return Frames(data.value, frames, one_frame(shape, moved_to, len(frames)), moved_to)


def _slice_rows(operator: WindowOperator, axis: int) -> Rows | None:
    begin, size = (int(operator.value(i)[axis]) for i in (1, 2))
    count = operator.data_shape[axis]
    return [np.arange(count)[begin : count if size < 0 else begin + size]]


def _strided_rows(operator: WindowOperator, axis: int) -> Rows | None:
    options, count = operator.options, operator.data_shape[axis]
    begin, end, stride = (operator.value(i) for i in (1, 2, 3))
    other_axes = [i for i in range(len(stride)) if i != axis]
    if options.ellipsisMask or options.newAxisMask or any(stride[i] != 1 for i in other_axes):
        return None
    if axis >= len(begin):
        return [np.arange(count)]
    if options.shrinkAxisMask >> axis & 1:
        return [np.arange(count)[[int(begin[axis])]]]
    first = None if options.beginMask >> axis & 1 else int(begin[axis])
    last = None if options.endMask >> axis & 1 else int(end[axis])
    return [np.arange(count)[first : last : int(stride[axis])]]


def _split_rows(operator: WindowOperator, axis: int) -> Rows | None:
    if operator.along(operator.value(0 if operator.kind == "SPLIT" else 2)) != {axis}:
        return None
    ends = np.cumsum([shape[axis] for shape in operator.outputs])
    return np.split(np.arange(operator.data_shape[axis]), ends[:-1])


def _unpacked_rows(operator: WindowOperator, axis: int) -> Rows | None:
    if operator.along(operator.options.axis) != {axis}:
        return None
    return [np.array([index]) for index in range(len(operator.outputs))]


def _gathered_rows(operator: WindowOperator, axis: int) -> Rows | None:
    indices = operator.operand(1).value
    whole = operator.along(operator.options.axis) == {axis} and not operator.options.batchDims
    if indices is None or not whole or indices.ndim > 1:
        return None
    return [np.atleast_1d(indices)]


def _reversed_rows(operator: WindowOperator, axis: int) -> Rows | None:
    if operator.along(operator.value(1)) != {axis}:
        return None
    return [np.arange(operator.data_shape[axis])[::-1]]


def _joined(operator: WindowOperator, contents: Contents) -> list[Frames] | None:
    """Frames of one value, side by side in an axis or stacked along a new one."""
    first = contents[0]
    axis = operator.options.axis % len(operator.outputs[0])
    blocks = [frames and _block(operator.kind, frames, axis) for frames in contents]
    if first is None or any(block is None or block != blocks[0] for block in blocks):
        return None
    within, share = (blocks[0] or (1, ()))[:2]
    frames = tuple(number for each in contents if each for number in each.frames)
    if len(frames) < 2:
        return None
    return [Frames(first.value, frames, share, Place(axis, within))]


def _block(kind: str, data: Frames, axis: int) -> tuple[int, Shape, Value] | None:
    """How many rows of `axis` each frame takes behind it, in which share; None if they are no rows."""
    if kind == "PACK":
        stacks = data.place is None
        return (1, (*data.share[:axis], 1, *data.share[axis:]), data.value) if stacks else None
    if data.place is not None and (
        data.place.axis != axis or data.share[axis] != data.place.within
    ):
        return None
    return data.share[axis], data.share, data.value


Move = Callable[[WindowOperator, Frames], list[Frames] | None]

_JOINS = frozenset({"CONCATENATION", "PACK"})
_ROWS: dict[str, Callable[[WindowOperator, int], Rows | None]] = {
    "GATHER": _gathered_rows,
    "REVERSE_V2": _reversed_rows,
    "SLICE": _slice_rows,
    "SPLIT": _split_rows,
    "SPLIT_V": _split_rows,
    "STRIDED_SLICE": _strided_rows,
    "UNPACK": _unpacked_rows,
}
_MOVES: dict[str, Move] = {
    **dict.fromkeys(rules.RESHAPES, _reshaped),
    **dict.fromkeys(_ROWS, _selected),
    "TRANSPOSE": _transposed,
}
KINDS = frozenset({*_JOINS, *_MOVES})
