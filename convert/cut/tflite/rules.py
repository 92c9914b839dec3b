"""Which operators of a .tflite treat every frame of a window by itself.

Each rule answers for some kinds of operator with the place of the frames in the outputs.
What has no rule is taken to mix frames.
"""

import math
from collections.abc import Callable

from edge_convert.cut.tflite.steps import Operand, Place, Step, place_at, same_for_all

Rule = Callable[[Step], Place | None]


def place_behind(step: Step) -> Place | None:
    """Where the outputs hold the frames; None where an output depends on several of them."""
    if not all(o is None or o.place is not None or o.value is not None for o in step.operands):
        return None
    if step.kind in _OF_SEVERAL:
        return _OF_SEVERAL[step.kind](step)
    data = step.operands[_DATA_AT.get(step.kind, 0)]
    if step.kind not in _OF_ONE or step.frames != [data]:
        return None
    return _OF_ONE[step.kind](step)


def _aligned(step: Step) -> Place | None:
    """All frames stand in the same axis, counted from the end, and constants repeat for each."""
    (shape,) = step.outputs
    first = step.frames[0]
    behind = len(first.shape) - first.place.axis
    place = step.at(len(shape) - behind)
    fits = all(
        _same_place(o, behind, step) and o.shape[o.place.axis] == shape[place.axis]
        for o in step.frames
    )
    constants = [o for o in step.operands if o is not None and o.place is None]
    repeat = fits and all(
        same_for_all(o.value, len(o.shape) - behind, place, step.window) for o in constants
    )
    return place if repeat else None


def _same_place(operand: Operand, behind: int, step: Step) -> bool:
    apart = operand.place.within == step.frames[0].place.within
    return apart and len(operand.shape) - operand.place.axis == behind


def _stays(step: Step) -> Place | None:
    return step.at(step.axis)


def _in_batch(step: Step) -> Place | None:
    return step.at(0) if step.axis == 0 else None


def _convolution(step: Step) -> Place | None:
    """Frames in the batch, or under a kernel and a stride of 1."""
    strides = {1: step.options.strideH, 2: step.options.strideW}
    kernel = step.operands[1].shape
    alone = step.axis == 0 or (kernel[step.axis] == 1 and strides.get(step.axis) == 1)
    return step.at(step.axis) if alone else None


def _convolution_3d(step: Step) -> Place | None:
    alone = step.operands[1].shape[0] == 1 and step.options.strideD == 1
    return step.at(step.axis) if step.axis == 0 or (step.axis == 1 and alone) else None


def _reshape(step: Step) -> Place | None:
    (data,) = step.frames
    return place_at(step.outputs[0], data.place.stride(data.shape), step.window)


def _dense(step: Step) -> Place | None:
    """Rows of a frame, however they are cut."""
    (data,) = step.frames
    stride, (units, wanted) = data.place.stride(data.shape), step.operands[1].shape
    if stride % wanted:
        return None
    return place_at(step.outputs[0], stride // wanted * units, step.window)


def _matrix_product(step: Step) -> Place | None:
    """Frames are matrices of a batch, or rows of the left one."""
    first, right = step.frames[0], step.operands[1]
    behind = len(first.shape) - first.place.axis
    constants = [o for o in step.operands if o.place is None]
    plain = all(math.prod(o.shape[:-2]) == 1 for o in constants)
    same = all(_same_place(o, behind, step) for o in step.frames)
    rows = behind == 2 and right.place is None and not step.options.adjX
    fits = plain and same and (behind > 2 or rows)
    return step.at(len(step.outputs[0]) - behind) if fits else None


def _reduction(step: Step) -> Place | None:
    axes = step.along(step.value(1))
    if step.axis in axes:
        return None
    gone = [axis for axis in axes if axis < step.axis]
    kept = len(step.outputs[0]) == len(step.shape)
    return step.at(step.axis if kept else step.axis - len(gone))


def _not_the_last(step: Step) -> Place | None:
    return step.at(step.axis) if step.axis != len(step.shape) - 1 else None


def _join(step: Step) -> Place | None:
    return None if step.axis in step.along(step.options.axis) else _aligned(step)


def _stack(step: Step) -> Place | None:
    axis = step.options.axis % len(step.outputs[0])
    places = {o and o.place for o in step.operands}
    return step.at(step.axis + (axis <= step.axis)) if len(places) == 1 else None


def _unstack(step: Step) -> Place | None:
    (axis,) = step.along(step.options.axis)
    return step.at(step.axis - (axis < step.axis)) if axis != step.axis else None


def _split(position: int) -> Rule:
    return lambda step: None if step.axis in step.along(step.value(position)) else _stays(step)


def _slice(step: Step) -> Place | None:
    begin, size = step.value(1)[step.axis], step.value(2)[step.axis]
    whole = begin == 0 and size in (-1, step.shape[step.axis])
    return step.at(step.axis) if whole else None


def _strided_slice(step: Step) -> Place | None:
    """All that stands in the axis of frames, one after the other."""
    axis, options = step.axis, step.options
    begin, end, stride = (step.value(i) for i in (1, 2, 3))
    if options.ellipsisMask or options.newAxisMask:
        return None
    dropped = bin(options.shrinkAxisMask & ((1 << axis) - 1)).count("1")
    if axis >= len(begin):
        return step.at(axis - dropped)
    from_first = options.beginMask >> axis & 1 or begin[axis] == 0
    to_last = options.endMask >> axis & 1 or end[axis] >= step.shape[axis]
    kept = not options.shrinkAxisMask >> axis & 1
    return (
        step.at(axis - dropped) if from_first and to_last and kept and stride[axis] == 1 else None
    )


def _gather(step: Step) -> Place | None:
    (axis,) = step.along(step.options.axis)
    if axis == step.axis or step.options.batchDims:
        return None
    return step.at(step.axis + (step.value(1).ndim - 1 if axis < step.axis else 0))


def _pad(step: Step) -> Place | None:
    return None if step.value(1)[step.axis].any() else step.at(step.axis)


def _tile(step: Step) -> Place | None:
    return step.at(step.axis) if step.value(1)[step.axis] == 1 else None


def _transpose(step: Step) -> Place | None:
    return step.at(list(step.value(1)).index(step.axis))


def _broadcast(step: Step) -> Place | None:
    return step.at(len(step.outputs[0]) - len(step.shape) + step.axis)


ELEMENTWISE = frozenset({
    "ABS", "ADD", "ADD_N", "BITWISE_XOR", "CAST", "CEIL", "COS", "DEQUANTIZE", "DIV",
    "ELU", "EQUAL", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GELU", "GREATER",
    "GREATER_EQUAL", "HARD_SWISH", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG",
    "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL",
    "NEG", "NOT_EQUAL", "POW", "PRELU", "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1",
    "RELU_N1_TO_1", "ROUND", "RSQRT", "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE",
    "SQUARED_DIFFERENCE", "SUB", "TANH",
})  # fmt: skip
RESHAPES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})

_ON_PICTURES = (
    "AVERAGE_POOL_2D", "DEPTH_TO_SPACE", "L2_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR",
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
    **dict.fromkeys(_ON_PICTURES, _in_batch),
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
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "UNPACK": _unstack,
}
