"""Layers that read several frames at once, run once a frame with what they keep of the past.

A window of T frames moves on by one frame. Whether a layer inside of the network can follow it at
the cost of one frame depends on what its results are of.

* **Without padding in time** (`valid`: a kernel of k over time, pooling, a difference of neighbours,
  a crop beside them) position p is a function of k neighbours, wherever the window lies. When the
  window moves on, position p holds what p + 1 held, and only the newest position is new. So the layer
  keeps its last (k - 1) * dilation inputs and gives one new result a frame. The results are those of
  the window, in integers bit by bit, through any number of such layers. Of T frames (k - 1) *
  dilation fewer positions are left behind each.
* **With zeros before the first frame** (`causal`, a shift of channels towards later frames) the
  first (k - 1) * dilation positions see zeros, and behind further layers more of them do. When the
  window moves on, these zeros move, too, so that what was computed for a frame is not true any more.
  All later positions are those of a layer without padding. If nothing reads the first ones (the
  answer is of the newest position, as in most temporal convolutional networks, and the window is as
  long as the layers see back), the stream is exact. If something does, a stream that keeps the
  frames before computes another function: it equals the window for the first T frames behind a
  restart, at which all states are 0, and has a longer memory from then on. It is made only if asked
  for (CARRIED). Trained without padding, over a window that is longer by what the layers see back,
  or with its first positions cropped, the network would be exact.
* **With zeros behind the last frame** (`same`, a shift towards earlier frames) the newest results
  are of frames that are yet to come: they would have to be computed again. The head does that.
* **A stride over time** falls on other frames when the window moves on by one: the head again, as
  of all that looks at the whole window (attention, a mean over it, a backward recurrence).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_convert.cut.tflite import rules
from edge_convert.cut.tflite.main_graph import Shape
from edge_convert.cut.tflite.moves import KINDS, Contents, Frames, Value, rows_of
from edge_convert.cut.tflite.operators import Place, WindowOperator


class Past(IntEnum):
    """What an encoder may keep of the frames before."""

    NOTHING = 0
    EXACT = 1  # if what the head reads is what it would be of the window alone
    CARRIED = 2  # all, and what a recurrence gave


NOW = (0, 0)
Ages = tuple[int, int]  # the oldest and the newest frame that is read, counted back


@dataclass(frozen=True)
class Mixture:
    """What an operator makes of several frames.

    frames: the newest that each result is of.  place: of the results; None of a single one.
    ages: of each operand.  constants: operands that differ for one frame, by position.
    """

    frames: tuple[int, ...]
    place: Place | None
    ages: tuple[Ages, ...]
    constants: Mapping[int, np.ndarray] = field(default_factory=dict)


Key = tuple[Value, Shape, int, int]  # a value as it is read, and the rows of a frame in it


def key_of(frames: Frames) -> Key:
    """Of one that stands alone, as the state of a recurrence does, the first axis."""
    place = frames.place or Place(0, frames.share[0])
    return frames.value, frames.share, place.axis, place.within


def depths(reads: Iterable[tuple[Frames, Ages]]) -> dict[Key, int]:
    """How many frames before the newest have to be kept of each value."""
    depths: dict[Key, int] = {}
    for frames, (oldest, _) in reads:
        if oldest:
            depths[key_of(frames)] = max(oldest, depths.get(key_of(frames), 0))
    return depths


def mixture(operator: WindowOperator, contents: Contents, past: Past) -> Mixture | None:
    """What an operator makes of each frame, or of it and those before it; None if it needs others."""
    data = [frames for frames in contents if frames]
    if len({frames.frames for frames in data}) == 1:
        place = rules.place_behind(operator) if operator.window > 1 else None
        if place is not None or operator.window == 1:
            return Mixture(data[0].frames, place, (NOW,) * len(contents))
    if past is Past.NOTHING or any(frames.place is None for frames in data):
        return None
    if len({frames.frames for frames in data}) > 1:
        return _delayed(operator, contents, data)
    if len(data) == 1 and operator.kind in _REACH:
        return _slid(operator, contents, data[0])
    if len(data) == 1 and operator.kind in _SLICES:
        return _sliced(operator, contents, data[0])
    return _padded_around(operator, contents, data[0]) if operator.kind in _PADS else None


def _delayed(
    operator: WindowOperator, contents: Contents, data: Sequence[Frames]
) -> Mixture | None:
    """Frames together with those before them, all as far before."""
    newest = max(data, key=lambda frames: frames.frames[0]).frames
    delays = [newest[0] - frames.frames[0] for frames in data]
    together = all(
        tuple(number + delay for number in frames.frames) == newest
        for frames, delay in zip(data, delays)
    )
    if not together or newest[0] < 0:
        return None
    place = rules.place_behind(operator)
    ages = tuple((f and (newest[0] - f.frames[0],) * 2) or NOW for f in contents)
    return None if place is None else Mixture(newest, place, ages)


def _slid(operator: WindowOperator, contents: Contents, data: Frames) -> Mixture | None:
    """A kernel that slides over the frames one by one, and never over an edge."""
    place, reach = data.place, _REACH[operator.kind](operator, operator.axis)
    if place is None or reach is None or place.within != 1 or not _is_consecutive(data):
        return None
    numbers = data.frames[reach:]
    if numbers[0] < 0 or operator.outputs[0][place.axis] != len(numbers):
        return None
    ages = tuple((reach, 0) if frames else NOW for frames in contents)
    return Mixture(numbers, place if len(numbers) > 1 else None, ages)


def _sliced(operator: WindowOperator, contents: Contents, data: Frames) -> Mixture | None:
    """Some frames, and a part of each."""
    if data.place is None or data.place.within != 1:
        return None
    axis = data.place.axis
    rows = rows_of(operator, axis)
    if rows is None or len(rows) < 2:
        return None
    if len(operator.outputs[0]) != len(operator.shape) or operator.outputs[0][axis] != len(rows):
        return None
    limits = {position: operator.value(position).copy() for position in (1, 2)}
    if axis < len(limits[1]):
        limits[1][axis], limits[2][axis] = 0, 1
    numbers = tuple(data.frames[int(row)] for row in rows)
    return Mixture(numbers, data.place, (NOW,) * len(contents), limits)


def _padded_around(operator: WindowOperator, contents: Contents, data: Frames) -> Mixture | None:
    """Zeros before the first frame, and around each."""
    numbers = _with_zeros_before(operator, data)
    if numbers is None or data.place is None:
        return None
    around = operator.value(1).copy()
    around[data.place.axis] = 0
    return Mixture(numbers, data.place, (NOW,) * len(contents), {1: around})


def padded(operator: WindowOperator, contents: Contents, past: Past) -> list[Frames] | None:
    """Frames with zeros before the first: in a stream they are the frames before; None of all else."""
    if past is Past.NOTHING:
        return None
    data = [frames for frames in contents if frames]
    if len(data) != 1 or data[0].place is None:
        return None
    numbers = None
    if operator.kind in _PADS:
        others = np.delete(operator.value(1), data[0].place.axis, axis=0)
        numbers = None if others.any() else _with_zeros_before(operator, data[0])
    elif operator.kind == "CONCATENATION" and contents[0] is None and len(contents) == 2:
        zeros = operator.operand(0).value
        if operator.along(operator.options.axis) == {operator.axis} and zeros is not None:
            count = zeros.shape[operator.axis] if not zeros.any() else 0
            numbers = _before(data[0], count)
    return None if numbers is None else [replace(data[0], frames=numbers)]


def _with_zeros_before(operator: WindowOperator, data: Frames) -> tuple[int, ...] | None:
    before, behind = operator.value(1)[operator.axis]
    is_zero = operator.kind == "PAD" or not operator.value(2).any()
    return None if behind or not is_zero else _before(data, int(before))


def _before(data: Frames, rows: int) -> tuple[int, ...] | None:
    within = data.place.within if data.place else 1
    if not rows or rows % within or not _is_consecutive(data):
        return None
    first = data.frames[0]
    return (*range(first - rows // within, first), *data.frames)


def stays_zero(operator: WindowOperator, numbers: Sequence[int]) -> bool:
    """Whether zeros that stand for frames before the window are zeros behind it."""
    return operator.kind in _KEEPS_ZERO or min(numbers) >= 0


def _is_consecutive(data: Frames) -> bool:
    return data.frames == tuple(range(data.frames[0], data.frames[0] + len(data.frames)))


_VALID = schema.Padding.VALID


def _of_convolution(operator: WindowOperator, axis: int) -> int | None:
    options = operator.options
    steps = {
        1: (options.strideH, options.dilationHFactor),
        2: (options.strideW, options.dilationWFactor),
    }
    stride, dilation = steps.get(axis, (0, 0))
    kernel = operator.operand(1).shape
    is_valid = stride == 1 and options.padding == _VALID
    return (kernel[axis] - 1) * dilation if is_valid else None


def _of_pool(operator: WindowOperator, axis: int) -> int | None:
    options = operator.options
    steps = {1: (options.strideH, options.filterHeight), 2: (options.strideW, options.filterWidth)}
    stride, size = steps.get(axis, (0, 0))
    return size - 1 if stride == 1 and options.padding == _VALID else None


def _of_volume(operator: WindowOperator, axis: int) -> int | None:
    options, size = operator.options, operator.operand(1).shape[0]
    is_valid = axis == 1 and options.strideD == 1 and options.padding == _VALID
    return (size - 1) * options.dilationDFactor if is_valid else None


# how many frames back an operator reads along the axis that holds them; None if it leaves the window
_REACH: dict[str, Callable[[WindowOperator, int], int | None]] = {
    "AVERAGE_POOL_2D": _of_pool,
    "CONV_2D": _of_convolution,
    "CONV_3D": _of_volume,
    "DEPTHWISE_CONV_2D": _of_convolution,
    "MAX_POOL_2D": _of_pool,
}
_SLICES = ("SLICE", "STRIDED_SLICE")
_PADS = ("PAD", "PADV2")
_KEEPS_ZERO = frozenset({
    *KINDS, *_PADS, "ABS", "AVERAGE_POOL_2D", "LEAKY_RELU", "MAX_POOL_2D", "MEAN", "MUL", "RELU",
    "RELU6", "SUM", "TANH",
})  # fmt: skip
