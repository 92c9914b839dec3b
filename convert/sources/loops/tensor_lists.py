"""TensorLists (what a `tf.TensorArray` is in a graph) as Python lists of tensors.

An element is None until it is written. Each function takes `apply`, which computes on tensors (at
once if all are known), the operator and its inputs, and gives the operator's outputs.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Apply = Callable[[Callable, list], list[tf.Tensor]]


class CannotUnrollError(Exception):
    """A loop cannot be written out. Its text says how the loop goes."""


def _reserve(apply: Apply, operator: Any, inputs: list) -> list:
    return [[None] * _integer(inputs[1])]


def _from_tensor(apply: Apply, operator: Any, inputs: list) -> list:
    if inputs[0].shape.rank is None or inputs[0].shape[0] is None:
        raise CannotUnrollError("over a list of unknown length")
    return [apply(tf.unstack, inputs[:1])]


def _get_item(apply: Apply, operator: Any, inputs: list) -> list:
    return [_written(inputs[0])[_index(inputs)]]


def _set_item(apply: Apply, operator: Any, inputs: list) -> list:
    index, elements = _index(inputs), list(inputs[0])
    elements[index] = inputs[2]
    return [elements]


def _stack(apply: Apply, operator: Any, inputs: list) -> list:
    return apply(lambda *elements: tf.stack(elements), _written(inputs[0]))


def _length(apply: Apply, operator: Any, inputs: list) -> list:
    with tf.init_scope():
        return [tf.constant(len(inputs[0]))]


def _written(elements: list) -> list:
    if not elements or any(each is None for each in elements):
        raise CannotUnrollError("over a list that is not written in full")
    return elements


def _index(inputs: list) -> int:
    index = _integer(inputs[1])
    if not 0 <= index < len(inputs[0]):
        raise CannotUnrollError("over a list that grows")
    return index


def _integer(tensor: tf.Tensor) -> int:
    if tf.is_symbolic_tensor(tensor):
        raise CannotUnrollError("over places in a list that depend on the input")
    return int(tensor)


OPERATORS: dict[str, Callable[[Apply, Any, list], list]] = {
    "TensorListReserve": _reserve,
    "TensorListFromTensor": _from_tensor,
    "TensorListGetItem": _get_item,
    "TensorListSetItem": _set_item,
    "TensorListStack": _stack,
    "TensorListLength": _length,
}
