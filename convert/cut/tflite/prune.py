"""Of the main graph of a .tflite, only what its outputs need."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph, rules

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
    tensors, operators = set(map(int, graph.outputs)), []
    for operator in reversed(graph.operators):
        if tensors.intersection(map(int, operator.outputs)):
            operators.append(operator)
            tensors.update(main_graph.inputs_of(operator))
    return operators[::-1]


def _keep_tensors(root: Any) -> None:
    graph = root.subgraphs[0]
    needed = {*map(int, graph.inputs), *map(int, graph.outputs)}
    for operator in graph.operators:
        needed.update(
            main_graph.inputs_of(operator), map(int, operator.outputs), _intermediates(operator)
        )
    new = {old: position for position, old in enumerate(sorted(needed))} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in sorted(needed)]
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
    buffers = sorted({0, *(tensor.buffer for tensor in tensors)})
    new = {old: position for position, old in enumerate(buffers)}
    root.buffers = [root.buffers[index] for index in buffers]
    for tensor in tensors:
        tensor.buffer = new[tensor.buffer]


def _keep_codes(root: Any) -> None:
    operators = [operator for graph in root.subgraphs for operator in graph.operators]
    codes = sorted({operator.opcodeIndex for operator in operators})
    root.operatorCodes = [root.operatorCodes[index] for index in codes]
    for operator in operators:
        operator.opcodeIndex = codes.index(operator.opcodeIndex)


_MOST_NUMBERS = 1 << 25  # of a tensor whose way is looked at


def tidy(root: Any) -> None:
    """Shorten all chains of moves that leave the numbers in their order; drop what is not needed."""
    graph = root.subgraphs[0]
    producers = {int(o.outputs[0]): o for o in graph.operators if _moves(root, o)}
    for position, operator in enumerate(graph.operators):
        target = int(operator.outputs[0])
        if target in producers:
            source = _same_order(root, target, producers)
            if source != target:
                graph.operators[position] = main_graph.reshape(root, source, target)
    _drop_idle(root)
    prune(root)


def _same_order(root: Any, target: int, producers: dict[int, Any]) -> int:
    """The earliest tensor that holds the same numbers in the same order."""
    best, order = (
        target,
        np.arange(math.prod(flatbuffer.shape_of(root.subgraphs[0].tensors[target]))),
    )
    if order.size > _MOST_NUMBERS:
        return target
    came_from = order.reshape(flatbuffer.shape_of(root.subgraphs[0].tensors[target]))
    for tensor, operator in _way_back(target, producers):
        if flatbuffer.operator_name(root, operator) == "TRANSPOSE":
            permutation = main_graph.constant(root, int(operator.inputs[1]))
            came_from = came_from.transpose(np.argsort(np.asarray(permutation)))
        came_from = came_from.reshape(flatbuffer.shape_of(root.subgraphs[0].tensors[tensor]))
        if np.array_equal(came_from.ravel(), order):
            best = tensor
    return best


def _way_back(target: int, producers: dict[int, Any]) -> Iterator[tuple[int, Any]]:
    """The tensors that `target` is moved from, nearest first, each with the move."""
    while target in producers:
        operator = producers[target]
        target = int(operator.inputs[0])
        yield target, operator


def _moves(root: Any, operator: Any) -> bool:
    kind = flatbuffer.operator_name(root, operator)
    return kind in rules.RESHAPES or (
        kind == "TRANSPOSE" and main_graph.constant(root, int(operator.inputs[1])) is not None
    )


def _drop_idle(root: Any) -> None:
    """Let readers of a RESHAPE to the same shape read what it reads; answers keep theirs."""
    graph, replacements = root.subgraphs[0], dict[int, int]()
    for operator in graph.operators:
        if flatbuffer.operator_name(root, operator) not in rules.RESHAPES:
            continue
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        tensors = graph.tensors[source], graph.tensors[target]
        if (
            flatbuffer.shape_of(tensors[0]) == flatbuffer.shape_of(tensors[1])
            and target not in graph.outputs
        ):
            replacements[target] = replacements.get(source, source)
    main_graph.rewire(root, replacements)
