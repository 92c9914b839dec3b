"""What a .tflite's outputs come out of, and probabilities if that is logits."""

from collections.abc import Sequence
from typing import Any

from ai_edge_litert.schema_py_generated import TensorType

from edge.tasks import Task, kind_of
from edge.tflite import flatbuffer
from edge_convert.cut.tflite.edit import activation, add_tensor, name_of, outputs_of, sign

# what makes probabilities of probabilities
_KEEP_PROBABILITIES = frozenset({"RESHAPE", "SQUEEZE", "MEAN", "DEQUANTIZE", "QUANTIZE"})
_OPERATORS = {"softmax": "SOFTMAX", "sigmoid": "LOGISTIC"}  # by activation


def endings(root: Any) -> dict[str, str]:
    """For each output the operator that gives it, in lower case, seen through means."""
    operators = root.subgraphs[0].operators
    producers = {int(t): operator for operator in operators for t in operator.outputs}
    return {name: _ending(root, index, producers) for name, index in outputs_of(root).items()}


def with_probabilities(model: bytes, tasks: Sequence[Task]) -> tuple[bytes, list[str]]:
    """The model with a softmax or sigmoid behind answers that end in logits, and their names."""
    root = flatbuffer.read(model)
    operators, outputs = endings(root), outputs_of(root)
    with_activation = []
    for task in tasks:
        ending = _OPERATORS.get(kind_of(task).activation, "")
        if ending.lower() not in operators[task.name]:
            with_activation.append(task.name)
            source = _as_float(root, outputs[task.name])
            tensor = root.subgraphs[0].tensors[source]
            target = add_tensor(root, f"{name_of(tensor)}/probability", flatbuffer.shape_of(tensor))
            operator = activation(root, ending, source, target)
            root.subgraphs[0].operators.append(operator)
            outputs[task.name] = target
    if not with_activation:
        return model, []
    inputs = dict(zip(flatbuffer.signature(model)[0], map(int, root.subgraphs[0].inputs)))
    sign(root, inputs, outputs)
    return flatbuffer.write(root), with_activation


def _as_float(root: Any, index: int) -> int:
    """The tensor, or a float32 one that is made of its integers."""
    tensor = root.subgraphs[0].tensors[index]
    if tensor.type == TensorType.FLOAT32:
        return index
    target = add_tensor(root, f"{name_of(tensor)}/real", flatbuffer.shape_of(tensor))
    root.subgraphs[0].operators.append(activation(root, "DEQUANTIZE", index, target))
    return target


def _ending(root: Any, tensor: int, producers: dict[int, Any]) -> str:
    while (operator := producers.get(tensor)) is not None:
        name = flatbuffer.operator_name(root, operator)
        if name not in _KEEP_PROBABILITIES:
            return name.lower()
        tensor = int(operator.inputs[0])
    return ""


_WHOLE_NUMBERS = frozenset({TensorType.INT4, TensorType.INT8, TensorType.UINT8, TensorType.INT16})


def is_quantised(root: Any) -> bool:
    """Whether the main graph holds or takes integers of up to 16 bits that stand for real values."""
    graph = root.subgraphs[0]
    integer_input = any(graph.tensors[index].type in _WHOLE_NUMBERS for index in graph.inputs)
    return integer_input or any(map(_stands_for_reals, graph.tensors))


def precision_of(model: bytes) -> str:
    """One of edge.bundle.PRECISIONS, by the integers that flow through a graph or are weights."""
    constants = flatbuffer.constant_tensors(model)
    integers = [t for t in flatbuffer.read(model).subgraphs[0].tensors if _stands_for_reals(t)]
    flowing = {tensor.type for tensor in integers if name_of(tensor) not in constants}
    if flowing:
        return "int16x8" if TensorType.INT16 in flowing else "int8"
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


def _stands_for_reals(tensor: Any) -> bool:
    scaled = tensor.quantization is not None and tensor.quantization.scale is not None
    return scaled and tensor.type in _WHOLE_NUMBERS
