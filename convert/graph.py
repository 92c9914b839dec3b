"""A Keras model as a list of calls, nested models written out.

`keras.Model` keeps its graph as nodes by depth; this is the only place that
reads them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import tree


@dataclass(frozen=True)
class Call:
    """One operation called on symbolic tensors."""

    operation: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    node: Any

    def replay(self, known: dict[int, Any], operation: Any = None) -> list[Any]:
        """Call `operation` (by default the same) with the tensors of `known` in place."""
        args, kwargs = self.node.arguments.fill_in(known)
        return tree.flatten((operation or self.operation)(*args, **kwargs))


@dataclass(frozen=True)
class Alias:
    """The same tensor under two names, where a nested model begins or ends."""

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


def calls(model: keras.Model) -> Iterator[Call | Alias]:
    """The graph of `model`, inputs first.

    A nested model that is called once is written out; one that is shared stays a
    single operation, since its inner tensors would stand for several values.
    """
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            if _is_graph(node.operation) and _called_once(model, node.operation):
                yield from _written_out(node)
            else:
                yield Call(
                    node.operation, tuple(node.input_tensors), tuple(node.output_tensors), node
                )


def note(known: dict[int, Any], outputs: Sequence[Any], found: Sequence[Any]) -> None:
    """Remember what stands for each of `outputs`."""
    for old, new in zip(outputs, found, strict=True):
        known[id(old)] = new


def graph_of(model: keras.Model) -> keras.Model:
    """The functional model behind a Sequential one; any other as it is."""
    return model._functional if isinstance(model, keras.Sequential) else model


def _is_graph(operation: Any) -> bool:
    return isinstance(operation, keras.Model) and hasattr(graph_of(operation), "_nodes_by_depth")


def _called_once(model: keras.Model, operation: Any) -> bool:
    every = (node for depth in model._nodes_by_depth.values() for node in depth)
    return sum(node.operation is operation for node in every) == 1


def _written_out(node: Any) -> Iterator[Call | Alias]:
    inner = graph_of(node.operation)
    yield Alias(tuple(node.input_tensors), tuple(inner.inputs))
    yield from calls(inner)
    yield Alias(tuple(inner.outputs), tuple(node.output_tensors))
