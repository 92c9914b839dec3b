"""What a .tflite's outputs come out of, and probabilities where that is logits."""

from collections.abc import Sequence
from typing import Any

from ai_edge_litert.schema_py_generated import TensorType

from convert.tflite_cut.edit import activation, add_tensor, name_of, sign
from convert.tflite_cut.parts import outputs_of
from edge import flatbuffer
from edge.flatbuffer import shape_of
from edge.manifest import Task

# what makes probabilities of probabilities
_KEEP_PROBABILITIES = frozenset({"RESHAPE", "SQUEEZE", "MEAN", "DEQUANTIZE", "QUANTIZE"})
_WANTED = {"classification": "SOFTMAX", "binary": "LOGISTIC"}


def endings(root: Any) -> dict[str, str]:
    """For each output the operator that gives it, in lower case, seen through means."""
    operators = root.subgraphs[0].operators
    producers = {int(t): operator for operator in operators for t in operator.outputs}
    return {name: _ending(root, index, producers) for name, index in outputs_of(root).items()}


def with_probabilities(model: bytes, tasks: Sequence[Task]) -> tuple[bytes, list[str]]:
    """The model with a softmax or sigmoid behind answers that end in logits, and their names."""
    root = flatbuffer.read(model)
    found, outputs = endings(root), outputs_of(root)
    mended = [t.name for t in tasks if _WANTED.get(t.kind, "").lower() not in found[t.name]]
    for task in tasks:
        if task.name in mended:
            source = _as_float(root, outputs[task.name])
            tensor = root.subgraphs[0].tensors[source]
            target = add_tensor(root, f"{name_of(tensor)}/probability", shape_of(tensor))
            operator = activation(root, _WANTED[task.kind], source, target)
            root.subgraphs[0].operators.append(operator)
            outputs[task.name] = target
    if not mended:
        return model, []
    inputs = dict(zip(flatbuffer.signature(model)[0], map(int, root.subgraphs[0].inputs)))
    sign(root, inputs, outputs)
    return flatbuffer.write(root), mended


def _as_float(root: Any, index: int) -> int:
    """The tensor, or a float32 one that is made of its integers."""
    tensor = root.subgraphs[0].tensors[index]
    if tensor.type == TensorType.FLOAT32:
        return index
    target = add_tensor(root, f"{name_of(tensor)}/real", shape_of(tensor))
    root.subgraphs[0].operators.append(activation(root, "DEQUANTIZE", index, target))
    return target


def _ending(root: Any, tensor: int, producers: dict[int, Any]) -> str:
    while (operator := producers.get(tensor)) is not None:
        name = flatbuffer.operator_name(root, operator)
        if name not in _KEEP_PROBABILITIES:
            return name.lower()
        tensor = int(operator.inputs[0])
    return ""
