"""An operator of a .tflite as it acts on a window of frames.

Of the T frames of a window, each has a share of a tensor that holds them. The shares lie
in one axis, with as many neighbours for each frame: (1, T, ...) is a window, (T, ...) has
its frames folded into the batch, (P, T * Q, ...) came of further reshapes.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_convert.cut.tflite.main_graph import Shape


@dataclass(frozen=True)
class Place:
    """Where a tensor holds frames: in `axis`, `within` rows of a frame side by side."""

    axis: int
    within: int = 1

    def stride(self, shape: Shape) -> int:
        """How many numbers in memory lie between a frame and the next."""
        return self.within * math.prod(shape[self.axis + 1 :])


def place_at(shape: Shape, stride: int, window: int) -> Place | None:
    """The axis in which frames are `stride` numbers apart; None if several axes share them."""
    for axis, size in enumerate(shape):
        behind = math.prod(shape[axis + 1 :])
        if stride % behind == 0 and size % (window * (stride // behind)) == 0:
            return Place(axis, stride // behind)
    return None


def one_frame(shape: Shape, place: Place, window: int) -> Shape:
    """The shape of one frame's share of a tensor; its rank stays."""
    return (*shape[: place.axis], shape[place.axis] // window, *shape[place.axis + 1 :])


@dataclass(frozen=True)
class Operand:
    """What an operator reads: frames in a place, or a constant, or neither."""

    shape: Shape
    place: Place | None = None
    value: np.ndarray | None = None

    @property
    def frames(self) -> Place:
        """The place of one that holds frames."""
        if self.place is None:
            raise ValueError("an operand that holds no frames")
        return self.place

    @property
    def constant(self) -> np.ndarray:
        """The value of one that is a constant."""
        if self.value is None:
            raise ValueError("an operand that is no constant")
        return self.value


@dataclass(frozen=True)
class WindowOperator:
    """One operator as the rules see it; an optional operand that is absent is None."""

    kind: str
    options: Any
    operands: tuple[Operand | None, ...]
    outputs: tuple[Shape, ...]
    window: int

    @property
    def frames(self) -> list[Operand]:
        """The operands that hold frames."""
        return [o for o in self.operands if o is not None and o.place is not None]

    @property
    def shape(self) -> Shape:
        """Of the first operand that holds frames."""
        return self.frames[0].shape

    @property
    def axis(self) -> int:
        """Where the frames stand in the first operand that holds some."""
        return self.frames[0].frames.axis

    @property
    def data_shape(self) -> Shape:
        """Of the first operand that is no constant."""
        return next(o.shape for o in self.operands if o is not None and o.value is None)

    def at(self, axis: int) -> Place:
        """The frames in another axis."""
        return Place(axis, self.frames[0].frames.within)

    def operand(self, position: int) -> Operand:
        """One that is not left out."""
        operand = self.operands[position]
        if operand is None:
            raise ValueError(f"{self.kind} lacks its operand {position}")
        return operand

    def value(self, position: int) -> np.ndarray:
        """A constant operand."""
        return self.operand(position).constant

    def along(self, values: Any) -> set[int]:
        """Axes of `data_shape`, negative ones counted from its end."""
        return {int(axis) % len(self.data_shape) for axis in np.ravel(values)}


def by_frame(value: np.ndarray, axis: int, place: Place, window: int) -> np.ndarray:
    """A constant with the frames of one of its axes apart: (..., outer, T, within, ...)."""
    apart = (-1, window, place.within)
    return value.reshape(*value.shape[:axis], *apart, *value.shape[axis + 1 :])


def of_one_frame(value: np.ndarray, axis: int, place: Place, window: int) -> np.ndarray:
    """What a constant holds for the first frame."""
    first = by_frame(value, axis, place, window).take(0, axis + 1)
    return first.reshape(*value.shape[:axis], -1, *value.shape[axis + 1 :])


def same_for_all(value: np.ndarray, axis: int, place: Place, window: int) -> bool:
    """Whether a constant, broadcast against frames in `axis`, is the same for each of them."""
    if axis < 0 or value.shape[axis] == 1:
        return True
    apart = by_frame(value, axis, place, window)
    return bool((apart == apart.take([0], axis + 1)).all())
