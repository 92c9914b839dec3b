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

from edge_convert.cut.keras.framewise import MISFITS, Layout, Twin
from edge_convert.cut.keras.graph import Call, those_of

MOVES = (
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
    keras_ops.numpy.Vstack, *those_of(keras_ops.numpy, "ArraySplit", "Dstack"),
)  # fmt: skip

_FLOAT32_COUNTS_TO = 2**24


@dataclass(frozen=True)
class Moved:
    """Frames of one twin in a new layout; `shape` is one frame's share of it."""

    twin: Twin
    layout: Layout
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Marked:
    """The numbers of a twin's frames: those of frame t from `first + t * size` on."""

    twin: Twin
    first: int
    size: int
    frames: np.ndarray


def moved(call: Call, twins: Sequence[Twin], layouts: Sequence[Layout]) -> list[Moved] | None:
    """Where `call` puts the frames that it reads; None where it does more than to move them."""
    if not isinstance(call.operation, MOVES):
        return None
    marked = _mark(twins, 1 + max(max(layout.frames) for layout in layouts))
    given = {}
    for value, twin, layout in zip(call.inputs, twins, layouts, strict=True):
        frames = marked[id(twin)].frames[list(layout.frames)]
        given[value] = frames[None] if layout.stacked else frames
    try:
        found = [_found(np.asarray(output), list(marked.values())) for output in call.replay(given)]
    except MISFITS:
        return None
    return None if None in found else found


def _mark(twins: Sequence[Twin], count: int) -> dict[int, _Marked]:
    distinct = {id(twin): twin for twin in twins}
    sizes = [count * math.prod(twin.shape) for twin in distinct.values()]
    kind = np.float32 if sum(sizes) < _FLOAT32_COUNTS_TO else np.int32
    ends = list(accumulate(sizes))
    marked = {}
    for (key, twin), size, end in zip(distinct.items(), sizes, ends):
        frames = np.arange(end - size, end, dtype=kind).reshape(count, *twin.shape)
        marked[key] = _Marked(twin, end - size, frames[0].size, frames)
    return marked


def _found(output: np.ndarray, marked: Sequence[_Marked]) -> Moved | None:
    """Read off one output which frames it holds, whole and in their order; best unreshaped."""
    ways = [(False, output)]
    if output.ndim > 1 and len(output) == 1:
        ways.append((True, output[0]))
    moves = [_read(mark, stacked, rows) for stacked, rows in ways for mark in marked]
    found = [move for move in moves if move is not None]
    return min(found, key=lambda move: move.shape != move.twin.shape, default=None)


def _read(mark: _Marked, stacked: bool, rows: np.ndarray) -> Moved | None:
    if not len(rows) or rows[0].size != mark.size:
        return None
    frames = _frames(rows.reshape(len(rows), -1), mark)
    return frames and Moved(mark.twin, Layout(frames, stacked), rows.shape[1:])


def _frames(rows: np.ndarray, mark: _Marked) -> tuple[int, ...] | None:
    rows = rows.astype(np.int64)
    number, within = np.divmod(rows[:, 0] - mark.first, mark.size)
    whole = rows == rows[:, :1] + np.arange(mark.size)
    inside = (number >= 0) & (number < len(mark.frames)) & (within == 0)
    return tuple(map(int, number)) if whole.all() and inside.all() else None
