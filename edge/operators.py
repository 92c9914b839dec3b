"""Each operator of a .tflite file by itself: its shape, its tensors and what it costs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge import flatbuffer

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
    shape: of its first output.  multiply_adds: as in `edge.flatbuffer.Cost`.
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

    Raises EngineError where no LiteRT is installed to read them with.
    """
    root = flatbuffer.read(model)
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
            shapes[outputs[0]],
            multiply_adds=multiply_adds or 0,
            bytes_moved=round(sum(sizes[i] for i in (*inputs, *outputs))),
            integer=multiply_adds is not None and kinds[inputs[1]] in _INTEGER_WEIGHTS,
            item_bytes=_ITEM_BYTES.get(kinds[outputs[0]], 4),
        )

    return describe


def _type_names() -> dict[int, str]:
    types = vars(flatbuffer.schema_module().TensorType)
    return {code: name for name, code in types.items() if isinstance(code, int)}
