"""Where the frames of a window stand in a tensor, and which operations keep them apart.

An operation keeps frames apart if what it makes of a window is, frame by frame, what
it makes of windows of a single frame. That is tried with random numbers and the
network's own weights, so no list of operations can be incomplete or out of date.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers
from keras.src import ops as keras_ops

from edge_convert.cut.keras import model, rebuild

TRIAL_TOLERANCE = 1e-4  # relative to the largest number; sums in another order differ by 1e-6
# what Keras and TensorFlow raise if shapes, weights or constants do not fit one frame
MISFITS = (
    ArithmeticError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)

Shape = Sequence[Any]  # of int, None if unknown


@dataclass(frozen=True)
class Layout:
    """Which frames a tensor holds, in which order, and where.

    stacked: (batch, frames, ...); otherwise folded into the batch: (batch * frames, ...), so
    that a single one is (batch, ...).
    """

    frames: tuple[int, ...]
    stacked: bool

    def of(self, shape: Shape) -> tuple[int | None, ...]:
        """The shape (batch, ...) of frames of `shape` in this layout."""
        return (None, len(self.frames), *shape) if self.stacked else (None, *shape)


class FrameTensor:
    """One frame's share of a tensor: (batch, ...) as `frame`, (batch, 1, ...) as `window`.

    name: of the operation that made it.
    """

    def __init__(
        self, rebuilder: rebuild.GraphRebuilder, name: str, tensor: Any, stacked: bool
    ) -> None:
        self._rebuilder, self.name, self._tensor, self._stacked = rebuilder, name, tensor, stacked

    @cached_property
    def frame(self) -> Any:
        if not self._stacked:
            return self._tensor
        return self._rebuilder.reshape(self._tensor, (-1, *self._tensor.shape[2:]))

    @cached_property
    def window(self) -> Any:
        if self._stacked:
            return self._tensor
        return self._rebuilder.reshape(self._tensor, (-1, 1, *self._tensor.shape[1:]))

    def copied(self) -> Any:
        """As `frame`, made by an operation of its own: an output of the encoder."""
        return self._rebuilder.reshape(self.frame, (-1, *self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one frame's share, without batch."""
        return tuple(self._tensor.shape[2 if self._stacked else 1 :])


def keeps_frames_apart(
    call: model.Call, form: Callable[..., Any], layout: Layout, stacked: bool
) -> bool:
    """Try `call` on random frames of `layout`, and `form` on each alone, as a window if `stacked`."""
    random, count = np.random.default_rng(0), len(layout.frames)
    try:
        frames = {value: _numbers(random, value, count, layout.stacked) for value in call.inputs}
        expected = _rows(call, None, frames, layout.stacked)
        for index in range(count):
            frame = {value: x[index : index + 1] for value, x in frames.items()}
            actual = _rows(call, form, frame, stacked)
            pairs = zip(expected, actual, strict=True)
            if not all(_equal(rows[index : index + 1], row) for rows, row in pairs):
                return False
    except MISFITS:
        return False
    return True


def _rows(
    call: model.Call,
    form: Callable[..., Any] | None,
    frames: dict[model.Value, np.ndarray],
    stacked: bool,
) -> list[np.ndarray]:
    """What `form` makes of frames: for each output (frames, ...)."""
    inputs = {value: x[None] if stacked else x for value, x in frames.items()}
    outputs = [np.asarray(x) for x in call.replay(inputs, form)]
    return [x[0] if stacked else x for x in outputs]


def _numbers(
    random: np.random.Generator, value: model.Value, count: int, stacked: bool
) -> np.ndarray:
    """(frames, ...) of the kind that the tensor holds."""
    shape: tuple[Any, ...] = (count, *value.shape[2 if stacked else 1 :])
    kind = np.dtype(value.tensor.dtype)
    if kind.kind == "f":
        return random.normal(0.0, 2.0, shape).astype(kind)
    return random.integers(0, 2, shape).astype(kind)


def _equal(expected: np.ndarray, actual: np.ndarray) -> bool:
    if expected.shape != actual.shape:
        return False
    if expected.dtype.kind != "f":
        return bool((expected == actual).all())
    finite = expected[np.isfinite(expected)]
    scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
    return np.allclose(expected, actual, rtol=0.0, atol=TRIAL_TOLERANCE * scale, equal_nan=True)


# constants say nothing of a frame; masks do not pass from one part to the other
_HEAD_ONLY = (
    layers.Masking, keras_ops.numpy.FullLike, keras_ops.numpy.OnesLike, keras_ops.numpy.ZerosLike,
    *model.those_of(keras_ops.numpy, "EmptyLike"),
)  # fmt: skip
_AXES = ("axes", "axis", "axis1", "axis2", "destination", "dims", "shared_axes", "source")


@dataclass(frozen=True)
class FrameOperation:
    """An operation for one frame: given as (batch, ...), or as a window (batch, 1, ...)."""

    operation: Any
    stacked: bool
    change: rebuild.Rewrite = rebuild.UNCHANGED
    certain: bool = False  # no trial is needed

    def form(self, rebuilder: rebuild.GraphRebuilder) -> Callable[..., Any]:
        """What to call. Raises what Keras does if the change makes no sense."""
        return rebuilder.form(self.operation, self.change)


def frame_operations(operation: Any, layout: Layout) -> Iterator[FrameOperation]:
    """What may stand for `operation`, best first; all but the certain ones are to be tried."""
    if isinstance(operation, _HEAD_ONLY):
        return
    if not layout.stacked:
        yield FrameOperation(operation, stacked=False, certain=_keeps_batch(operation, layout))
    elif isinstance(operation, layers.TimeDistributed):
        yield FrameOperation(operation.layer, stacked=False, certain=True)
    else:
        for change in _without_frames_axis(operation):
            yield FrameOperation(operation, stacked=False, change=change)
        yield FrameOperation(operation, stacked=True, change=_of_one_step(operation))


def _keeps_batch(operation: Any, layout: Layout) -> bool:
    """One frame is alone anyway, and no layer of Keras looks across the batch."""
    layer = isinstance(operation, layers.Layer) and not isinstance(operation, layers.Lambda)
    return len(layout.frames) == 1 or (layer and type(operation).__module__.startswith("keras."))


def _without_frames_axis(operation: Any) -> Iterator[rebuild.Rewrite]:
    """The operation without an axis of frames."""
    if type(operation) in rebuild.WITHOUT_TIME:
        yield rebuild.Rewrite(rebuild.in_space(operation), rebuild.WITHOUT_TIME[type(operation)])
        return
    yield rebuild.UNCHANGED
    try:
        config = operation.get_config()
    except NotImplementedError:
        return
    axes = {key: config[key] for key in _AXES if config.get(key) is not None}
    if axes:
        yield rebuild.Rewrite(
            {key: _shifted_axes(value) for key, value in axes.items()}, type(operation)
        )


def _shifted_axes(axes: Any) -> Any:
    """Axes without that of the frames, 1: those behind it come one earlier."""
    if isinstance(axes, int):
        return axes - 1 if axes > 0 else axes
    return [_shifted_axes(axis) for axis in axes if axis != 1]


def _of_one_step(operation: Any) -> rebuild.Rewrite:
    """What of the config holds the number of frames, as it is for one."""
    if not isinstance(operation, layers.EinsumDense) or "..." in operation.equation:
        return rebuild.UNCHANGED
    return rebuild.Rewrite({"output_shape": (1, *operation.get_config()["output_shape"][1:])})
