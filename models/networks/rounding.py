"""A network that loses while it learns what int8 will lose: its weights and what its layers read are rounded.

B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018; gradients pass as if nothing were rounded.
"""

from typing import Any

import keras
from keras import layers, ops, tree

STEPS, WEIGHT_STEPS = 255, 127  # of int8: of what a layer reads, and of weights, to either side
# what TFLite computes within the operator before, whose result is rounded behind it
WITHIN_ANOTHER = (layers.BatchNormalization, layers.ReLU, layers.Dropout, layers.SpatialDropout2D)


def rounded(model: keras.Model) -> keras.Model:
    """The same layers, on rounded inputs and with rounded weights.

    Of a model that answers {task: answer}, the last layer with weights before each answer keeps
    its own, as `edge-convert` keeps it in float32; what comes after it is not rounded either.
    """
    answers = model.output.values() if isinstance(model.output, dict) else ()
    unrounded = {name for answer in answers for name in _behind_weights(answer)}

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        weighted, makes_answer = _has_weights(layer), layer.name in unrounded
        if isinstance(layer, WITHIN_ANOTHER) or (makes_answer and not weighted):
            return layer(*inputs, **options)
        read = tree.map_structure(_read, inputs)
        own = RoundedWeights(layer) if weighted and not makes_answer else layer
        return own(*read, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


class RoundedWeights(layers.Layer):
    """A layer that computes with its weights rounded; they themselves stay as they are."""

    def __init__(self, layer: layers.Layer) -> None:
        super().__init__(name=f"{layer.name}_rounded")
        self.layer = layer

    def call(self, *inputs: Any, **options: Any) -> Any:
        """As the layer's own."""
        matrices = [weight for weight in self.layer.weights if len(weight.shape) > 1]
        values = [(weight, to_weight_steps(weight)) for weight in matrices]
        with keras.StatelessScope(state_mapping=values):
            return self.layer(*inputs, **options)


def to_steps(values: Any) -> Any:
    """Values, each the nearest multiple of a 255th of their range, of which 0 is a part."""
    highest = ops.maximum(ops.max(values), 0.0)
    return _rounded(values, (highest - ops.minimum(ops.min(values), 0.0)) / STEPS)


def to_weight_steps(weight: keras.Variable) -> Any:
    """A layer's weights, each the nearest of 255 of its scale: one a filter, or one of a dense layer."""
    value = ops.convert_to_tensor(weight)
    rank = len(weight.shape)
    filters = rank - 2 if "depthwise" in weight.path else rank - 1
    others = [axis for axis in range(rank) if rank == 2 or axis != filters]
    largest = ops.max(ops.abs(value), axis=others, keepdims=True)
    return _rounded(value, largest / WEIGHT_STEPS)


def _rounded(values: Any, step: Any) -> Any:
    step = ops.maximum(step, keras.config.epsilon())
    nearest = ops.round(values / step) * step
    return values + ops.stop_gradient(nearest - values)


def _read(value: Any) -> Any:
    """What a layer reads, if it is a tensor of numbers."""
    if isinstance(value, keras.KerasTensor) and "float" in value.dtype:
        return to_steps(value)
    return value


def _has_weights(layer: Any) -> bool:
    return bool(getattr(layer, "weights", ()))


def _behind_weights(answer: keras.KerasTensor) -> list[str]:
    """Names of the operations from the last one with weights to an answer."""
    names: list[str] = []
    tensor = answer
    while True:
        operation = tensor._keras_history.operation
        names.append(operation.name)
        read = tree.flatten(operation.input)
        if _has_weights(operation) or len(read) != 1:
            return names
        tensor = read[0]
