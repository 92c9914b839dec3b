"""What a .tflite asks of a core, from its operators: the input of `devices.prediction`."""

import math
from collections import Counter

from devices.prediction.instructions import instructions_per_unit
from devices.prediction.work import Work
from edge.errors import EngineError
from edge.operators import Operator, read_operators

_MATRIX = ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D", "TRANSPOSE_CONV")
_DEPTHWISE = "DEPTHWISE_CONV_2D"
_ACTIVATIONS = ("LOGISTIC", "TANH", "HARD_SWISH", "SOFTMAX", "EXP", "GELU")
_LOOPS = ("WHILE", "IF", "CALL_ONCE")
_CALL = 500  # instructions to call an operator at all
_TILE_ROWS = 4  # of the output that XNNPACK's matrix kernels compute at once: 4 to 8


def counted_work(model: bytes, instructions: int) -> Work:
    """The work of one invocation whose instructions were counted under an emulator."""
    return _work(read_operators(model), instructions, counted=True)


def estimated_work(model: bytes, kernels: str) -> Work:
    """The same with instructions estimated from the operators.

    kernels: a core whose instructions a unit are known, such as `cortex-a72`.
    Raises EngineError for a network with loops.
    """
    operators, table = read_operators(model), instructions_per_unit(kernels)
    estimated = sum(table.get(unit, 0.0) * amount for unit, amount in units(operators).items())
    return _work(operators, max(estimated, _CALL * len(operators)), counted=False)


def _work(operators: tuple[Operator, ...], instructions: float, counted: bool) -> Work:
    loops = [operator.name for operator in operators if operator.name in _LOOPS]
    if loops:
        raise EngineError(
            f"nothing can be predicted of a network with {loops[0]}: how often it runs is not "
            "written in it; unroll it, or measure"
        )
    return Work(
        instructions=instructions,
        weight_bytes=sum(map(_weight_bytes, operators)),
        tensor_bytes=sum(operator.bytes_moved for operator in operators),
        operators=len(operators),
        counted=counted,
    )


def _weight_bytes(operator: Operator) -> float:
    """Each tile of rows reads all weights once."""
    if operator.name not in _MATRIX:
        return 0.0
    return operator.multiply_adds * (1 if operator.integer else 4) / _TILE_ROWS


def units(operators: tuple[Operator, ...]) -> dict[tuple[str, str], float]:
    """How much of what instructions are spent on: (kind, precision) -> amount.

    Kinds: `matrix` and `depthwise` multiply-adds, `outputs` of these operators, `activation` and
    other `element`s, `operator`s. Precisions: `int8`, `float`, `mixed` (integer weights, float
    results, as of dynamic range), and none for operators.
    """
    counted: Counter[tuple[str, str]] = Counter()
    for operator in operators:
        elements, precision = math.prod(operator.shape), _precision(operator)
        counted["operator", ""] += 1
        if operator.name in _MATRIX or operator.name == _DEPTHWISE:
            kind = "matrix" if operator.name in _MATRIX else "depthwise"
            counted[kind, precision] += operator.multiply_adds
            counted["outputs", precision] += elements
        else:
            kind = "activation" if operator.name in _ACTIVATIONS else "element"
            counted[kind, precision] += max(
                elements, operator.bytes_moved / 2 / operator.item_bytes
            )
    return dict(counted)


def _precision(operator: Operator) -> str:
    if operator.item_bytes < 4:
        return "int8"
    return "mixed" if operator.integer else "float"
