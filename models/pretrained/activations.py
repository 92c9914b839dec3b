"""Activations that a graph spells as four operations, joined into one again.

Only so do they cost one pass on a board, and one step of int8. The constants of a package
are rounded to float16; what is joined computes with the exact sixth.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edge_models.pretrained.tfjs import Node, TfjsGraph

HARD_SIGMOID, HARD_SWISH = "HardSigmoid", "HardSwish"
_SIXTH, _HALF_PRECISION = 1 / 6, 1e-3


def joined(graph: TfjsGraph) -> TfjsGraph:
    """With `HardSigmoid` for relu6(x + 3) / 6, and `HardSwish` for that times x."""
    nodes = {node.name: node for node in _activations(graph)}
    return replace(graph, nodes={**graph.nodes, **nodes})


def _activations(graph: TfjsGraph) -> Iterator[Node]:
    for name, node in graph.nodes.items():
        if node.operation == "Mul":
            for source in _of_sigmoid(graph, name):
                yield Node(name, HARD_SIGMOID, (source,), {})
            for source in _of_swish(graph, *node.inputs):
                yield Node(name, HARD_SWISH, (source,), {})


def _of_sigmoid(graph: TfjsGraph, name: str) -> set[str]:
    """x of relu6(x + 3) * 1/6, if it is one."""
    limits = _beside(graph, name, ("Mul",), _SIXTH)
    return {source for limit in limits for source in _below_limit(graph, limit)}


def _of_swish(graph: TfjsGraph, a: str, b: str) -> set[str]:
    """x of (x * 1/6) * relu6(x + 3), if it is one, whichever stands first."""
    return {
        source
        for scaled, limit in ((a, b), (b, a))
        for source in _beside(graph, scaled, ("Mul",), _SIXTH) & _below_limit(graph, limit)
    }


def _below_limit(graph: TfjsGraph, name: str) -> set[str]:
    """x of relu6(x + 3), if it is one."""
    node = graph.nodes.get(name)
    if node is None or node.operation != "Relu6":
        return set()
    return _beside(graph, node.inputs[0], ("Add", "AddV2"), 3.0)


def _beside(graph: TfjsGraph, name: str, operations: tuple[str, ...], value: float) -> set[str]:
    """What an operation combines with that number; nothing, if it does not."""
    node = graph.nodes.get(name)
    if node is None or node.operation not in operations:
        return set()
    pairs = (node.inputs, node.inputs[::-1])
    return {other for constant, other in pairs if _is(graph.constants.get(constant), value)}


def _is(constant: np.ndarray | None, value: float) -> bool:
    if constant is None or constant.size != 1:
        return False
    return bool(np.isclose(constant.item(), value, rtol=_HALF_PRECISION))
