"""Each operator of a .tflite file: its shape, its tensors, what it costs, and what it asks of a core."""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.tflite import flatbuffer
from edge_common import EngineError
from edge_devices.prediction import Work, instructions_per_unit

# bytes of an element, by the name of the schema's TensorType; others hold no numbers
_ITEM_BYTES = {
    **{"INT4": 0.5, "INT8": 1, "UINT8": 1, "BOOL": 1, "FLOAT16": 2, "INT16": 2},
    **{"FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT64": 8, "INT64": 8},
}
_INTEGER_WEIGHTS = ("INT4", "INT8", "UINT8")


@dataclass(frozen=True)
class Operator:
    """One operator of the main graph.

    index: its place in the graph.  inputs, outputs: positions of its tensors.
    shape: of its first output.  multiply_adds: as in `edge.tflite.flatbuffer.Cost`.
    bytes_moved: of all that it reads, weights among it, and all that it writes.
    integer: whether it multiplies by integers of at most 8 bits.
    item_bytes: of an element of its first output; 0.5 of int4.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...]
    multiply_adds: int = 0
    bytes_moved: int = 0
    integer: bool = False
    item_bytes: float = 4


def read_operators(model: bytes) -> tuple[Operator, ...]:
    """The main graph's operators in the order in which they stand there.

    Raises EngineError if no LiteRT is installed to read them with.
    """
    return _described(flatbuffer.view(model))


def _described(root: Any) -> tuple[Operator, ...]:
    describe = _describer(root)
    return tuple(describe(i, o) for i, o in enumerate(root.subgraphs[0].operators))


def _describer(root: Any) -> Callable[[int, Any], Operator]:
    graph, types = root.subgraphs[0], _type_names()
    shapes = [flatbuffer.shape_of(tensor) for tensor in graph.tensors]
    kinds = [types[tensor.type] for tensor in graph.tensors]
    sizes = [math.prod(s) * _ITEM_BYTES.get(k, 0) for s, k in zip(shapes, kinds)]

    def describe(index: int, operator: Any) -> Operator:
        inputs = tuple(int(i) for i in operator.inputs if i >= 0)
        outputs = tuple(int(i) for i in operator.outputs)
        multiply_adds = flatbuffer.multiply_adds_of(root, operator)
        return Operator(
            index,
            flatbuffer.operator_name(root, operator),
            inputs,
            outputs,
            shapes[outputs[0]] if outputs else (),
            multiply_adds=multiply_adds or 0,
            bytes_moved=round(sum(sizes[i] for i in (*inputs, *outputs))),
            integer=multiply_adds is not None and kinds[inputs[1]] in _INTEGER_WEIGHTS,
            item_bytes=_ITEM_BYTES.get(kinds[outputs[0]], 4) if outputs else 4,
        )

    return describe


def _type_names() -> dict[int, str]:
    types = vars(flatbuffer.schema_module().TensorType)
    return {code: name for name, code in types.items() if isinstance(code, int)}


_MATRIX = ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D", "TRANSPOSE_CONV")
_DEPTHWISE = "DEPTHWISE_CONV_2D"
_ACTIVATIONS = ("LOGISTIC", "TANH", "HARD_SWISH", "SOFTMAX", "EXP", "GELU")
_LOOPS = ("WHILE", "IF", "CALL_ONCE")
_CALL = 500  # instructions to call an operator at all
_TILE_ROWS = 4  # of the output that XNNPACK's matrix kernels compute at once: 4 to 8


def counted_work(model: bytes, instructions: int) -> Work:
    """The work of one invocation whose instructions were counted under an emulator."""
    return _work(read_operators(model), instructions, by_emulator=True)


def estimated_work(model: bytes, kernels: str) -> Work:
    """The same with instructions estimated from the operators.

    kernels: a core whose instructions a unit are known, such as `cortex-a72`.
    Raises EngineError for a network with loops.
    """
    operators, table = _at_run_time(model), instructions_per_unit(kernels)
    estimated = sum(table.get(unit, 0.0) * amount for unit, amount in units(operators).items())
    return _work(operators, max(estimated, _CALL * len(operators)), by_emulator=False)


def _at_run_time(model: bytes) -> tuple[Operator, ...]:
    """Without what XNNPACK does to constants while it loads, such as weights of float16 made wide."""
    root = flatbuffer.view(model)
    constants = {
        index
        for index, tensor in enumerate(root.subgraphs[0].tensors)
        if (data := root.buffers[tensor.buffer].data) is not None and len(data)
    }
    return tuple(o for o in _described(root) if not o.inputs or {*o.inputs} - constants)


def _work(operators: tuple[Operator, ...], instructions: float, by_emulator: bool) -> Work:
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
        counted=by_emulator,
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
    units_by_kind: defaultdict[tuple[str, str], float] = defaultdict(int)
    for operator in operators:
        elements, precision = math.prod(operator.shape), _work_precision(operator)
        units_by_kind["operator", ""] += 1
        if operator.name in _MATRIX or operator.name == _DEPTHWISE:
            kind = "matrix" if operator.name in _MATRIX else "depthwise"
            units_by_kind[kind, precision] += operator.multiply_adds
            units_by_kind["outputs", precision] += elements
        else:
            kind = "activation" if operator.name in _ACTIVATIONS else "element"
            units_by_kind[kind, precision] += max(
                elements, operator.bytes_moved / 2 / operator.item_bytes
            )
    return dict(units_by_kind)


def _work_precision(operator: Operator) -> str:
    if operator.item_bytes < 4:
        return "int8"
    return "mixed" if operator.integer else "float"
