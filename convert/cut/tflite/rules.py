"""Which operators of a .tflite treat every frame of a window by itself.

Each rule answers for some kinds of operator with the place of the frames in the outputs.
What has no rule is taken to mix frames.
"""

import math
from collections.abc import Callable

from edge_convert.cut.tflite.operators import Operand, Place, WindowOperator, place_at, same_for_all

Rule = Callable[[WindowOperator], Place | None]


def place_behind(operator: WindowOperator) -> Place | None:
    """Where the outputs hold the frames; None if an output depends on several of them."""
    if not all(o is None or o.place is not None or o.value is not None for o in operator.operands):
        return None
    if operator.kind in _OF_SEVERAL:
        return _OF_SEVERAL[operator.kind](operator)
    data = operator.operands[_DATA_AT.get(operator.kind, 0)]
    if operator.kind not in _OF_ONE or operator.frames != [data]:
        return None
    return _OF_ONE[operator.kind](operator)


def _aligned(operator: WindowOperator) -> Place | None:
    """All frames stand in the same axis, counted from the end, and constants repeat for each."""
    (shape,) = operator.outputs
    first = operator.frames[0]
    behind = len(first.shape) - first.frames.axis
    place = operator.at(len(shape) - behind)
    fits = all(
        _same_place(o, behind, operator) and o.shape[o.frames.axis] == shape[place.axis]
        for o in operator.frames
    )
    constants = [o for o in operator.operands if o is not None and o.place is None]
    repeat = fits and all(
        same_for_all(o.constant, len(o.shape) - behind, place, operator.window) for o in constants
    )
    return place if repeat else None


def _same_place(operand: Operand, behind: int, operator: WindowOperator) -> bool:
    apart = operand.frames.within == operator.frames[0].frames.within
    return apart and len(operand.shape) - operand.frames.axis == behind


def _stays(operator: WindowOperator) -> Place | None:
    return operator.at(operator.axis)


def _in_batch(operator: WindowOperator) -> Place | None:
    return operator.at(0) if operator.axis == 0 else None


def _convolution(operator: WindowOperator) -> Place | None:
    """Frames in the batch, or under a kernel and a stride of 1."""
    strides = {1: operator.options.strideH, 2: operator.options.strideW}
    kernel = operator.operand(1).shape
    alone = operator.axis == 0 or (kernel[operator.axis] == 1 and strides.get(operator.axis) == 1)
    return operator.at(operator.axis) if alone else None


def _pool(operator: WindowOperator) -> Place | None:
    """As a convolution."""
    options = operator.options
    windows = {
        1: (options.filterHeight, options.strideH),
        2: (options.filterWidth, options.strideW),
    }
    alone = operator.axis == 0 or windows.get(operator.axis) == (1, 1)
    return operator.at(operator.axis) if alone else None


def _convolution_3d(operator: WindowOperator) -> Place | None:
    alone = operator.operand(1).shape[0] == 1 and operator.options.strideD == 1
    return (
        operator.at(operator.axis) if operator.axis == 0 or (operator.axis == 1 and alone) else None
    )


def _reshape(operator: WindowOperator) -> Place | None:
    (data,) = operator.frames
    return place_at(operator.outputs[0], data.frames.stride(data.shape), operator.window)


def _dense(operator: WindowOperator) -> Place | None:
    """Rows of a frame, however they are cut."""
    (data,) = operator.frames
    stride, (units, width) = data.frames.stride(data.shape), operator.operand(1).shape
    if stride % width:
        return None
    return place_at(operator.outputs[0], stride // width * units, operator.window)


def _matrix_product(operator: WindowOperator) -> Place | None:
    """Frames are matrices of a batch, or rows of the left one."""
    first, right = operator.frames[0], operator.operand(1)
    behind = len(first.shape) - first.frames.axis
    constants = [o for o in operator.operands if o is not None and o.place is None]
    plain = all(math.prod(o.shape[:-2]) == 1 for o in constants)
    aligned = all(_same_place(o, behind, operator) for o in operator.frames)
    rows = behind == 2 and right.place is None and not operator.options.adjX
    fits = aligned and (rows or (plain and behind > 2))
    return operator.at(len(operator.outputs[0]) - behind) if fits else None


def _reduction(operator: WindowOperator) -> Place | None:
    axes = operator.along(operator.value(1))
    if operator.axis in axes:
        return None
    earlier = [axis for axis in axes if axis < operator.axis]
    keeps_rank = len(operator.outputs[0]) == len(operator.shape)
    return operator.at(operator.axis if keeps_rank else operator.axis - len(earlier))


def _not_the_last(operator: WindowOperator) -> Place | None:
    return operator.at(operator.axis) if operator.axis != len(operator.shape) - 1 else None


def _join(operator: WindowOperator) -> Place | None:
    return None if operator.axis in operator.along(operator.options.axis) else _aligned(operator)


def _stack(operator: WindowOperator) -> Place | None:
    axis = operator.options.axis % len(operator.outputs[0])
    places = {o and o.place for o in operator.operands}
    return operator.at(operator.axis + (axis <= operator.axis)) if len(places) == 1 else None


def _unstack(operator: WindowOperator) -> Place | None:
    (axis,) = operator.along(operator.options.axis)
    return operator.at(operator.axis - (axis < operator.axis)) if axis != operator.axis else None


def _split(position: int) -> Rule:
    return lambda operator: (
        None if operator.axis in operator.along(operator.value(position)) else _stays(operator)
    )


def _slice(operator: WindowOperator) -> Place | None:
    begin, size = operator.value(1)[operator.axis], operator.value(2)[operator.axis]
    whole = begin == 0 and size in (-1, operator.shape[operator.axis])
    return operator.at(operator.axis) if whole else None


def _strided_slice(operator: WindowOperator) -> Place | None:
    """All that stands in the axis of frames, one after the other."""
    axis, options = operator.axis, operator.options
    begin, end, stride = (operator.value(i) for i in (1, 2, 3))
    if options.ellipsisMask or options.newAxisMask:
        return None
    dropped = bin(options.shrinkAxisMask & ((1 << axis) - 1)).count("1")
    if axis >= len(begin):
        return operator.at(axis - dropped)
    from_first = options.beginMask >> axis & 1 or begin[axis] == 0
    to_last = options.endMask >> axis & 1 or end[axis] >= operator.shape[axis]
    keeps_axis = not options.shrinkAxisMask >> axis & 1
    return (
        operator.at(axis - dropped)
        if from_first and to_last and keeps_axis and stride[axis] == 1
        else None
    )


def _gather(operator: WindowOperator) -> Place | None:
    (axis,) = operator.along(operator.options.axis)
    if axis == operator.axis or operator.options.batchDims:
        return None
    return operator.at(operator.axis + (operator.value(1).ndim - 1 if axis < operator.axis else 0))


def _pad(operator: WindowOperator) -> Place | None:
    return None if operator.value(1)[operator.axis].any() else operator.at(operator.axis)


def _tile(operator: WindowOperator) -> Place | None:
    return operator.at(operator.axis) if operator.value(1)[operator.axis] == 1 else None


def _transpose(operator: WindowOperator) -> Place | None:
    return operator.at(list(operator.value(1)).index(operator.axis))


def _broadcast(operator: WindowOperator) -> Place | None:
    return operator.at(len(operator.outputs[0]) - len(operator.shape) + operator.axis)


ELEMENTWISE = frozenset({
    "ABS", "ADD", "ADD_N", "BITWISE_XOR", "BUCKETIZE", "CAST", "CEIL", "COS", "DEQUANTIZE", "DIV",
    "ELU", "EQUAL", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GELU", "GREATER",
    "GREATER_EQUAL", "HARD_SWISH", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG",
    "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL",
    "NEG", "NOT_EQUAL", "POW", "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1",
    "RELU_N1_TO_1", "ROUND", "RSQRT", "SELECT", "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE",
    "SQUARED_DIFFERENCE", "SUB", "TANH",
})  # fmt: skip
RESHAPES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})

_POOLS = ("AVERAGE_POOL_2D", "L2_POOL_2D", "MAX_POOL_2D")
_ON_IMAGES = (
    "DEPTH_TO_SPACE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_DEPTH", "TRANSPOSE_CONV",
)  # fmt: skip
_ALONG_AXES = (
    "ARG_MAX", "ARG_MIN", "CUMSUM", "MEAN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX",
    "REDUCE_MIN", "REDUCE_PROD", "SUM",
)  # fmt: skip
_ALONG_THE_LAST = (
    "L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION", "LOG_SOFTMAX", "SOFTMAX",
    "TOPK_V2",
)  # fmt: skip
_PADDINGS = (
    "MIRROR_PAD", "PAD", "PADV2",
)  # fmt: skip

_DATA_AT = {"SPLIT": 1, "TRANSPOSE_CONV": 2}
_OF_SEVERAL: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, _aligned),
    "BATCH_MATMUL": _matrix_product,
    "CONCATENATION": _join,
    "PACK": _stack,
}
_OF_ONE: dict[str, Rule] = {
    **dict.fromkeys(RESHAPES, _reshape),
    **dict.fromkeys(_ON_IMAGES, _in_batch),
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(_ALONG_AXES, _reduction),
    **dict.fromkeys(_ALONG_THE_LAST, _not_the_last),
    **dict.fromkeys(_PADDINGS, _pad),
    "BROADCAST_TO": _broadcast,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "GATHER": _gather,
    "SLICE": _slice,
    "SPLIT": _split(0),
    "SPLIT_V": _split(2),
    "STRIDED_SLICE": _strided_slice,
    "REVERSE_V2": _split(1),
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "UNPACK": _unstack,
}
KINDS = frozenset({*_OF_SEVERAL, *_OF_ONE})
