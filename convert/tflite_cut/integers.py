"""What a .tflite that was quantised elsewhere says of itself."""

from typing import Any

from ai_edge_litert.schema_py_generated import TensorType

from convert.tflite_cut.edit import name_of, sign
from convert.tflite_cut.parts import outputs_of
from edge import flatbuffer

_WHOLE_NUMBERS = frozenset({TensorType.INT4, TensorType.INT8, TensorType.UINT8, TensorType.INT16})


def is_quantised(root: Any) -> bool:
    """Whether the main graph holds or takes integers of up to 16 bits that stand for real values."""
    graph = root.subgraphs[0]
    given = any(graph.tensors[index].type in _WHOLE_NUMBERS for index in graph.inputs)
    return given or any(map(_stands_for_reals, graph.tensors))


def precision_of(model: bytes) -> str:
    """One of edge.manifest.PRECISIONS, by the integers that flow through a graph or are weights."""
    constants = flatbuffer.constant_tensors(model)
    found = [t for t in flatbuffer.read(model).subgraphs[0].tensors if _stands_for_reals(t)]
    flowing = {tensor.type for tensor in found if name_of(tensor) not in constants}
    if flowing:
        return "int16x8" if TensorType.INT16 in flowing else "int8"
    return "dynamic_range" if found else "float32"


def signed(model: bytes) -> bytes:
    """The model with a signature that names all its outputs; unchanged if it has one."""
    root = flatbuffer.read(model)
    graph = root.subgraphs[0]
    given, outputs = [int(index) for index in graph.outputs], outputs_of(root)
    if root.signatureDefs and sorted(outputs.values()) == sorted(given):
        return model
    source = int(graph.inputs[0])
    names = {name_of(graph.tensors[index]): index for index in given}
    sign(root, {name_of(graph.tensors[source]) or "frames": source}, names)
    return flatbuffer.write(root)


def _stands_for_reals(tensor: Any) -> bool:
    scaled = tensor.quantization is not None and tensor.quantization.scale is not None
    return scaled and tensor.type in _WHOLE_NUMBERS
