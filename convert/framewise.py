"""Which operations treat every frame of a window by itself.

Each rule answers for one class of operation, for an input whose axis 1 is the
window. What has no rule is taken to mix frames. The rules need not be perfect:
a wrong "yes" fails the trial replay with one frame or the numeric proof.
"""

from collections.abc import Callable, Sequence

from keras import layers
from keras.src import ops as keras_ops
from keras.src.ops.operation import Operation

WINDOW_AXIS = 1

Rule = Callable[[Operation, Sequence[int | None]], bool]


def is_framewise(operation: Operation, shape: Sequence[int | None]) -> bool:
    """Whether `operation` on a tensor of `shape` (batch, T, ...) keeps frames apart."""
    for kind in type(operation).__mro__:
        if kind in _RULES:
            return _RULES[kind](operation, shape)
    return False


def _always(operation: Operation, shape: Sequence[int | None]) -> bool:
    return True


def _rank_above_two(operation: Operation, shape: Sequence[int | None]) -> bool:
    return len(shape) > 2


def _own_axis(operation: Operation, shape: Sequence[int | None]) -> bool:
    """The operation works along `axis`: any but the batch and the window."""
    axis = getattr(operation, "axis", None)
    if axis is None:
        return False
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return all(int(a) % len(shape) > WINDOW_AXIS for a in axes)


def _shared_slopes(operation: Operation, shape: Sequence[int | None]) -> bool:
    return WINDOW_AXIS in (operation.shared_axes or ())


def _kernel_of_one(operation: Operation, shape: Sequence[int | None]) -> bool:
    """A 3D convolution or pooling that reads one frame at a time."""
    size = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    return len(shape) == 5 and size[0] == 1 and operation.strides[0] == 1


def _keeps_window(operation: Operation, shape: Sequence[int | None]) -> bool:
    return len(operation.target_shape) > 1 and operation.target_shape[0] == shape[WINDOW_AXIS]


def _window_stays_first(operation: Operation, shape: Sequence[int | None]) -> bool:
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

_ALONG_AN_AXIS = (
    layers.BatchNormalization, layers.LayerNormalization, layers.Normalization,
    layers.Concatenate, layers.Softmax, keras_ops.numpy.Mean, keras_ops.numpy.Max,
    keras_ops.numpy.Min, keras_ops.numpy.Sum, keras_ops.numpy.Concatenate, keras_ops.nn.Softmax,
)  # fmt: skip

_RULES: dict[type, Rule] = {
    **dict.fromkeys(_ELEMENTWISE_LAYERS + _ELEMENTWISE_OPS, _always),
    **dict.fromkeys(_ALONG_AN_AXIS, _own_axis),
    layers.Dense: _rank_above_two,
    layers.PReLU: _shared_slopes,
    layers.Conv3D: _kernel_of_one,
    layers.MaxPooling3D: _kernel_of_one,
    layers.AveragePooling3D: _kernel_of_one,
    layers.Reshape: _keeps_window,
    layers.Permute: _window_stays_first,
}
