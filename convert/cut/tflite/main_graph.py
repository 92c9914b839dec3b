"""The main graph of a .tflite, as the schema's objects: small changes, and what gives its outputs."""

import copy
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer

Shape = tuple[int, ...]

KEY = "serving_default"
_TYPES = schema.TensorType
_DTYPES: dict[int, np.dtype[Any]] = {
    _TYPES.FLOAT32: np.dtype(np.float32),
    _TYPES.FLOAT16: np.dtype(np.float16),
    _TYPES.INT32: np.dtype(np.int32),
    _TYPES.INT64: np.dtype(np.int64),
    _TYPES.INT8: np.dtype(np.int8),
    _TYPES.UINT8: np.dtype(np.uint8),
    _TYPES.BOOL: np.dtype(np.bool_),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def name_of(tensor: Any) -> str:
    """A tensor's name; one that the file leaves out is empty."""
    return (tensor.name or b"").decode()


def constant(root: Any, index: int) -> np.ndarray | None:
    """The values of a constant tensor; None of any other."""
    if index < 0:
        return None
    tensor = root.subgraphs[0].tensors[index]
    data, dtype = root.buffers[tensor.buffer].data, _DTYPES.get(tensor.type)
    if data is None or not len(data) or dtype is None:
        return None
    return np.asarray(data, np.uint8).view(dtype).reshape(flatbuffer.shape_of(tensor))


def dtype_of(tensor: Any) -> str:
    """As numpy calls it."""
    return str(_DTYPES[tensor.type])


def inputs_of(operator: Any) -> list[int]:
    """The tensors that an operator reads, optional ones that are absent left out."""
    return [int(index) for index in operator.inputs if index >= 0]


def add_tensor(root: Any, name: str, shape: Shape, kind: int = _TYPES.FLOAT32) -> int:
    """A new activation under a free name like `name`; its index."""
    tensors = root.subgraphs[0].tensors
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = _free_name(tensors, name), list(shape), kind
    tensor.buffer, tensor.quantization = 0, schema.QuantizationParametersT()
    tensor.hasRank = True
    tensors.append(tensor)
    return len(tensors) - 1


def add_like(root: Any, name: str, shape: Shape, source: int) -> int:
    """A new activation of another shape, whose numbers mean what those of a tensor do; its index."""
    given = root.subgraphs[0].tensors[source]
    index = add_tensor(root, name, shape, given.type)
    root.subgraphs[0].tensors[index].quantization = copy.deepcopy(given.quantization)
    return index


def add_constant(root: Any, name: str, values: np.ndarray) -> int:
    """A new constant tensor with these values; its index."""
    index = add_tensor(root, name, values.shape, _CODES[values.dtype])
    set_constant(root, index, values)
    return index


def set_constant(root: Any, index: int, values: np.ndarray) -> None:
    """Make a tensor a constant, with a buffer of its own."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    root.buffers.append(buffer)
    tensor = root.subgraphs[0].tensors[index]
    tensor.buffer, tensor.shape = len(root.buffers) - 1, list(values.shape)


def reshape(root: Any, source: int, target: int) -> Any:
    """A new RESHAPE, not yet in the graph, from one tensor to the shape of another."""
    shape = flatbuffer.shape_of(root.subgraphs[0].tensors[target])
    sizes = add_constant(root, "shape", np.array(shape, np.int32))
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    return _operator(root, "RESHAPE", [source, sizes], [target], options)


def transpose(root: Any, source: int, target: int, order: Iterable[int]) -> Any:
    """A new TRANSPOSE, not yet in the graph."""
    axes = add_constant(root, "order", np.array(tuple(order), np.int32))
    return _operator(root, "TRANSPOSE", [source, axes], [target], schema.TransposeOptionsT())


def unpack(root: Any, source: int, targets: list[int], axis: int) -> Any:
    """A new UNPACK along an axis, not yet in the graph."""
    options = schema.UnpackOptionsT()
    options.num, options.axis = len(targets), axis
    return _operator(root, "UNPACK", [source], targets, options)


def cut_out(root: Any, source: int, begin: Shape, target: int) -> Any:
    """A new SLICE, not yet in the graph, of the size of `target`."""
    size = flatbuffer.shape_of(root.subgraphs[0].tensors[target])
    limits = [add_constant(root, "limit", np.array(values, np.int32)) for values in (begin, size)]
    return _operator(root, "SLICE", [source, *limits], [target], schema.SliceOptionsT())


def join(root: Any, sources: list[int], target: int, axis: int) -> Any:
    """A new CONCATENATION along an axis, not yet in the graph."""
    options = schema.ConcatenationOptionsT()
    options.axis = axis
    return _operator(root, "CONCATENATION", sources, [target], options)


def gather(root: Any, source: int, indices: np.ndarray, target: int, axis: int = 1) -> Any:
    """A new GATHER along an axis, not yet in the graph."""
    options = schema.GatherOptionsT()
    options.axis = axis
    positions = add_constant(root, "indices", indices)
    return _operator(root, "GATHER", [source, positions], [target], options)


def activation(root: Any, name: str, source: int, target: int) -> Any:
    """A new SOFTMAX, LOGISTIC or DEQUANTIZE, not yet in the graph."""
    options = None
    if name == "SOFTMAX":
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
    return _operator(root, name, [source], [target], options)


def elementwise(root: Any, name: str, sources: tuple[int, int], target: int, fused: int = 0) -> Any:
    """A new ADD or MUL, not yet in the graph.  fused: the activation behind it."""
    options = {"ADD": schema.AddOptionsT, "MUL": schema.MulOptionsT}[name]()
    options.fusedActivationFunction = fused
    return _operator(root, name, list(sources), [target], options)


def sign(root: Any, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
    """Give the graph these inputs and outputs, and one signature that names them."""
    graph = root.subgraphs[0]
    graph.inputs, graph.outputs = list(inputs.values()), list(outputs.values())
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = KEY.encode(), 0
    signature.inputs, signature.outputs = _entries(inputs), _entries(outputs)
    root.signatureDefs = [signature]


def rewire(root: Any, names: Mapping[int, int]) -> None:
    """Let whatever reads tensor `old` read tensor `new`, for all {old: new}."""
    for operator in root.subgraphs[0].operators:
        operator.inputs = [names.get(int(index), int(index)) for index in operator.inputs]


def _operator(root: Any, name: str, inputs: list[int], outputs: list[int], options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = _code(root, name)
    operator.inputs, operator.outputs = inputs, outputs
    if options is not None:
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = options
    return operator


def _code(root: Any, name: str) -> int:
    builtin = getattr(schema.BuiltinOperator, name)
    for index, code in enumerate(root.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
    root.operatorCodes.append(code)
    return len(root.operatorCodes) - 1


def _entries(indices: Mapping[str, int]) -> list[Any]:
    entries = []
    for name, index in indices.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), index
        entries.append(entry)
    return entries


def _free_name(tensors: Iterable[Any], preferred: str) -> bytes:
    existing = {tensor.name for tensor in tensors}
    names = (f"{preferred}_{n}".encode() if n else preferred.encode() for n in count())
    return next(name for name in names if name not in existing)


def outputs_of(root: Any) -> dict[str, int]:
    """The graph's outputs as its signature names and orders them; without one, as they stand."""
    graph = root.subgraphs[0]
    if root.signatureDefs:
        entries = root.signatureDefs[0].outputs
        return {entry.name.decode(): int(entry.tensorIndex) for entry in entries}
    return {name_of(graph.tensors[index]): int(index) for index in graph.outputs}


def output_shapes(model: bytes) -> list[Shape]:
    """As the graph says them."""
    graph = flatbuffer.view(model).subgraphs[0]
    return [flatbuffer.shape_of(graph.tensors[index]) for index in graph.outputs]


def inputs_by_name(root: Any) -> dict[str, int]:
    """The graph's inputs in its order, as its signature names them; without one, by their own names."""
    graph = root.subgraphs[0]
    entries = root.signatureDefs[0].inputs if root.signatureDefs else []
    names = {int(entry.tensorIndex): entry.name.decode() for entry in entries}
    return {names.get(i, name_of(graph.tensors[i])): i for i in map(int, graph.inputs)}


_WHOLE_NUMBERS = frozenset({_TYPES.INT4, _TYPES.INT8, _TYPES.UINT8, _TYPES.INT16})


def is_quantised(root: Any) -> bool:
    """Whether the main graph holds or takes integers of up to 16 bits that stand for real values."""
    return any(map(stands_for_reals, root.subgraphs[0].tensors))


def precision_of(model: bytes) -> str:
    """One of edge_common.runtimes.PRECISIONS, by the integers that flow through a graph or are weights."""
    constants = flatbuffer.constant_tensors(model)
    integers = [t for t in flatbuffer.view(model).subgraphs[0].tensors if stands_for_reals(t)]
    flowing = {tensor.type for tensor in integers if name_of(tensor) not in constants}
    if flowing:
        return "int16x8" if _TYPES.INT16 in flowing else "int8"
    return "dynamic_range" if integers else "float32"


def signed(model: bytes) -> bytes:
    """The model with a signature that names all its outputs; unchanged if it has one."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    indices, outputs = [int(index) for index in graph.outputs], outputs_of(root)
    if root.signatureDefs and sorted(outputs.values()) == sorted(indices):
        return model
    source = int(graph.inputs[0])
    names = {name_of(graph.tensors[index]): index for index in indices}
    sign(root, {name_of(graph.tensors[source]) or "frames": source}, names)
    return flatbuffer.write(root)


def stands_for_reals(tensor: Any) -> bool:
    """Whether it holds integers of up to 16 bits with a scale."""
    scaled = tensor.quantization is not None and tensor.quantization.scale is not None
    return scaled and tensor.type in _WHOLE_NUMBERS
