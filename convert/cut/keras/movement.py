"""Operations that only move numbers: slices, stacks, reshapes, folding into the batch.

They may take frames apart and put them together again, in any order. Where a number
goes is seen by giving each a number of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from keras import layers
from keras.src import ops as keras_ops

from edge_convert.cut.keras import framewise, model

DATA_MOVEMENTS = (
    layers.Concatenate, layers.Cropping1D, layers.Cropping2D, layers.Cropping3D, layers.Flatten,
    layers.Permute, layers.RepeatVector, layers.Reshape, layers.UpSampling1D,
    keras_ops.core.Slice, keras_ops.core.Unstack, keras_ops.einops.Rearrange,
    keras_ops.numpy.Append, keras_ops.numpy.BroadcastTo,
    keras_ops.numpy.Concatenate, keras_ops.numpy.ExpandDims,
    keras_ops.numpy.Flip, keras_ops.numpy.GetItem, keras_ops.numpy.Hstack,
    keras_ops.numpy.Moveaxis, keras_ops.numpy.Ravel, keras_ops.numpy.Repeat,
    keras_ops.numpy.Reshape, keras_ops.numpy.Roll, keras_ops.numpy.Split,
    keras_ops.numpy.Squeeze, keras_ops.numpy.Stack, keras_ops.numpy.Swapaxes,
    keras_ops.numpy.Take, keras_ops.numpy.Tile, keras_ops.numpy.Transpose,
    keras_ops.numpy.Vstack, *model.those_of(keras_ops.numpy, "ArraySplit", "Dstack"),
)  # fmt: skip

_FLOAT32_COUNTS_TO = 2**24


@dataclass(frozen=True)
class DataMovement:
    """Frames of one per-frame tensor in a new layout; `shape` is one frame's share of it."""

    frame_tensor: framewise.FrameTensor
    layout: framewise.Layout
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Numbered:
    """The numbers of a per-frame tensor's frames: those of frame t from `first + t * size` on."""

    frame_tensor: framewise.FrameTensor
    first: int
    size: int
    frames: np.ndarray


def data_movement(
    call: model.Call,
    frame_tensors: Sequence[framewise.FrameTensor],
    layouts: Sequence[framewise.Layout],
) -> list[DataMovement] | None:
    """Where `call` puts the frames that it reads; None if it does more than to move them."""
    if not isinstance(call.operation, DATA_MOVEMENTS):
        return None
    numbered = _number(frame_tensors, 1 + max(max(layout.frames) for layout in layouts))
    inputs = {}
    for value, frame_tensor, layout in zip(call.inputs, frame_tensors, layouts, strict=True):
        frames = numbered[id(frame_tensor)].frames[list(layout.frames)]
        inputs[value] = frames[None] if layout.stacked else frames
    try:
        movements = [
            _movement_in(np.asarray(output), list(numbered.values()))
            for output in call.replay(inputs)
        ]
    except framewise.MISFITS:
        return None
    whole = [movement for movement in movements if movement is not None]
    return whole if len(whole) == len(movements) else None


def _number(frame_tensors: Sequence[framewise.FrameTensor], count: int) -> dict[int, _Numbered]:
    distinct = {id(frame_tensor): frame_tensor for frame_tensor in frame_tensors}
    sizes = [count * math.prod(frame_tensor.shape) for frame_tensor in distinct.values()]
    kind = np.float32 if sum(sizes) < _FLOAT32_COUNTS_TO else np.int32
    ends = list(accumulate(sizes))
    numbered = {}
    for (key, frame_tensor), size, end in zip(distinct.items(), sizes, ends):
        frames = np.arange(end - size, end, dtype=kind).reshape(count, *frame_tensor.shape)
        numbered[key] = _Numbered(frame_tensor, end - size, frames[0].size, frames)
    return numbered


def _movement_in(output: np.ndarray, numbered: Sequence[_Numbered]) -> DataMovement | None:
    """Read off one output which frames it holds, whole and in their order; best unreshaped."""
    readable = [(False, output)]
    if output.ndim > 1 and len(output) == 1:
        readable.append((True, output[0]))
    readings = [
        _frames_of(numbers, stacked, rows) for stacked, rows in readable for numbers in numbered
    ]
    movements = [movement for movement in readings if movement is not None]
    return min(
        movements, key=lambda movement: movement.shape != movement.frame_tensor.shape, default=None
    )


def _frames_of(numbers: _Numbered, stacked: bool, rows: np.ndarray) -> DataMovement | None:
    if not len(rows) or rows[0].size != numbers.size:
        return None
    frames = _frames(rows.reshape(len(rows), -1), numbers)
    if frames is None:
        return None
    return DataMovement(numbers.frame_tensor, framewise.Layout(frames, stacked), rows.shape[1:])


def _frames(rows: np.ndarray, numbers: _Numbered) -> tuple[int, ...] | None:
    rows = rows.astype(np.int64)
    number, within = np.divmod(rows[:, 0] - numbers.first, numbers.size)
    whole = rows == rows[:, :1] + np.arange(numbers.size)
    inside = (number >= 0) & (number < len(numbers.frames)) & (within == 0)
    return tuple(map(int, number)) if whole.all() and inside.all() else None
