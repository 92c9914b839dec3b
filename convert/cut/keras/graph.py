"""What older releases of Keras lack: Python 3.10 gets 3.12 at most."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
from keras import tree

from edge_convert.cut.keras.model import named_outputs


def those_of(module: Any, *names: str) -> tuple[type, ...]:
    """The classes of these names that the module has."""
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


Site = tuple[int, ...]  # the calls of nested models that led here


@dataclass(frozen=True)
class Value:
    """A tensor of the graph. A nested model that is called twice has each of its tensors twice."""

    key: Site
    tensor: Any = field(compare=False, repr=False)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """As in Keras: (batch, ...)."""
        return tuple(self.tensor.shape)

    @property
    def made_by(self) -> str:
        """The name of the operation that it came from."""
        return self.tensor._keras_history.operation.name


@dataclass(frozen=True)
class Call:
    """One operation called on symbolic tensors."""

    key: Site
    operation: Any = field(compare=False)
    inputs: tuple[Value, ...] = field(compare=False)
    outputs: tuple[Value, ...] = field(compare=False)
    node: Any = field(compare=False, repr=False)

    def replay(
        self, tensors: Mapping[Value, Any], operation: Callable[..., Any] | None = None
    ) -> list[Any]:
        """Call `operation` (by default the same, at inference) with the tensors of `known`."""
        pairs = zip(self.node.input_tensors, self.inputs, strict=True)
        args, kwargs = self.node.arguments.fill_in({id(t): tensors[v] for t, v in pairs})
        options = {k: v for k, v in kwargs.items() if k != "training" and _says_something(v)}
        return tree.flatten((operation or at_inference(self.operation))(*args, **options))


@dataclass(frozen=True)
class Graph:
    """The calls of a model, each behind those that it reads from."""

    inputs: tuple[Value, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Value, ...]
    outputs_by_name: dict[str, Value]


def at_inference(operation: Any) -> Callable[..., Any]:
    """An operation as `predict` calls it, whatever `training` was noted in the graph."""
    takes_it = getattr(operation, "_call_has_training_arg", False)
    return partial(operation, training=False) if takes_it else operation


def graph(model: keras.Model) -> Graph:
    """Read the graph of a functional model, the inner calls of nested models in their place."""
    values = {id(tensor): Value((id(tensor),), tensor) for tensor in model.inputs}
    inputs = tuple(values.values())
    ordered = tuple(_calls(model, values, ()))
    outputs = tuple(values[id(tensor)] for tensor in model.outputs)
    tensors = named_outputs(model).items()
    return Graph(inputs, ordered, outputs, {name: values[id(tensor)] for name, tensor in tensors})


def calls(model: keras.Model) -> tuple[Call, ...]:
    """The calls of a functional model, inputs first."""
    return graph(model).calls


def graph_of(operation: Any) -> keras.Model | None:
    """The functional model behind an operation, if it is one."""
    model = operation._functional if isinstance(operation, keras.Sequential) else operation
    return model if isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth") else None


def _calls(model: keras.Model, values: dict[int, Value], site: Site) -> Iterator[Call]:
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            inputs = tuple(values[id(tensor)] for tensor in node.input_tensors)
            inner = graph_of(node.operation)
            if inner is not None and _can_be_written_out(inner, node):
                inside = {id(t): value for t, value in zip(inner.inputs, inputs, strict=True)}
                yield from _calls(inner, inside, (*site, id(node)))
                outputs = [inside[id(tensor)] for tensor in inner.outputs]
            else:
                outputs = [Value((*site, id(t)), t) for t in node.output_tensors]
                yield Call((*site, id(node)), node.operation, inputs, tuple(outputs), node)
            values.update((id(t), v) for t, v in zip(node.output_tensors, outputs, strict=True))


def _can_be_written_out(inner: keras.Model, node: Any) -> bool:
    """Whether calling the model is the same as calling its layers: no cast, no mask."""
    argument_types = [(len(t.shape), t.dtype) for t in node.input_tensors]
    input_types = [(len(t.shape), t.dtype) for t in inner.inputs]
    return argument_types == input_types and not _says_something(node.arguments.kwargs.get("mask"))


def _says_something(argument: Any) -> bool:
    return any(leaf is not None for leaf in tree.flatten(argument))
