"""When two calls make the same, so that it need be computed only once.

A loop over frames, written in Python, calls the same network on each of them.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import keras
from keras import layers, ops, tree

from edge_convert.cut.keras.convertible import as_2d, has_loop, unrolled_copy
from edge_convert.cut.keras.graph import Call, Graph, Value, at_inference, graph, graph_of

_CONVERTIBLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Change:
    """Another config for an operation, and another class for a layer."""

    config: Mapping[str, Any] = field(default_factory=dict)
    kind: type | None = None

    def __bool__(self) -> bool:
        return bool(self.config) or self.kind is not None


UNCHANGED = Change()


class GraphRebuilder:
    """One part under way: calls are replayed on its tensors, under names used once in it.

    Recurrent layers get their steps written out, nested models their layers, and
    `TimeDistributed` folds its steps into the batch (Keras copies its layer T times),
    unless `fold` is off.
    """

    def __init__(self, input_names: Iterable[str], fold: bool = True) -> None:
        self._names, self._fold = set(input_names), fold
        self._forms: dict[tuple[int, str], Callable[..., Any]] = {}

    def form(self, operation: Any, change: Change = UNCHANGED) -> Callable[..., Any]:
        """What stands for an operation."""
        if self._fold and isinstance(operation, layers.TimeDistributed):
            return partial(self._over_steps, operation.layer)
        if (inner := graph_of(operation)) is not None:
            return partial(self._written_out, graph(inner))
        if not change and (form := as_2d(operation, self)) is not None:
            return form
        return self._own(operation, change)

    def like(
        self, layer: layers.Layer, config: Mapping[str, Any], kind: type
    ) -> Callable[..., Any]:
        """A layer of another kind and config, same weights."""
        return self._own(layer, Change(config, kind))

    def replay(self, calls: Iterable[Call], tensors: dict[Value, Any]) -> dict[Value, Any]:
        """`known` with all that can be reached from it."""
        tensors = dict(tensors)
        for call in calls:
            new = not all(value in tensors for value in call.outputs)
            if new and all(value in tensors for value in call.inputs):
                outputs = call.replay(tensors, self.form(call.operation))
                tensors.update(zip(call.outputs, outputs, strict=True))
        return tensors

    def reshape(self, tensor: Any, shape: tuple[int, ...]) -> Any:
        """`ops.reshape` under a free name."""
        return self.adopt(ops.reshape(tensor, shape))

    def adopt(self, tensor: Any) -> Any:
        """Give the new operation that made `tensor` a free name."""
        if isinstance(tensor, keras.KerasTensor):
            operation = tensor._keras_history.operation
            operation.name = self._free_name(type(operation).__name__.lower())
        return tensor

    def _over_steps(self, layer: layers.Layer, tensor: Any) -> Any:
        steps = tensor.shape[1]
        folded = self.reshape(tensor, (-1, *tensor.shape[2:]))
        outputs = self.form(layer)(folded)
        return tree.map_structure(lambda t: self.reshape(t, (-1, steps, *t.shape[1:])), outputs)

    def _written_out(self, inner: Graph, arguments: Any) -> Any:
        pairs = zip(inner.inputs, tree.flatten(arguments), strict=True)
        tensors = {value: self._cast(tensor, value.tensor.dtype) for value, tensor in pairs}
        tensors = self.replay(inner.calls, tensors)
        outputs = [tensors[value] for value in inner.outputs]
        return outputs[0] if len(outputs) == 1 else outputs

    def _cast(self, tensor: Any, kind: str) -> Any:
        """As a model does with what it is given."""
        return tensor if tensor.dtype == kind else self.adopt(ops.cast(tensor, kind))

    def _own(self, operation: Any, change: Change) -> Callable[..., Any]:
        key = id(operation), repr(change)
        if key not in self._forms:
            self._forms[key] = self._renamed(operation, change)
        return self._forms[key]

    def _renamed(self, operation: Any, change: Change) -> Callable[..., Any]:
        name = self._free_name(operation.name)
        if isinstance(operation, layers.Layer):
            if name == operation.name and not change and not has_loop(operation):
                return at_inference(operation)
            return unrolled_copy(operation, name, change.config, change.kind)
        if name == operation.name and not change:
            return operation
        renamed = copy.copy(operation)
        if change:
            renamed = type(operation).from_config({**operation.get_config(), **change.config})
        renamed.name, renamed._inbound_nodes, renamed._outbound_nodes = name, [], []
        return renamed

    def _free_name(self, preferred: str) -> str:
        """`wanted`, or like it: no two operations of a part may share a name."""
        stem = preferred if _CONVERTIBLE_NAME.fullmatch(preferred) else _convertible(preferred)
        tries = (f"{stem}_{number}" if number else stem for number in count())
        name = next(name for name in tries if name not in self._names)
        self._names.add(name)
        return name


def _convertible(name: str) -> str:
    return "x" + re.sub(r"[^A-Za-z0-9_.-]", "_", name)
