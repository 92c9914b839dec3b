"""How an operation on a window may act on one of its frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from keras import layers
from keras.src import ops as keras_ops

from edge_convert.cut.keras.convertible import PICTURES, in_space
from edge_convert.cut.keras.framewise import Layout
from edge_convert.cut.keras.graph import those_of
from edge_convert.cut.keras.rebuild import UNCHANGED, Assembly, Change

# constants say nothing of a frame; masks do not pass from one part to the other
_LEFT_TO_THE_HEAD = (
    layers.Masking, keras_ops.numpy.FullLike, keras_ops.numpy.OnesLike, keras_ops.numpy.ZerosLike,
    *those_of(keras_ops.numpy, "EmptyLike"),
)  # fmt: skip
_AXES = ("axes", "axis", "axis1", "axis2", "destination", "dims", "shared_axes", "source")


@dataclass(frozen=True)
class Way:
    """An operation for one frame: given as (batch, ...), or as a window (batch, 1, ...)."""

    operation: Any
    stacked: bool
    change: Change = UNCHANGED
    certain: bool = False  # no trial is needed

    def form(self, assembly: Assembly) -> Callable[..., Any]:
        """What to call. Raises what Keras does where the change makes no sense."""
        return assembly.form(self.operation, self.change)


def ways(operation: Any, layout: Layout) -> Iterator[Way]:
    """What may stand for `operation`, best first; all but the certain ones are to be tried."""
    if isinstance(operation, _LEFT_TO_THE_HEAD):
        return
    if not layout.stacked:
        yield Way(operation, stacked=False, certain=_keeps_batch(operation, layout))
    elif isinstance(operation, layers.TimeDistributed):
        yield Way(operation.layer, stacked=False, certain=True)
    else:
        for change in _for_pictures(operation):
            yield Way(operation, stacked=False, change=change)
        yield Way(operation, stacked=True, change=_of_one_step(operation))


def _keeps_batch(operation: Any, layout: Layout) -> bool:
    """One frame is alone anyway, and no layer of Keras looks across the batch."""
    layer = isinstance(operation, layers.Layer) and not isinstance(operation, layers.Lambda)
    return len(layout.frames) == 1 or (layer and type(operation).__module__.startswith("keras."))


def _for_pictures(operation: Any) -> Iterator[Change]:
    """The operation without an axis of frames."""
    if type(operation) in PICTURES:
        yield Change(in_space(operation), PICTURES[type(operation)])
        return
    yield UNCHANGED
    try:
        config = operation.get_config()
    except NotImplementedError:
        return
    axes = {key: config[key] for key in _AXES if config.get(key) is not None}
    if axes:
        yield Change({key: _shifted_axes(value) for key, value in axes.items()}, type(operation))


def _shifted_axes(axes: Any) -> Any:
    """Axes without that of the frames, 1: those behind it come one earlier."""
    if isinstance(axes, int):
        return axes - 1 if axes > 0 else axes
    return [_shifted_axes(axis) for axis in axes if axis != 1]


def _of_one_step(operation: Any) -> Change:
    """What of the config holds the number of frames, as it is for one."""
    if not isinstance(operation, layers.EinsumDense) or "..." in operation.equation:
        return UNCHANGED
    return Change({"output_shape": (1, *operation.get_config()["output_shape"][1:])})
