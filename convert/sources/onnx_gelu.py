"""GELU as an ONNX file writes it out with Erf, put so that TFLite's converter sees its GELU.

TFLite has no Erf: what is left of it cannot be converted.
"""

import math
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

_CLOSE = 1e-4


def order_gelu(network: Any) -> None:
    """Make (0.5 * x) * (1 + erf(x / sqrt(2))) of the same product in any other order."""
    constants = _constants(network.graph)
    for erf in [node for node in network.graph.node if node.op_type == "Erf"]:
        _order(network.graph, erf, constants)
    _drop_unread(network.graph)


def _order(graph: Any, erf: Any, constants: dict[str, float]) -> None:
    makers = {name: node for node in graph.node for name in node.output}
    scaled = makers.get(erf.input[0])
    plus_one = _reader(graph, erf.output[0])
    if scaled is None or plus_one is None or plus_one.op_type != "Add":
        return
    x, factor = _by_constant(scaled, constants)
    _, added = _by_constant(plus_one, constants)
    expected_factor = math.sqrt(2) if scaled.op_type == "Div" else math.sqrt(0.5)
    if (
        scaled.op_type not in ("Div", "Mul")
        or not _near(factor, expected_factor)
        or not _near(added, 1)
    ):
        return
    last, factors = _product(graph, plus_one.output[0], x, makers, constants)
    if last is not None and _near(factors, 0.5):
        half, halved = f"{last.name}_half", f"{last.name}_halved"
        graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), half))
        graph.node.insert(
            list(graph.node).index(scaled), helper.make_node("Mul", [x, half], [halved], halved)
        )
        last.CopyFrom(
            helper.make_node("Mul", [halved, plus_one.output[0]], list(last.output), last.name)
        )


def _product(
    graph: Any, name: str, x: str, makers: dict[str, Any], constants: dict[str, float]
) -> tuple[Any, float]:
    """Follow products until x and one constant are in; (the last one, what stands beside x)."""
    factor, with_x, last = 1.0, False, None
    while (node := _reader(graph, name)) is not None and node.op_type == "Mul":
        if with_x and not _near(factor, 1):
            break
        (other,) = [operand for operand in node.input if operand != name] or [name]
        if other in constants:
            factor *= constants[other]
        elif other == x or _half_of(makers.get(other), x, constants):
            factor *= 1.0 if other == x else 0.5
            with_x = True
        else:
            break
        name, last = node.output[0], node
    return (last, factor) if with_x else (None, factor)


def _half_of(node: Any, x: str, constants: dict[str, float]) -> bool:
    if node is None or node.op_type != "Mul":
        return False
    name, factor = _by_constant(node, constants)
    return name == x and _near(factor, 0.5)


def _by_constant(node: Any, constants: dict[str, float]) -> tuple[str, float]:
    """(what is computed with a constant, that constant); NaN if there is none."""
    values = [constants[name] for name in node.input if name in constants]
    names = [name for name in node.input if name not in constants]
    return (names[0], values[0]) if len(values) == len(names) == 1 else ("", math.nan)


def _reader(graph: Any, name: str) -> Any:
    """The only node that reads a value; None if several do, or it is an answer."""
    readers = [node for node in graph.node if name in node.input]
    answers = {output.name for output in graph.output}
    return readers[0] if len(readers) == 1 and name not in answers else None


def _constants(graph: Any) -> dict[str, float]:
    """Weights of a single number, by name."""
    arrays = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    return {name: float(value.reshape(())) for name, value in arrays.items() if value.size == 1}


def _drop_unread(graph: Any) -> None:
    read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    for node in list(graph.node)[::-1]:
        if read.isdisjoint(node.output):
            graph.node.remove(node)
            read = {name for reader in graph.node for name in reader.input}
            read |= {output.name for output in graph.output}


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) < _CLOSE
