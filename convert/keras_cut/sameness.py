"""When two calls make the same, so that it need be computed only once.

A loop over frames, written in Python, calls the same network on each of them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import layers, tree

from convert.keras_cut.framewise import Twin
from convert.keras_cut.graph import Call, Value


def sameness(call: Call, twins: Mapping[Value, Twin]) -> Any:
    """Equal for two calls that make the same of the same twins."""
    of_tensors = {
        id(tensor): ("twin", id(twins[value]))
        for tensor, value in zip(call.node.input_tensors, call.inputs, strict=True)
    }
    told = tree.flatten((call.node.arguments.args, call.node.arguments.kwargs))
    arguments = tuple(of_tensors.get(id(leaf)) or _of_constant(leaf) for leaf in told)
    return _of_operation(call.operation), arguments


def _of_operation(operation: Any) -> Any:
    """A layer with weights is itself only; others are the same where their configs are."""
    if isinstance(operation, layers.Layer) and operation.weights:
        return id(operation)
    try:
        config = operation.get_config()
    except NotImplementedError:
        return id(operation)
    return type(operation), repr({key: config[key] for key in config if key != "name"})


def _of_constant(leaf: Any) -> Any:
    if hasattr(leaf, "shape"):
        array = np.asarray(leaf)
        return array.shape, array.dtype.str, array.tobytes()
    return repr(leaf)
