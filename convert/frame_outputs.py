"""Outputs that answer for every frame of the window, (T, n) or T * n flat: the newest one decides."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.tasks import KINDS
from edge_common import ConfigError
from edge_convert.probabilities import Output, Shape

if TYPE_CHECKING:
    from edge_convert.network import TaskEntry


@dataclass(frozen=True)
class NewestFrame:
    """The newest frame's share of an output.

    shape: of the output, without the batch.  axis: of the frames among these.
    width: numbers of a frame, if the output is flat; 0: frames have the axis for themselves.
    """

    shape: Shape
    axis: int
    width: int = 0

    @property
    def box(self) -> tuple[Shape, Shape]:
        """Where the share begins in the output, with its batch of 1, and its size, axis by axis."""
        count = self.width or 1
        begin, size = [0] * (len(self.shape) + 1), [1, *self.shape]
        begin[self.axis + 1], size[self.axis + 1] = self.shape[self.axis] - count, count
        return tuple(begin), tuple(size)

    @property
    def result(self) -> Shape:
        """The shape of the share, with a batch of 1."""
        if self.width:
            return (1, self.width)
        return (1, *self.shape[: self.axis], *self.shape[self.axis + 1 :])

    def of(self, values: Any) -> Any:
        """The share of values or of a symbolic tensor (n, *shape): (n, ...).

        Of one window, the batch may be left out.
        """
        batched = values[None] if len(values.shape) == len(self.shape) else values
        before = (slice(None),) * (self.axis + 1)
        return batched[(*before, slice(-self.width, None) if self.width else -1)]

    def line(self, name: str) -> str:
        """What is made of it, for a person."""
        sizes, count = ", ".join(map(str, self.shape)), self.shape[self.axis] // (self.width or 1)
        return (
            f"'{name}' gives ({sizes}), an answer for each of {count} frames: the newest frame's "
            "decides, and is what accuracy is measured of"
        )


def newest_frames(
    outputs: Mapping[str, Output], window: int, entries: Mapping[str, "TaskEntry"]
) -> dict[str, NewestFrame]:
    """The outputs of a network over `window` frames that answer for each of these, by name.

    Decided by the shape, if just one axis is as long as the window; else by `per_frame` of the tasks file's
    entries.
    Raises ConfigError if that does not fit, or nobody says which of two axes the frames are.
    """
    newest = {
        name: _newest(name, output.shape, window, entries.get(name))
        for name, output in outputs.items()
    }
    return {name: share for name, share in newest.items() if share is not None}


def _newest(name: str, shape: Shape, window: int, entry: "TaskEntry | None") -> NewestFrame | None:
    stated = entry.per_frame if entry else None
    if stated is False or (stated is None and window == 1):
        return None
    if stated is None and entry and _is_whole(name, entry, shape, window):
        return None
    long = [axis for axis, size in enumerate(shape) if size > 1] or [0]
    frames = [axis for axis in long if shape[axis] == window]
    is_column = shape == (window, 1)  # a number a frame
    if stated:
        is_flat = len(long) == 1 and not is_column
        return (
            _flat(name, shape, long[0], window)
            if is_flat
            else NewestFrame(shape, (frames or long)[0])
        )
    if is_column:
        return NewestFrame(shape, 0)
    if len(long) < 2 or not frames:
        return None
    if len(frames) > 1:
        raise _undecided(name, shape, window)
    return NewestFrame(shape, frames[0])


def newest_of_width(shape: Shape, window: int, width: int) -> NewestFrame | None:
    """The share of an output that holds `width` numbers, as a bundle made of it has them; None: all."""
    if window == 1 or None in shape or math.prod(shape) != window * width:
        return None
    if window in shape:
        return NewestFrame(shape, shape.index(window))
    return NewestFrame(shape, max(range(len(shape)), key=shape.__getitem__), width)


def _flat(name: str, shape: Shape, axis: int, window: int) -> NewestFrame:
    if shape[axis] % window:
        raise ConfigError(
            f"task '{name}' is stated as per_frame, but its {shape[axis]} numbers are no multiple of "
            f"the window's {window} frames"
        )
    return NewestFrame(shape, axis, shape[axis] // window)


def _is_whole(name: str, entry: "TaskEntry", shape: Shape, window: int) -> bool:
    """Whether an output is one answer of its kind, such as points, be they as many as frames."""
    kind, axes = KINDS.get(entry.kind), Output(shape, "").axes
    if kind is None or not kind.takes(axes):
        return False
    if shape == (window, 1):  # a number a frame, unless the kind takes more
        return kind.fixed_width is None and len(entry.labels) in (0, window)
    if len(axes) == 3 and axes[0] == window:  # (h, w, n), or (T, h, w) of one label
        if not entry.labels:
            raise _undecided(name, shape, window)
        return len(entry.labels) == axes[2]
    return True


def _undecided(name: str, shape: Shape, window: int) -> ConfigError:
    return ConfigError(
        f"the answer '{name}' has shape {shape}, and the window {window} frames: say in "
        'MODEL.tasks.json whether its first axis are the frames, "per_frame": true, or not, false'
    )


def labels_of_newest(
    labels: Mapping[str, np.ndarray], newest: Mapping[str, NewestFrame]
) -> dict[str, np.ndarray]:
    """Labels by task, those of all frames, (N, T, ...), as the newest frame's, (N, ...)."""
    return {
        name: values[:, -1] if name in newest and values.ndim > 1 else values
        for name, values in labels.items()
    }
