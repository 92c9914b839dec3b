"""Of the main graph of a .tflite, only what its outputs need."""

from typing import Any

from convert.tflite_cut.edit import inputs_of
from edge import flatbuffer

_WITH_SUBGRAPHS = frozenset({"WHILE", "IF", "CALL", "CALL_ONCE", "STABLEHLO_COMPOSITE"})


def prune(root: Any) -> None:
    """Drop operators that no output needs, and the tensors, weights and codes left over."""
    graph = root.subgraphs[0]
    graph.operators = _needed(graph)
    kinds = {flatbuffer.operator_name(root, operator) for operator in graph.operators}
    if not kinds & _WITH_SUBGRAPHS:
        del root.subgraphs[1:]
    root.metadata, root.metadataBuffer = None, None
    _keep_tensors(root)
    _keep_buffers(root)
    _keep_codes(root)


def _needed(graph: Any) -> list[Any]:
    wanted, kept = set(map(int, graph.outputs)), []
    for operator in reversed(graph.operators):
        if wanted.intersection(map(int, operator.outputs)):
            kept.append(operator)
            wanted.update(inputs_of(operator))
    return kept[::-1]


def _keep_tensors(root: Any) -> None:
    graph = root.subgraphs[0]
    used = {*map(int, graph.inputs), *map(int, graph.outputs)}
    for operator in graph.operators:
        used.update(inputs_of(operator), map(int, operator.outputs), _intermediates(operator))
    new = {old: position for position, old in enumerate(sorted(used))} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in sorted(used)]
    for operator in graph.operators:
        operator.inputs = [new[int(index)] for index in operator.inputs]
        operator.outputs = [new[int(index)] for index in operator.outputs]
        operator.intermediates = [new[index] for index in _intermediates(operator)]
    graph.inputs = [new[int(index)] for index in graph.inputs]
    graph.outputs = [new[int(index)] for index in graph.outputs]
    for entry in (*root.signatureDefs[0].inputs, *root.signatureDefs[0].outputs):
        entry.tensorIndex = new[int(entry.tensorIndex)]


def _intermediates(operator: Any) -> list[int]:
    """Tensors in which a fused LSTM keeps its inner ranges."""
    return [] if operator.intermediates is None else list(map(int, operator.intermediates))


def _keep_buffers(root: Any) -> None:
    """Buffer 0 stays: it is the empty one, by the schema."""
    tensors = [tensor for graph in root.subgraphs for tensor in graph.tensors]
    used = sorted({0, *(tensor.buffer for tensor in tensors)})
    new = {old: position for position, old in enumerate(used)}
    root.buffers = [root.buffers[index] for index in used]
    for tensor in tensors:
        tensor.buffer = new[tensor.buffer]


def _keep_codes(root: Any) -> None:
    operators = [operator for graph in root.subgraphs for operator in graph.operators]
    used = sorted({operator.opcodeIndex for operator in operators})
    root.operatorCodes = [root.operatorCodes[index] for index in used]
    for operator in operators:
        operator.opcodeIndex = used.index(operator.opcodeIndex)
