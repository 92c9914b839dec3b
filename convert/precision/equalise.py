"""A float32 .tflite whose channels all reach equally far, which computes the same.

An int8 tensor has one scale for all channels: where one of them reaches a hundred times as far as
another, of that other little is left. What a layer writes can be divided by a number a channel if
whatever reads it multiplies by that (M. Nagel et al., "Data-free quantization through weight
equalization and bias correction", 2019); here by how far it reaches on calibration frames, so that
weights, which have a scale a channel anyway, bear it all. The numbers are powers of two: no float
is rounded by them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph, prune
from edge_convert.precision.activations import Probe

_LEAST = 2.0**-7  # of a tensor's reach, is what is taken of a channel that was seen to do nothing
_HOMOGENEOUS = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def equalised(model: bytes, examples: Mapping[str, np.ndarray]) -> bytes:
    """Equalise a model by what its activations are on examples {input: (n, ...)}."""
    reach = _reach(model, examples)
    root = flatbuffer.read(model)
    channels = Channels(root)
    if not channels.consistent:
        return model
    scales = channels.scales(reach)
    for operator in list(root.subgraphs[0].operators):
        name = flatbuffer.operator_name(root, operator)
        if name in _WEIGHTED:
            _rescale(root, operator, name, scales)
        elif name in _SPELLED:
            operators = root.subgraphs[0].operators
            position = next(i for i, other in enumerate(operators) if other is operator)
            operators[position : position + 1] = _SPELLED[name](root, operator, scales)
    prune.prune(root)
    return flatbuffer.write(root)


def _reach(model: bytes, examples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How far each channel of each activation reaches from zero, by the tensor's name."""
    probe, reach = Probe(model), dict[str, np.ndarray]()
    for index in range(len(next(iter(examples.values())))):
        inputs = {name: values[index : index + 1] for name, values in examples.items()}
        for name, values in probe.activations(inputs):
            far = np.abs(values).max(axis=tuple(range(values.ndim - 1)))
            reach[name] = np.maximum(reach.get(name, 0.0), far)
    return reach


class Channels:
    """Which channels of which tensors have to be scaled alike: sums, copies and means tie them.

    Channels tied to number 0 stay as they are. A channel is scaled by two to the power of `_above`
    times what its parent is scaled by.
    """

    def __init__(self, root: Any) -> None:
        self._root, self._parents, self._above, self.consistent = root, [0], [0], True
        self._numbers: dict[int, np.ndarray] = {}
        graph = root.subgraphs[0]
        for tensor in (*graph.inputs, *graph.outputs):
            self._fix(int(tensor))
        for operator in graph.operators:
            rule = _RULES.get(flatbuffer.operator_name(root, operator), Channels._fix_all)
            rule(self, operator)

    def scales(self, reach: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
        """What the channels of each tensor are divided by."""
        found = {i: np.array([self._find(n) for n in ids]).T for i, ids in self._numbers.items()}
        farthest = np.zeros(len(self._parents))
        tensors = self._root.subgraphs[0].tensors
        for index, (numbers, above) in found.items():
            far = reach.get(main_graph.name_of(tensors[index]))
            if far is not None and far.shape == numbers.shape:
                far = np.maximum(far, _LEAST * far.max()) / np.exp2(above)
                np.maximum.at(farthest, numbers, far)
        powers = np.round(np.log2(np.where(farthest > 0, farthest, 1.0)))
        fixed, shift = self._find(0)
        powers[fixed] = -shift
        return {
            index: np.exp2(powers[numbers] + above).astype(np.float32)
            for index, (numbers, above) in found.items()
        }

    def _of(self, tensor: int) -> np.ndarray:
        """The numbers of a tensor's channels, which are its last axis."""
        if tensor not in self._numbers:
            shape = flatbuffer.shape_of(self._root.subgraphs[0].tensors[tensor])
            first, count = len(self._parents), shape[-1] if shape else 1
            self._parents.extend(range(first, first + count))
            self._above.extend([0] * count)
            self._numbers[tensor] = np.arange(first, first + count)
        return self._numbers[tensor]

    def _find(self, number: int) -> tuple[int, int]:
        """The last of its parents, and how many times two it is scaled above that."""
        above = 0
        while self._parents[number] != number:
            above += self._above[number]
            number = self._parents[number]
        return number, above

    def _tie(self, numbers: np.ndarray, others: np.ndarray, above: int = 0) -> None:
        """Scale each by two to the power of `above` times what the other is scaled by."""
        for number, other in zip(numbers, np.broadcast_to(others, numbers.shape)):
            (a, a_above), (b, b_above) = self._find(number), self._find(other)
            if a == b:
                self.consistent &= a_above == b_above + above
            else:
                self._parents[a], self._above[a] = b, b_above + above - a_above

    def _fix(self, tensor: int) -> None:
        self._tie(self._of(tensor), np.array([0]))

    def _activations(self, operator: Any) -> list[int]:
        """The tensors that it reads and that are no constants."""
        inputs = main_graph.inputs_of(operator)
        return [i for i in inputs if main_graph.constant(self._root, i) is None]

    def _fix_all(self, operator: Any) -> None:
        for tensor in (*self._activations(operator), *map(int, operator.outputs)):
            self._fix(tensor)

    def _weighted(self, operator: Any) -> None:
        """Its weights take whatever its input and its output are scaled by."""
        (output,), constants = map(int, operator.outputs), operator.inputs[1:]
        if any(i >= 0 and main_graph.constant(self._root, i) is None for i in constants):
            self._fix_all(operator)
        weights = main_graph.constant(self._root, operator.inputs[1])
        deep = len(self._of(int(operator.inputs[0])))
        if weights is not None and weights.shape[-1] % deep:  # a matrix that reads a flat picture
            self._fix(int(operator.inputs[0]))
        if operator.builtinOptions.fusedActivationFunction not in _HOMOGENEOUS:
            self._fix(output)

    def _same(self, operator: Any) -> None:
        """A sum, a mean or a choice of values: of inputs that are scaled alike, so is the result."""
        options, activations = operator.builtinOptions, self._activations(operator)
        fused = getattr(options, "fusedActivationFunction", _HOMOGENEOUS[0])
        output = self._of(int(operator.outputs[0]))
        inputs = [self._of(tensor) for tensor in activations]
        alike = all(numbers.shape == output.shape for numbers in inputs)
        if fused not in _HOMOGENEOUS or not alike:
            self._fix_all(operator)
            return
        for numbers in inputs:
            self._tie(output, numbers)

    def _sum(self, operator: Any) -> None:
        if len(self._activations(operator)) == 1:  # a constant would have to be scaled as well
            self._fix_all(operator)
        else:
            self._same(operator)

    def _product(self, operator: Any) -> None:
        """One factor may be scaled: that of the result's shape, if there are two."""
        tensors = self._root.subgraphs[0].tensors
        shape = flatbuffer.shape_of(tensors[int(operator.outputs[0])])
        first, *gates = sorted(
            self._activations(operator),
            key=lambda tensor: flatbuffer.shape_of(tensors[tensor]) != shape,
        )
        for gate in gates:
            self._fix(gate)
        fused = operator.builtinOptions.fusedActivationFunction in _HOMOGENEOUS
        if fused and self._of(first).shape == self._of(int(operator.outputs[0])).shape:
            self._tie(self._of(int(operator.outputs[0])), self._of(first))
        else:
            self._fix_all(operator)

    def _joined(self, operator: Any) -> None:
        """Beside each other along the channels, or along another axis."""
        output = self._of(int(operator.outputs[0]))
        parts = [self._of(tensor) for tensor in self._activations(operator)]
        beside = np.concatenate(parts) if parts else output
        if operator.builtinOptions.fusedActivationFunction not in _HOMOGENEOUS:
            self._fix_all(operator)
        elif beside.shape == output.shape and len(parts) == len(operator.inputs):
            self._tie(output, beside)
        else:
            self._same(operator)

    def _swish(self, operator: Any) -> None:
        """As `_hard_swish` spells it, the result is twice as large as its input's scale would have it."""
        self._tie(self._of(int(operator.outputs[0])), self._of(int(operator.inputs[0])), above=-1)

    def _padded(self, operator: Any) -> None:
        """Zeros around, also behind the channels."""
        source, output = self._of(int(operator.inputs[0])), self._of(int(operator.outputs[0]))
        margins = main_graph.constant(self._root, operator.inputs[1])
        if margins is None:
            self._fix_all(operator)
        else:
            self._tie(output[margins[-1, 0] :][: len(source)], source)


_RULES: dict[str, Callable[[Channels, Any], None]] = {
    **dict.fromkeys(_WEIGHTED, Channels._weighted),
    **dict.fromkeys(
        ("RELU", "RESIZE_BILINEAR", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN"), Channels._same
    ),
    "ADD": Channels._sum,
    "MUL": Channels._product,
    "CONCATENATION": Channels._joined,
    "PAD": Channels._padded,
    "HARD_SWISH": Channels._swish,
}


def _rescale(root: Any, operator: Any, name: str, scales: Mapping[int, np.ndarray]) -> None:
    """Weights that read what is divided, and write what is to be."""
    inputs = [int(index) for index in operator.inputs]
    weights = main_graph.constant(root, inputs[1])
    if weights is None:
        return
    read, written = scales[inputs[0]], scales[int(operator.outputs[0])]
    read = np.resize(read, weights.shape[-1]) if name == "FULLY_CONNECTED" else read
    if name == "DEPTHWISE_CONV_2D":
        changed = weights * np.repeat(read, weights.shape[-1] // len(read)) / written
    else:
        changed = weights * read / written.reshape(-1, *[1] * (weights.ndim - 1))
    inputs[1] = _replaced(root, inputs[1], changed)
    if len(inputs) > 2 and inputs[2] >= 0:
        bias = main_graph.constant(root, inputs[2])
        inputs[2] = _replaced(root, inputs[2], bias / written)
    operator.inputs = inputs


def _replaced(root: Any, index: int, values: np.ndarray) -> int:
    name = main_graph.name_of(root.subgraphs[0].tensors[index])
    return main_graph.add_constant(root, name, values.astype(np.float32))


def _hard_swish(root: Any, operator: Any, scales: Mapping[int, np.ndarray]) -> list[Any]:
    """x * relu6(x + 3) / 3 of an x that is divided: the operator, doubled.

    What bends stands apart, from -1 to 1, so that x may have a scale a channel.
    """
    source, output = int(operator.inputs[0]), int(operator.outputs[0])
    tensor = root.subgraphs[0].tensors[output]
    shape, name = flatbuffer.shape_of(tensor), main_graph.name_of(tensor)
    bend, gate = (main_graph.add_tensor(root, f"{name}/{n}", shape) for n in ("bend", "gate"))
    third = main_graph.add_constant(root, f"{name}/third", scales[source] / np.float32(3))
    one = main_graph.add_constant(root, f"{name}/one", np.array([1.0], np.float32))
    limits = schema.ActivationFunctionType.RELU_N1_TO_1
    return [
        main_graph.elementwise(root, "MUL", (source, third), bend, limits),
        main_graph.elementwise(root, "ADD", (bend, one), gate),
        main_graph.elementwise(root, "MUL", (source, gate), output),
    ]


def _relu(root: Any, operator: Any, scales: Mapping[int, np.ndarray]) -> list[Any]:
    """A sum with zero, and the limit fused into it."""
    source, output = int(operator.inputs[0]), int(operator.outputs[0])
    zero = main_graph.add_constant(root, "zero", np.array([0.0], np.float32))
    relu = schema.ActivationFunctionType.RELU
    return [main_graph.elementwise(root, "ADD", (source, zero), output, relu)]


# XNNPACK has kernels of int8 for what these are spelled in, and none for them
_SPELLED: dict[str, Callable[..., list[Any]]] = {"HARD_SWISH": _hard_swish, "RELU": _relu}
