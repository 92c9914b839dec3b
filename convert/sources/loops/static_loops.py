"""Write out loops whose number of steps is known, as a recurrent layer's over a window is; leave halves.

Keras 3 exports LSTM and GRU as a `While` over TensorLists, which TFLite cannot hold and which
cannot be cut. TensorFlow's own tools leave such loops alone. So the function is traced anew,
operator by operator: what rests on constants, weights and known shapes alone is computed at once
(partial evaluation: Jones, Gomard and Sestoft, 1993), and with it the loop's condition. The body
is then traced once a step, and a TensorList is a Python list of tensors. Of float16 and bfloat16,
which few of TFLite's operators read, the new trace makes float32. What no output rests on is left
out, as the seeds that layers with dropout go on to draw from, which TensorFlow cannot freeze.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import function_def_to_graph

from edge_convert.sources.loops import plain_operators, tensor_lists

MAX_STEPS = 4096  # of all loops together
_LOOPS = frozenset({"While", "StatelessWhile"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_BRANCHES = frozenset({"If", "StatelessIf"})
_ASSIGNMENTS = frozenset({"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"})
_HALVES = frozenset({tf.float16, tf.bfloat16})
_SAME = frozenset({"Identity", "IdentityN", "StopGradient"})


def unrolled(concrete: Any, *, is_plain: bool = False) -> Any:
    """The same concrete function without loops, halves and seeds; `concrete` itself if it has none.

    is_plain: also write out what stands in `plain_operators`.
    Raises CannotUnrollError if the number of steps depends on the input, or exceeds MAX_STEPS.
    """
    if not (_loops(concrete) or has_halves(concrete) or _assigned(concrete) or is_plain):
        return concrete
    names = list(concrete.structured_outputs)

    @tf.function(input_signature=concrete.structured_input_signature[0], autograph=False)
    def function(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        trace = _Trace(concrete.graph, is_plain)
        outputs = trace.call(concrete.graph, [*inputs, *concrete.captured_inputs])
        return dict(zip(names, map(trace.in_graph, outputs), strict=True))

    return function.get_concrete_function()


def _loops(concrete: Any) -> bool:
    return any(node.op in _LOOPS for node in _nodes(concrete))


def keeps_state(concrete: Any) -> bool:
    """Whether a call changes numbers that the next one may read; whole numbers are seeds."""
    return any(dtype.is_floating for dtype in _assigned(concrete))


def _assigned(concrete: Any) -> list[tf.DType]:
    """Of the variables that a call changes."""
    changes = [node for node in _nodes(concrete) if node.op in _ASSIGNMENTS]
    return [tf.as_dtype(node.attr["dtype"].type) for node in changes]


def has_halves(concrete: Any) -> bool:
    """Whether anything is computed in float16 or bfloat16."""
    halves = {dtype.as_datatype_enum for dtype in _HALVES}
    return any(a.type in halves for node in _nodes(concrete) for a in node.attr.values())


def _nodes(concrete: Any) -> Iterator[Any]:
    definition = concrete.graph.as_graph_def()
    for nodes in (definition.node, *(each.node_def for each in definition.library.function)):
        yield from nodes


class _Trace:
    """Trace a graph and the functions that it calls into the graph that is the default one."""

    def __init__(self, graph: Any, is_plain: bool) -> None:
        self._graph, self._is_plain = graph, is_plain
        self._definitions = {f.signature.name: f for f in graph.as_graph_def().library.function}
        self._functions: dict[str, Any] = {}
        self._constants: dict[bytes, tf.Tensor] = {}
        self._weights: dict[Any, tf.Tensor] = {}
        self._steps = 0

    def call(self, graph: Any, inputs: list) -> list:
        """The outputs of a FuncGraph.

        Tensors are eager if they are known, and symbolic otherwise; a TensorList is a list.
        Raises CannotUnrollError.
        """
        values = {tensor.ref(): value for tensor, value in zip(graph.inputs, inputs, strict=True)}
        for operator in _needed(graph):
            if operator.outputs and operator.outputs[0].ref() not in values:
                results = self._results(operator, [values[each.ref()] for each in operator.inputs])
                values |= zip((each.ref() for each in operator.outputs), results, strict=True)
        return [values[tensor.ref()] for tensor in graph.outputs]

    def apply(self, compute: Callable, tensors: list) -> list[tf.Tensor]:
        """The flat results of `compute(*tensors)`: at once, eager, if all tensors are known."""
        if any(isinstance(each, list) for each in tensors):
            raise tensor_lists.CannotUnrollError("over a list in a way that is unknown")
        if not any(map(tf.is_symbolic_tensor, tensors)):
            with tf.init_scope():
                return tf.nest.flatten(compute(*tensors))
        return [_known(each) for each in tf.nest.flatten(compute(*map(self.in_graph, tensors)))]

    def in_graph(self, tensor: Any) -> tf.Tensor:
        """A symbolic tensor: as it is, or one constant for all that are equal."""
        if tf.is_symbolic_tensor(tensor):
            return tensor
        content = tf.make_tensor_proto(tensor).SerializeToString()
        if content not in self._constants:
            self._constants[content] = tf.constant(tensor.numpy(), tensor.dtype)
        return self._constants[content]

    def _results(self, operator: Any, inputs: list) -> list:
        kind = operator.type
        if kind in tensor_lists.OPERATORS:
            return tensor_lists.OPERATORS[kind](self.apply, operator, inputs)
        if kind in _LOOPS:
            return self._loop(
                self._function(operator, "cond"), self._function(operator, "body"), inputs
            )
        if kind in _CALLS:
            return self.call(self._function(operator, "f"), inputs)
        if kind in _BRANCHES:
            branch = "then_branch" if _truth(inputs[0]) else "else_branch"
            return self.call(self._function(operator, branch), inputs[1:])
        if kind in _SAME:
            return inputs
        if kind == "Const":
            with tf.init_scope():
                return [_no_half(tf.constant(tf.make_ndarray(operator.get_attr("value"))))]
        if kind == "ReadVariableOp":
            return [self._weight(operator, inputs[0])]
        if kind == "ResourceGather":
            batch_dims = operator.get_attr("batch_dims")
            table, indices = self._weight(operator, inputs[0]), inputs[1]
            return self.apply(
                lambda *both: tf.gather(*both, batch_dims=batch_dims), [table, indices]
            )
        if self._is_plain and kind in plain_operators.OPERATORS:
            return self.apply(plain_operators.OPERATORS[kind](operator), inputs)
        if operator.op_def.is_stateful:
            raise tensor_lists.CannotUnrollError(f"with {kind}")
        return self.apply(_raw(operator), inputs)

    def _weight(self, operator: Any, variable: Any) -> tf.Tensor:
        """What a variable holds before the call."""
        if variable.ref() not in self._weights:
            with tf.init_scope():
                values = tf.raw_ops.ReadVariableOp(
                    resource=variable, dtype=operator.get_attr("dtype")
                )
                self._weights[variable.ref()] = _no_half(values)
        return self._weights[variable.ref()]

    def _loop(self, condition: Any, body: Any, values: list) -> list:
        while _truth(self.call(condition, values)[0]):
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise tensor_lists.CannotUnrollError(f"more than {MAX_STEPS} steps")
            values = self.call(body, values)
        return values

    def _function(self, operator: Any, attribute: str) -> Any:
        name = operator.get_attr(attribute).name
        if name not in self._functions:
            with self._graph.as_default():
                graph = function_def_to_graph.function_def_to_graph(self._definitions[name])
            self._functions[name] = graph
        return self._functions[name]


def _needed(graph: Any) -> list[Any]:
    """The operators that the outputs rest on, each after those that it rests on."""
    needed, pending = set(), [tensor.op for tensor in graph.outputs]
    while pending:
        operator = pending.pop()
        if operator not in needed:
            needed.add(operator)
            pending.extend(tensor.op for tensor in operator.inputs)
    return [operator for operator in graph.get_operations() if operator in needed]


def _no_half(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32) if values.dtype in _HALVES else values


def _truth(tensor: Any) -> bool:
    if isinstance(tensor, list) or tf.is_symbolic_tensor(tensor):
        raise tensor_lists.CannotUnrollError("how often depends on the input")
    return bool(tensor.numpy())


def _known(tensor: Any) -> Any:
    """An eager tensor if a symbolic one is a size or a shape that is known."""
    value = tf.get_static_value(tensor) if tensor.dtype.is_integer else None
    if value is None:
        return tensor
    with tf.init_scope():
        return tf.constant(value, tensor.dtype)


def _raw(operator: Any) -> Callable:
    """The operator's function of its flat inputs."""
    raw = getattr(tf.raw_ops, operator.type, None)
    arguments, attributes = operator.op_def.input_arg, operator.op_def.attr
    if raw is None or any(attr.type == "func" for attr in attributes):
        raise tensor_lists.CannotUnrollError(f"with {operator.type}")
    inferred = {name for arg in arguments for name in _inferred(arg)}
    values = {a.name: operator.get_attr(a.name) for a in attributes if a.name not in inferred}
    settings = {name: tf.float32 if _is_half(value) else value for name, value in values.items()}
    lengths = {arg.name: _length(operator, arg) for arg in arguments}
    # a few have names of their own in Python: Max's reduction_indices is its axis
    names = [*lengths, *settings]
    parameters = [name for name in inspect.signature(raw).parameters if name != "name"]
    renamed = dict(
        zip(
            (name for name in names if name not in parameters),
            (name for name in parameters if name not in names),
            strict=True,
        )
    )

    def compute(*tensors: tf.Tensor) -> Any:
        flat: Iterator = iter(tensors)
        inputs = {
            name: next(flat) if length is None else [next(flat) for _ in range(length)]
            for name, length in lengths.items()
        }
        return raw(**{renamed.get(n, n): value for n, value in (inputs | settings).items()})

    return compute


def _is_half(setting: Any) -> bool:
    return isinstance(setting, tf.DType) and setting in _HALVES


def _inferred(arg: Any) -> tuple[str, ...]:
    return arg.type_attr, arg.number_attr, arg.type_list_attr


def _length(operator: Any, arg: Any) -> int | None:
    """How many tensors an argument takes; None for a single one that is no list."""
    if arg.number_attr:
        return int(operator.get_attr(arg.number_attr))
    return len(operator.get_attr(arg.type_list_attr)) if arg.type_list_attr else None
