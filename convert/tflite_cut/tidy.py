"""RESHAPE and TRANSPOSE that undo each other become one RESHAPE, or none."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from convert.tflite_cut.edit import constant, reshape, rewire
from convert.tflite_cut.prune import prune
from convert.tflite_cut.rules import RESHAPES
from edge import flatbuffer
from edge.flatbuffer import shape_of

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
                graph.operators[position] = reshape(root, source, target)
    _drop_idle(root)
    prune(root)


def _same_order(root: Any, target: int, producers: dict[int, Any]) -> int:
    """The earliest tensor that holds the same numbers in the same order."""
    best, order = target, np.arange(math.prod(shape_of(root.subgraphs[0].tensors[target])))
    if order.size > _MOST_NUMBERS:
        return target
    came_from = order.reshape(shape_of(root.subgraphs[0].tensors[target]))
    for tensor, operator in _way_back(target, producers):
        if flatbuffer.operator_name(root, operator) == "TRANSPOSE":
            permutation = constant(root, int(operator.inputs[1]))
            came_from = came_from.transpose(np.argsort(permutation))
        came_from = came_from.reshape(shape_of(root.subgraphs[0].tensors[tensor]))
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
    return kind in RESHAPES or (
        kind == "TRANSPOSE" and constant(root, int(operator.inputs[1])) is not None
    )


def _drop_idle(root: Any) -> None:
    """Let readers of a RESHAPE to the same shape read what it reads; answers keep theirs."""
    graph, same = root.subgraphs[0], {}
    for operator in graph.operators:
        if flatbuffer.operator_name(root, operator) not in RESHAPES:
            continue
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        tensors = graph.tensors[source], graph.tensors[target]
        if shape_of(tensors[0]) == shape_of(tensors[1]) and target not in graph.outputs:
            same[target] = same.get(source, source)
    rewire(root, same)
