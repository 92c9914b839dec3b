"""Which operations treat every frame of a window by itself, and how to run them on one.

A tensor of a window network comes in two layouts: `(batch, T, ...)`, and *folded*,
`(batch * T, ...)`, where frames stand in the batch axis. Each rule answers for one
class of operation. What has no rule is taken to mix frames. The rules need not be
perfect: a wrong "yes" fails the trial replay with one frame or the numeric proof.
"""

import math
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from keras import layers, ops
from keras.src import ops as keras_ops
from keras.src.ops.operation import Operation

WINDOW_AXIS = 1

Shape = Sequence[int | None]
Rule = Callable[[Operation, Shape], bool]


class Layout(Enum):
    """Where the frames of a window stand in a tensor."""

    WINDOW = "window"
    FOLDED = "folded"


def layout_after(operation: Operation, shape: Shape, layout: Layout, window: int) -> Layout | None:
    """The layout of the outputs, or None where `operation` mixes the frames of `window`."""
    if isinstance(operation, keras_ops.numpy.Reshape):
        return _layout_after_reshape(operation.newshape, shape, layout, window)
    if layout is Layout.FOLDED and isinstance(operation, layers.Layer):
        return layout  # no layer looks across the batch
    first = WINDOW_AXIS if layout is Layout.WINDOW else 0
    for kind in type(operation).__mro__:
        if kind in _ALONG_AN_AXIS:
            return layout if _axes_behind(operation, shape, first) else None
        if kind in _RULES:
            return layout if _RULES[kind](operation, shape) else None
    return None


def for_one_frame(operation: Operation, layout: Layout, after: Layout) -> Callable[..., Any]:
    """The operation as it acts on a window of one frame.

    TimeDistributed is taken off, because Keras copies its layer T times; targets
    of reshapes lose their T.
    """
    if isinstance(operation, layers.TimeDistributed):
        return lambda x, **kwargs: _as_window(operation.layer(_as_frame(x)))
    if isinstance(operation, layers.Reshape) and layout is Layout.WINDOW:
        return layers.Reshape((1, *operation.target_shape[1:]))
    if isinstance(operation, keras_ops.numpy.Reshape):
        kept = operation.newshape[2:] if after is Layout.WINDOW else operation.newshape[1:]
        leading = (-1, 1) if after is Layout.WINDOW else (-1,)
        return lambda x, *args, **kwargs: ops.reshape(x, (*leading, *kept))
    return operation


def same_but_one_frame(before: Shape, after: Shape, layout: Layout) -> bool:
    """Whether a replay with one frame gave what one frame's share of `before` is."""
    if layout is Layout.FOLDED:
        return tuple(after[1:]) == tuple(before[1:])
    return tuple(after[1:]) == (1, *before[2:])


def _layout_after_reshape(
    target: Shape, shape: Shape, layout: Layout, window: int
) -> Layout | None:
    frame = math.prod(shape[2:] if layout is Layout.WINDOW else shape[1:])
    if len(target) > 1 and target[1] == window and math.prod(target[2:]) == frame:
        return Layout.WINDOW
    if target[0] in (-1, None) and math.prod(target[1:]) == frame:
        return Layout.FOLDED
    return None


def _as_frame(x: Any) -> Any:
    return layers.Reshape(x.shape[2:])(x)


def _as_window(x: Any) -> Any:
    return layers.Reshape((1, *x.shape[1:]))(x)


def _always(operation: Operation, shape: Shape) -> bool:
    return True


def _rank_above_two(operation: Operation, shape: Shape) -> bool:
    return len(shape) > 2


def _axes_behind(operation: Operation, shape: Shape, first: int) -> bool:
    """The operation works along `axis`: any axis behind those of batch and window."""
    axis = getattr(operation, "axis", None)
    if axis is None:
        return False
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return all(int(a) % len(shape) > first for a in axes)


def _shared_slopes(operation: Operation, shape: Shape) -> bool:
    return WINDOW_AXIS in (operation.shared_axes or ())


def _kernel_of_one(operation: Operation, shape: Shape) -> bool:
    """A 3D convolution or pooling that reads one frame at a time."""
    size = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    return len(shape) == 5 and size[0] == 1 and operation.strides[0] == 1


def _keeps_window(operation: Operation, shape: Shape) -> bool:
    return len(operation.target_shape) > 1 and operation.target_shape[0] == shape[WINDOW_AXIS]


def _window_stays_first(operation: Operation, shape: Shape) -> bool:
    return operation.dims[0] == WINDOW_AXIS


_ELEMENTWISE_LAYERS = (
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Identity,
    layers.Dropout, layers.SpatialDropout3D, layers.GaussianNoise, layers.GaussianDropout,
    layers.Rescaling, layers.Add, layers.Subtract, layers.Multiply, layers.Average,
    layers.Maximum, layers.Minimum, layers.TimeDistributed,
)  # fmt: skip

_ELEMENTWISE_OPS = (
    keras_ops.numpy.Add, keras_ops.numpy.Subtract, keras_ops.numpy.Multiply,
    keras_ops.numpy.Divide, keras_ops.numpy.TrueDivide, keras_ops.numpy.Maximum,
    keras_ops.numpy.Minimum, keras_ops.numpy.Power, keras_ops.numpy.Clip,
    keras_ops.numpy.Negative, keras_ops.numpy.Square, keras_ops.numpy.Sqrt,
    keras_ops.numpy.Exp, keras_ops.numpy.Log, keras_ops.numpy.Tanh, keras_ops.numpy.Absolute,
    keras_ops.nn.Relu, keras_ops.nn.Relu6, keras_ops.nn.Sigmoid, keras_ops.nn.Silu,
    keras_ops.nn.Gelu, keras_ops.nn.HardSigmoid, keras_ops.nn.HardSilu,
)  # fmt: skip

_ALONG_AN_AXIS = {
    layers.BatchNormalization, layers.LayerNormalization, layers.Normalization,
    layers.Concatenate, layers.Softmax, keras_ops.numpy.Mean, keras_ops.numpy.Max,
    keras_ops.numpy.Min, keras_ops.numpy.Sum, keras_ops.numpy.Concatenate, keras_ops.nn.Softmax,
}  # fmt: skip

_RULES: dict[type, Rule] = {
    **dict.fromkeys(_ELEMENTWISE_LAYERS + _ELEMENTWISE_OPS, _always),
    layers.Dense: _rank_above_two,
    layers.PReLU: _shared_slopes,
    layers.Conv3D: _kernel_of_one,
    layers.MaxPooling3D: _kernel_of_one,
    layers.AveragePooling3D: _kernel_of_one,
    layers.Reshape: _keeps_window,
    layers.Permute: _window_stays_first,
}
