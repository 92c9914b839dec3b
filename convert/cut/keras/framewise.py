"""Where the frames of a window stand in a tensor, and which operations keep them apart.

An operation keeps frames apart if what it makes of a window is, frame by frame, what
it makes of windows of a single frame. That is tried with random numbers and the
network's own weights, so no list of operations can be incomplete or out of date.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from edge_convert.cut.keras.graph import Call, Value
from edge_convert.cut.keras.rebuild import Assembly

TRIAL_TOLERANCE = 1e-4  # relative to the largest number; sums in another order differ by 1e-6
# what Keras and TensorFlow raise where shapes, weights or constants do not fit one frame
MISFITS = (
    ArithmeticError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)

Shape = Sequence[int | None]


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


class Twin:
    """One frame's share of a tensor: (batch, ...) as `frame`, (batch, 1, ...) as `window`.

    name: of the operation that made it.
    """

    def __init__(self, assembly: Assembly, name: str, tensor: Any, stacked: bool) -> None:
        self._assembly, self.name, self._tensor, self._stacked = assembly, name, tensor, stacked

    @cached_property
    def frame(self) -> Any:
        if not self._stacked:
            return self._tensor
        return self._assembly.reshape(self._tensor, (-1, *self._tensor.shape[2:]))

    @cached_property
    def window(self) -> Any:
        if self._stacked:
            return self._tensor
        return self._assembly.reshape(self._tensor, (-1, 1, *self._tensor.shape[1:]))

    def copied(self) -> Any:
        """As `frame`, made by an operation of its own: an output of the encoder."""
        return self._assembly.reshape(self.frame, (-1, *self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one frame's share, without batch."""
        return tuple(self._tensor.shape[2 if self._stacked else 1 :])


def keeps_frames_apart(call: Call, form: Callable[..., Any], layout: Layout, stacked: bool) -> bool:
    """Try `call` on random frames of `layout`, and `form` on each alone, as a window if `stacked`."""
    random, count = np.random.default_rng(0), len(layout.frames)
    try:
        frames = {value: _numbers(random, value, count, layout.stacked) for value in call.inputs}
        expected = _rows(call, None, frames, layout.stacked)
        for index in range(count):
            one = {value: x[index : index + 1] for value, x in frames.items()}
            found = _rows(call, form, one, stacked)
            pairs = zip(expected, found, strict=True)
            if not all(_equal(rows[index : index + 1], row) for rows, row in pairs):
                return False
    except MISFITS:
        return False
    return True


def _rows(
    call: Call, form: Callable[..., Any] | None, frames: dict[Value, np.ndarray], stacked: bool
) -> list[np.ndarray]:
    """What `form` makes of frames: for each output (frames, ...)."""
    given = {value: x[None] if stacked else x for value, x in frames.items()}
    found = [np.asarray(x) for x in call.replay(given, form)]
    return [x[0] if stacked else x for x in found]


def _numbers(random: np.random.Generator, value: Value, count: int, stacked: bool) -> np.ndarray:
    """(frames, ...) of the kind that the tensor holds."""
    shape = (count, *value.shape[2 if stacked else 1 :])
    kind = np.dtype(value.tensor.dtype)
    if kind.kind == "f":
        return random.normal(0.0, 2.0, shape).astype(kind)
    return random.integers(0, 2, shape).astype(kind)


def _equal(expected: np.ndarray, found: np.ndarray) -> bool:
    if expected.shape != found.shape:
        return False
    if expected.dtype.kind != "f":
        return bool((expected == found).all())
    finite = expected[np.isfinite(expected)]
    scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
    return np.allclose(expected, found, rtol=0.0, atol=TRIAL_TOLERANCE * scale, equal_nan=True)
