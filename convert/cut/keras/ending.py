"""What the answers of a Keras model come out of, and activations put behind them."""

from collections.abc import Iterator, Mapping
from typing import Any

from keras import Model, layers

from edge_convert.cut.keras.model import Call, Value, graph, graph_of, named_outputs
from edge_convert.probabilities import ending_of

# through these probabilities stay probabilities, or their values show that they do not
_FOLLOWED = frozenset({
    "Activation", "Add", "Average", "AveragePooling1D", "Cast", "Concatenate", "Cropping1D",
    "Divide", "Dropout", "ExpandDims", "Flatten", "GetItem", "GlobalAveragePooling1D",
    "GlobalMaxPooling1D", "Identity", "Max", "Mean", "Min", "Multiply",
    "Permute", "RepeatVector", "Reshape", "Split", "Squeeze", "Stack", "Subtract", "Sum", "Take",
    "Transpose", "TrueDivide",
})  # fmt: skip
_WEIGHTED = frozenset({
    "BatchNormalization", "Conv1D", "Conv2D", "Conv3D", "Dense", "EinsumDense", "Matmul",
})  # fmt: skip
_ACTIVATIONS = {"softmax": layers.Softmax, "sigmoid": lambda: layers.Activation("sigmoid")}
_PROBABILITIES = {"Softmax": "softmax", "Sigmoid": "sigmoid", "HardSigmoid": "sigmoid"}
_BY_FUNCTION = {"softmax": "softmax", "sigmoid": "sigmoid", "hard_sigmoid": "sigmoid"}


def endings(model: Model) -> dict[str, str]:
    """For each answer `softmax`, `sigmoid` or `linear`; empty if the graph shows none of these."""
    whole = graph(model)
    makers = {value: call for call in whole.calls for value in call.outputs}
    return {
        name: ending_of(_sources(value, makers)) for name, value in whole.outputs_by_name.items()
    }


def with_activations(model: Model, activations: Mapping[str, str]) -> Model:
    """The model with a softmax or sigmoid behind the answers of these names."""
    if not activations:
        return model
    outputs = named_outputs(model)
    for name, activation in activations.items():
        outputs[name] = _ACTIVATIONS[activation]()(outputs[name])
    return Model(model.inputs, outputs, name=model.name)


def _sources(value: Value, makers: Mapping[Value, Call]) -> Iterator[str]:
    """What stands at the beginning of all ways to a value, seen through sums, means and forms."""
    ahead, seen = [value], {value}
    while ahead:
        call = makers.get(ahead.pop())
        name = _ending(call.operation) if call else ""
        if call is None or name != _GO_ON:
            yield name
            continue
        ahead += [v for v in dict.fromkeys(call.inputs) if v not in seen]
        seen.update(call.inputs)


_GO_ON = "followed"


def _ending(operation: Any) -> str:
    if isinstance(operation, layers.TimeDistributed):
        inner = graph_of(operation.layer)
        if inner is not None:
            return ending_of(endings(inner).values())
        operation = operation.layer
    kind = type(operation).__name__
    function = getattr(getattr(operation, "activation", None), "__name__", "linear")
    if kind in _PROBABILITIES:
        return _PROBABILITIES[kind]
    if function != "linear":
        plain = kind in _FOLLOWED or kind in _WEIGHTED
        return _BY_FUNCTION.get(function, "") if plain else ""
    return _GO_ON if kind in _FOLLOWED else "linear" if kind in _WEIGHTED else ""
