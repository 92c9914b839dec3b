"""Which operator of the graph each kernel of XNNPACK stands for.

XNNPACK names its kernels, not the operators that they came from; it fuses some operators
and adds some kernels, and keeps the order. So the two lists are aligned with the least
that is left without a partner (Needleman and Wunsch, 1970).
"""

import math
from collections.abc import Sequence

_LOOKUP_TABLE = "INVALID UNARY OP"  # so XNNPACK calls a chain of int8 operators in one table
_ELEMENTWISE = frozenset(
    {"ABS", "ADD", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH"}
    | {"LEAKY_RELU", "LOG", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG", "POW", "PRELU"}
    | {"QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE"}
    | {"SUB", "TANH"}
)
_COPIES = frozenset(
    {"CONCATENATION", "PACK", "RESHAPE", "SLICE", "SPLIT", "STRIDED_SLICE", "UNPACK"}
)
_RESHAPES = frozenset({"EXPAND_DIMS", "RESHAPE", "SQUEEZE"})
# kernel -> operators that it may stand for; others bear their operator's name
_OPERATORS = {
    _LOOKUP_TABLE: _ELEMENTWISE,
    "AVERAGE POOLING": {"AVERAGE_POOL_2D", "MEAN"},
    "BATCH MATRIX MULTIPLY": {"BATCH_MATMUL", "FULLY_CONNECTED"},
    "CLAMP": {"MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"},
    "CONSTANT PAD": {"PAD", "PADV2"},
    "CONVERT": {"CAST", "DEQUANTIZE", "QUANTIZE"},
    "CONVOLUTION": {"CONV_2D", "DEPTHWISE_CONV_2D"},
    "COPY": _COPIES,
    "DECONVOLUTION": {"TRANSPOSE_CONV"},
    "DIVIDE": {"DIV"},
    "FULLY CONNECTED": {"BATCH_MATMUL", "CONV_2D", "FULLY_CONNECTED"},
    "MAX POOLING": {"MAX_POOL_2D"},
    "MULTIPLY": {"MUL"},
    "NEGATE": {"NEG"},
    "RECIPROCAL SQUARE ROOT": {"RSQRT"},
    "SIGMOID": {"LOGISTIC"},
    "SLICE": {"SLICE", "STRIDED_SLICE"},
    "SQUARE ROOT": {"SQRT"},
    "STATIC RESHAPE": _RESHAPES,
    "SUBTRACT": {"SUB"},
}
_HELPERS = frozenset({"CONVERT", "COPY", "STATIC RESHAPE", "TRANSPOSE"})  # added by XNNPACK
_DEPTHWISE = ("DWConv", "VMulCAddC")

_ALONE, _RARELY_ALONE = 1.0, 3.0
_BAND = 256  # how far the two lists may drift apart; bounds the cost for huge graphs


def kernel_name(tag: str) -> str:
    """A kernel as a reader knows it: `Unary lookup table` for XNNPACK's `Invalid Unary Op`."""
    return "Unary lookup table" if _kind(tag) == _LOOKUP_TABLE else tag


def align(tags: Sequence[str], operators: Sequence[str]) -> list[int | None]:
    """For each kernel the position of its operator; None for one that XNNPACK added.

    tags: kernels in the order in which they run.  operators: their names, in order.
    """
    return _walk_back(_best_steps(tags, operators), len(tags), len(operators))


def _kind(tag: str) -> str:
    return tag.split(" (")[0].upper()


def _fits(tag: str, operator: str) -> bool:
    if tag.endswith(_DEPTHWISE):
        return operator == "DEPTHWISE_CONV_2D"
    kind = _kind(tag)
    return operator in _OPERATORS.get(kind, {kind.replace(" ", "_")})


def _cost_of_kernel(tag: str) -> float:
    return _ALONE if _kind(tag) in _HELPERS else _RARELY_ALONE


def _cost_of_operator(name: str) -> float:
    return _ALONE if name in _ELEMENTWISE | _COPIES | _RESHAPES else _RARELY_ALONE


_OPERATOR_ALONE, _KERNEL_ALONE, _PAIR = range(3)
_Steps = list[dict[int, int]]  # by kernels and operators behind: the best last step


def _best_steps(tags: Sequence[str], operators: Sequence[str]) -> _Steps:
    alone = [_cost_of_operator(name) for name in operators]
    steps: _Steps = []
    above: dict[int, float] = {}
    for i in range(len(tags) + 1):
        costs: dict[int, float] = {}
        best: dict[int, int] = {}
        for j in _band(i, len(tags), len(operators)):
            options = [math.inf, math.inf, math.inf]
            if j > 0:
                options[_OPERATOR_ALONE] = costs.get(j - 1, math.inf) + alone[j - 1]
            if i > 0:
                options[_KERNEL_ALONE] = above.get(j, math.inf) + _cost_of_kernel(tags[i - 1])
            if i > 0 and j > 0 and _fits(tags[i - 1], operators[j - 1]):
                options[_PAIR] = above.get(j - 1, math.inf)
            best[j] = min(range(3), key=options.__getitem__)
            costs[j] = options[best[j]] if i or j else 0.0
        steps.append(best)
        above = costs
    return steps


def _band(i: int, tags: int, operators: int) -> range:
    middle = i * operators // max(tags, 1)
    reach = max(_BAND, operators // max(tags, 1) + 1)
    return range(max(0, middle - reach), min(operators, middle + reach) + 1)


def _walk_back(steps: _Steps, i: int, j: int) -> list[int | None]:
    owners: list[int | None] = [None] * i
    while i or j:
        step = steps[i][j]
        if step == _PAIR:
            owners[i - 1] = j - 1
        i -= step != _OPERATOR_ALONE
        j -= step != _KERNEL_ALONE
    return owners
