"""What a .tflite file says of its own size: operators, parameters, multiply-adds.

Read with the schema that the LiteRT wheel carries; no interpreter is needed.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Lock
from typing import Any

import numpy as np

from edge.tflite import soundness
from edge_common import BundleError, EngineError


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


_UNCHANGEABLE = (int, bool, float, bytes, type(None), np.ndarray)  # arrays show the file


class KeptFiles:
    """What files hold, of those that were read last: a conversion reads the same few fifty times.

    most_bytes: of all files that are kept; larger ones stay in memory no longer than they have to.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._roots: dict[bytes, Any] = {}
        self._lock = Lock()

    def root(self, model: bytes) -> Any:
        """Its objects, of which nothing may be changed."""
        with self._lock:
            root = self._roots.pop(model, None)
        root = root or _unpacked(model)
        if len(model) <= self.most_bytes:
            with self._lock:
                self._roots[model] = root
                while sum(map(len, self._roots)) > self.most_bytes:
                    del self._roots[next(iter(self._roots))]
        return root


KEPT = KeptFiles(1 << 22)


def read(model: bytes) -> Any:
    """The whole file as the schema's objects (`ModelT`), to look at or to change.

    Weights that a file keeps behind its flatbuffer are taken in. Raises BundleError if it is
    damaged.
    """
    return _unpacked(model) if len(model) > KEPT.most_bytes else _copied(KEPT.root(model))


def view(model: bytes) -> Any:
    """As `read`, for whoever only looks: it is shared, and nothing of it may be changed."""
    return KEPT.root(model)


def _unpacked(model: bytes) -> Any:
    root = soundness.unpack(schema_module(), model)
    for buffer in root.buffers:
        if buffer.offset > 1:  # 0 and 1 mean: nothing stands outside
            content = np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
            buffer.data, buffer.offset, buffer.size = content, 0, 0
    return root


def _copied(value: Any) -> Any:
    """Its lists and objects anew."""
    if isinstance(value, list):
        return [each if type(each) in _UNCHANGEABLE else _copied(each) for each in value]
    copy = object.__new__(type(value))
    for name, each in vars(value).items():
        copy.__dict__[name] = each if type(each) in _UNCHANGEABLE else _copied(each)
    return copy


def write(root: Any) -> bytes:
    """The file of a `ModelT`, its weights aligned to 16 bytes as the schema demands."""
    import flatbuffers

    weights = sum(len(buffer.data) for buffer in root.buffers if buffer.data is not None)
    builder = flatbuffers.Builder((1 << 20) + weights)  # which grows by copying itself
    for buffer in root.buffers:
        buffer.Pack = partial(_pack_aligned, buffer)
    builder.Finish(root.Pack(builder), b"TFL3")
    for buffer in root.buffers:
        del buffer.Pack  # by which it holds itself, and weights stay until rings are looked for
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def _pack_aligned(buffer: Any, builder: Any) -> int:
    """What the generated `BufferT.Pack` does, without dropping the alignment."""
    schema, data = schema_module(), None
    if buffer.data is not None and len(buffer.data):
        content = np.asarray(buffer.data, np.uint8).tobytes()
        builder.StartVector(1, len(content), 16)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        data = builder.EndVector()
    schema.BufferStart(builder)
    if data is not None:
        schema.BufferAddData(builder, data)
    end: int = schema.BufferEnd(builder)
    return end


def operator_name(root: Any, operator: Any) -> str:
    """Such as CONV_2D; CUSTOM for what no schema knows."""
    code = root.operatorCodes[operator.opcodeIndex]
    return _operator_names().get(max(code.builtinCode, code.deprecatedBuiltinCode), "CUSTOM")


def operators(root: Any, *names: str) -> Iterator[Any]:
    """The main graph's operators of these names."""
    return (o for o in root.subgraphs[0].operators if operator_name(root, o) in names)


def constant_tensors(model: bytes) -> frozenset[str]:
    """Names of the main graph's tensors that hold weights, shapes or other constants."""
    root = view(model)
    data = [root.buffers[tensor.buffer].data for tensor in root.subgraphs[0].tensors]
    tensors = zip(root.subgraphs[0].tensors, data)
    return frozenset(
        _text(t.name) for t, content in tensors if content is not None and len(content)
    )


def cost(model: bytes) -> Cost:
    """Count the operators of the main graph of a .tflite and their multiply-adds."""
    root = view(model)
    graph = root.subgraphs[0]
    ops: Counter[str] = Counter()
    multiply_adds = 0
    for operator in graph.operators:
        ops[operator_name(root, operator)] += 1
        multiply_adds += multiply_adds_of(root, operator) or 0
    return Cost(dict(ops.most_common()), multiply_adds, _constants(root, graph))


def signature(model: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of the first signature: its names -> positions in the graph."""
    root = view(model)
    if not root.signatureDefs:
        raise BundleError("the .tflite has no signature: convert the network again")
    graph, entries = root.subgraphs[0], root.signatureDefs[0]
    return _positions(entries.inputs, graph.inputs), _positions(entries.outputs, graph.outputs)


def tensor_names(model: bytes) -> dict[str, str]:
    """Names in the signature -> names of the graph's tensors, inputs and outputs."""
    graph = view(model).subgraphs[0]
    positions = zip(signature(model), (graph.inputs, graph.outputs))
    return {
        name: _text(graph.tensors[tensors[position]].name)
        for entries, tensors in positions
        for name, position in entries.items()
    }


def _positions(entries: list[Any], tensors: Any) -> dict[str, int]:
    order = list(tensors)
    if not {entry.tensorIndex for entry in entries} <= set(order):
        raise BundleError("the .tflite has another signature than graph: convert it again")
    return {_text(entry.name): order.index(entry.tensorIndex) for entry in entries}


def _text(name: bytes) -> str:
    """A name in the file, which need not be UTF-8."""
    return name.decode(errors="replace")


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


def multiply_adds_of(root: Any, operator: Any) -> int | None:
    """Of an operator of the main graph; None if it multiplies no weights or matrices."""
    count = _MULTIPLY_ADDS.get(operator_name(root, operator))
    if count is None:
        return None
    tensors = root.subgraphs[0].tensors
    shapes = [shape_of(tensors[i]) for i in operator.inputs if i >= 0]
    return count(shapes, shape_of(tensors[operator.outputs[0]]))


def _constants(root: Any, graph: Any) -> int:
    """Elements of weight tensors; scalars and shapes are no parameters."""
    sizes = {}
    for tensor in graph.tensors:
        data = root.buffers[tensor.buffer].data
        elements = math.prod(shape_of(tensor))
        if data is not None and len(data) and tensor.type in _weight_types() and elements > 1:
            sizes[tensor.buffer] = elements
    return sum(sizes.values())


def shape_of(tensor: Any) -> tuple[int, ...]:
    """The static shape of a tensor; () of a scalar."""
    return tuple(int(size) for size in (tensor.shape if tensor.shape is not None else ()))


@lru_cache(maxsize=1)
def schema_module() -> Any:
    """The schema that the LiteRT wheel carries. Raises EngineError if there is none."""
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise EngineError(
            "reading a model's operators needs LiteRT: pip install ai-edge-litert"
        ) from error
    return schema_py_generated


@lru_cache(maxsize=1)
def _operator_names() -> dict[int, str]:
    operators = vars(schema_module().BuiltinOperator)
    return {code: name for name, code in operators.items() if isinstance(code, int)}


@lru_cache(maxsize=1)
def _weight_types() -> frozenset[int]:
    kinds = schema_module().TensorType
    return frozenset(
        {kinds.FLOAT32, kinds.FLOAT16, kinds.INT8, kinds.UINT8, kinds.INT4, kinds.INT16}
    )
