"""A Keras model: its form and its weights, checked, and as a graph of calls."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np

from edge_common import ModelError


def refuse_broken_weights(weights: Mapping[str, Any]) -> None:
    """Raises ModelError if a weight, by name, is not finite."""
    for name, weight in weights.items():
        if not np.isfinite(np.asarray(weight)).all():
            raise ModelError(
                f"the weight '{name}' holds NaN or infinity: the training diverged; "
                "take an earlier checkpoint"
            )


def functional(model: keras.Model) -> keras.Model:
    """The model as a graph of layers: a Sequential model's own graph, a functional as it is."""
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise ModelError(
                f"{model.name} has no input shape: start it with keras.Input((T, H, W, C))"
            )
        return keras.Model(model.inputs, model.outputs, name=model.name)
    if not hasattr(model, "_nodes_by_depth"):
        raise ModelError(
            f"{model.name} is a subclassed model: build it with keras.Input and layers"
        )
    return model


def input_form(model: keras.Model) -> tuple[int, int, int, int]:
    """(T, H, W, C) of the model's only input; T is 1 if it takes a plain image.

    Raises ModelError if there are several inputs, or unknown or odd sizes.
    """
    shape = tuple(model.inputs[0].shape)[1:]
    if len(model.inputs) == 1 and len(shape) == 3:
        return _checked(model, (1, *shape))
    return window_shape(model)


def window_shape(model: keras.Model) -> tuple[int, int, int, int]:
    """(T, H, W, C) of the model's only input.

    Raises ModelError if there are several, no window axis, or unknown sizes.
    """
    if len(model.inputs) != 1:
        raise ModelError(
            f"{model.name} has {len(model.inputs)} inputs: one window of frames is supported"
        )
    shape = tuple(model.inputs[0].shape)[1:]
    if len(shape) != 4:
        raise ModelError(
            f"{model.name} takes {shape}, which has no window axis: "
            "its input has to be (T, height, width, channels)"
        )
    return _checked(model, shape)


def _checked(model: keras.Model, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    if None in shape:
        raise ModelError(
            f"{model.name} takes {shape} with unknown sizes: build it with keras.Input of known (T, H, W, C)"
        )
    if shape[-1] not in (1, 3):
        raise ModelError(f"{model.name} takes {shape[-1]} channels; images have 1 or 3")
    window, height, width, channels = shape
    return window, height, width, channels


def named_outputs(model: keras.Model) -> dict[str, Any]:
    """The model's outputs by task name, in the model's order."""
    structure = model.output
    if isinstance(structure, Mapping):
        return dict(structure)
    tensors = list(structure) if isinstance(structure, (list, tuple)) else [structure]
    return dict(zip(model.output_names, tensors, strict=True))


_HALVES = frozenset({"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"})


def in_single_precision(model: keras.Model) -> keras.Model:
    """The same layers and weights in float32; the model itself if it is that already.

    Answers differ from the original's by its own rounding, about 1e-3 of their size.
    """
    return with_config(model, single_precision(model.get_config()))


def with_config(model: Any, config: dict[str, Any]) -> Any:
    """The weights in layers of another config; the model itself if it is its own."""
    if config == model.get_config():
        return model
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def single_precision(part: Any) -> Any:
    """A config with every policy and type of half precision made float32."""
    if isinstance(part, dict):
        return {key: single_precision(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(map(single_precision, part))
    return "float32" if isinstance(part, str) and part in _HALVES else part


def those_of(module: Any, *names: str) -> tuple[type, ...]:
    """The classes of these names that the module has: Python 3.10 gets Keras 3.12 at most."""
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
        return keras.tree.flatten((operation or at_inference(self.operation))(*args, **options))


@dataclass(frozen=True)
class CallGraph:
    """The calls of a model, each behind those that it reads from."""

    inputs: tuple[Value, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Value, ...]
    outputs_by_name: dict[str, Value]


def at_inference(operation: Any) -> Callable[..., Any]:
    """An operation as `predict` calls it, whatever `training` was noted in the graph."""
    takes_it = getattr(operation, "_call_has_training_arg", False)
    return partial(operation, training=False) if takes_it else operation


def graph(model: keras.Model) -> CallGraph:
    """Read the graph of a functional model, the inner calls of nested models in their place."""
    values = {id(tensor): Value((id(tensor),), tensor) for tensor in model.inputs}
    inputs = tuple(values.values())
    ordered = tuple(_calls(model, values, ()))
    outputs = tuple(values[id(tensor)] for tensor in model.outputs)
    tensors = named_outputs(model).items()
    return CallGraph(
        inputs, ordered, outputs, {name: values[id(tensor)] for name, tensor in tensors}
    )


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
    return any(leaf is not None for leaf in keras.tree.flatten(argument))
