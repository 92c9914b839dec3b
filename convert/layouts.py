"""Which axis of an input of images is what: time, height, width or channels, in any order.

A layout is written as `TCHW`: T frames over time, H and W, C channels; without T it is one image,
without C its frames are grey. Parts and bundles have all in the order THWC or HWC.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge.input_spec import is_usual_form
from edge_common import ModelError

if TYPE_CHECKING:
    import numpy as np

AXES = {"T": "window", "H": "height", "W": "width", "C": "channels"}
FRAME, WINDOW = "HWC", "THWC"
Sizes = Sequence[int | None]


def is_layout(text: str) -> bool:
    """Whether it names H and W, and perhaps T and C, once each."""
    return {"H", "W"} <= {*text} <= {*AXES} and len({*text}) == len(text)


def own_order(layout: str) -> str:
    """That of parts and bundles with the same axes."""
    return WINDOW if "T" in layout else FRAME


def axes_of(layout: str) -> tuple[int, ...]:
    """Of values in own order, batch first: the axes in the order of a layout, a missing C last."""
    letters = own_order(layout)
    missing = "" if "C" in layout else "C"
    return (0, *(1 + letters.index(letter) for letter in layout + missing))


def in_layout(values: "np.ndarray", layout: str) -> "np.ndarray":
    """Values (n, [T,] H, W, C) as a network of this layout takes them; features ("") as they are."""
    if not layout:
        return values
    moved = values.transpose(axes_of(layout))
    return (moved if "C" in layout else moved[..., 0]).copy()


def sizes_in_own_order(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """The shape (1, [T,] H, W, C) of what stands in a layout; features ("") as they are."""
    if not layout:
        return shape
    sizes = {"C": 1, **dict(zip(layout, shape[1:]))}
    return (shape[0], *(sizes[letter] for letter in own_order(layout)))


def layout_of(
    shape: Sizes, channels: Sequence[int], window: int | None, *, last_first: bool
) -> str:
    """The layout of an input (n, ...) of rank 4 or 5 that nobody states.

    channels: how many there may be.  window: frames, if they are known.  last_first: channels are
    looked for in the last axis before others; otherwise before height and width, then before T.
    Raises ModelError if no axis can be the channels, or several could be T.
    """
    before = [-3, -4] if len(shape) == 5 else [-3]
    order = [-1, *before] if last_first else [*before, -1]
    axis = next((axis for axis in order if shape[axis] in channels), None)
    if axis is None:
        counts = " or ".join(map(str, channels))
        raise ModelError(
            f"{_listed(shape)} has no axis of {counts} channels: name other ones than grey and RGB "
            "with --planes, such as red,green,blue,alpha; of frames without channels say which axis "
            "is what, such as --layout THW"
        )
    position = axis + len(shape) - 1
    letters = "HW"
    if len(shape) == 5:
        around = [size for i, size in enumerate(shape[1:]) if i != position]
        letters = "THW" if axis == -3 else _with_time(shape, around, window)
    return f"{letters[:position]}C{letters[position:]}"


def _with_time(shape: Sizes, sizes: Sizes, window: int | None) -> str:
    """`THW` or `HWT`, by which of both leaves frames of a usual form.

    Frames come first unless that makes stripes of them, or the other reading makes squares.
    """
    first, middle, last = sizes
    if first is None or middle is None or last is None or first == last:
        return "THW"
    if window in (first, last):
        return "THW" if window == first else "HWT"
    behind, ahead = is_usual_form(middle, last), is_usual_form(first, middle)
    if not ahead or (behind and first != middle):
        return "THW"
    if behind and middle != last:
        raise ModelError(
            f"{_listed(shape)} may be {first} frames of {middle}x{last} or {last} frames of "
            f"{first}x{middle}: say which with --layout THWC or --layout HWTC (T frames, C channels)"
        )
    return "THW" if behind else "HWT"


def _listed(shape: Sizes) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
