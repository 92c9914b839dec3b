"""What a .tflite file says of its own size: operators, parameters, multiply-adds.

Read with the schema that the LiteRT wheel carries; no interpreter is needed.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from edge.errors import EngineError


@dataclass(frozen=True)
class Cost:
    """The cost of one invocation.

    ops: how often each operator stands in the graph, most frequent first.
    multiply_adds: of convolutions and matrix products, the usual "MACs".
    parameters: elements of constant tensors (shared ones once).
    """

    ops: dict[str, int]
    multiply_adds: int
    parameters: int


def cost(model: bytes) -> Cost:
    """Count the operators of the main graph of a .tflite and their multiply-adds."""
    schema = _schema()
    root = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    names = _operator_names()
    graph = root.subgraphs[0]
    counted: Counter[str] = Counter()
    multiply_adds = 0
    for operator in graph.operators:
        code = root.operatorCodes[operator.opcodeIndex]
        name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "CUSTOM")
        counted[name] += 1
        if name in _MULTIPLY_ADDS:
            shapes = [_shape(graph.tensors[i]) for i in operator.inputs if i >= 0]
            multiply_adds += _MULTIPLY_ADDS[name](
                shapes, _shape(graph.tensors[operator.outputs[0]])
            )
    return Cost(dict(counted.most_common()), multiply_adds, _constants(root, graph))


def signature(model: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of the first signature: its names -> positions in the graph."""
    schema = _schema()
    root = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    graph, named = root.subgraphs[0], root.signatureDefs[0]
    return _positions(named.inputs, graph.inputs), _positions(named.outputs, graph.outputs)


def _positions(named: list[Any], tensors: Any) -> dict[str, int]:
    order = list(tensors)
    return {entry.name.decode(): order.index(entry.tensorIndex) for entry in named}


def _conv(shapes: list[tuple[int, ...]], output: tuple[int, ...]) -> int:
    return math.prod(output) * math.prod(shapes[1][1:])


def _depthwise(shapes: list[tuple[int, ...]], output: tuple[int, ...]) -> int:
    return math.prod(output) * math.prod(shapes[1][1:3])


def _dense(shapes: list[tuple[int, ...]], output: tuple[int, ...]) -> int:
    return math.prod(output) * shapes[1][-1]


def _batch_matmul(shapes: list[tuple[int, ...]], output: tuple[int, ...]) -> int:
    return math.prod(output) * shapes[0][-1]


_MULTIPLY_ADDS: dict[str, Callable[[list[tuple[int, ...]], tuple[int, ...]], int]] = {
    "CONV_2D": _conv,
    "CONV_3D": lambda shapes, output: math.prod(output) * math.prod(shapes[1][:-1]),
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _batch_matmul,
}


def _constants(root: Any, graph: Any) -> int:
    """Elements of weight tensors; scalars and shapes are no parameters."""
    sizes = {}
    for tensor in graph.tensors:
        data = root.buffers[tensor.buffer].data
        elements = math.prod(_shape(tensor))
        if data is not None and len(data) and tensor.type in _weight_types() and elements > 1:
            sizes[tensor.buffer] = elements
    return sum(sizes.values())


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in (tensor.shape if tensor.shape is not None else ()))


@lru_cache(maxsize=1)
def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise EngineError(
            "reading a model's operators needs LiteRT: pip install ai-edge-litert"
        ) from error
    return schema_py_generated


@lru_cache(maxsize=1)
def _operator_names() -> dict[int, str]:
    operators = vars(_schema().BuiltinOperator)
    return {code: name for name, code in operators.items() if isinstance(code, int)}


@lru_cache(maxsize=1)
def _weight_types() -> frozenset[int]:
    kinds = _schema().TensorType
    return frozenset(
        {kinds.FLOAT32, kinds.FLOAT16, kinds.INT8, kinds.UINT8, kinds.INT4, kinds.INT16}
    )
