"""Which channels of a .tflite's tensors may be scaled, and which of them only alike."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph

_LEAST = 2.0**-7  # of a tensor's reach, is what is taken of a channel that was seen to do nothing
_HOMOGENEOUS = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


class Channels:
    """Which channels of which tensors have to be scaled alike: sums, copies and means tie them.

    Channels tied to number 0 stay as they are. A channel is scaled by two to the power of `_above`
    times what its parent is scaled by.
    """

    def __init__(self, root: Any) -> None:
        self._root, self._parents, self._above, self.consistent = root, [0], [0], True
        self._numbers: dict[int, np.ndarray] = {}
        self._first_readers: dict[int, Any] = {}  # of weights
        graph = root.subgraphs[0]
        for tensor in (*graph.inputs, *graph.outputs):
            self._fix(int(tensor))
        for operator in graph.operators:
            rule = _RULES.get(flatbuffer.operator_name(root, operator), Channels._fix_all)
            rule(self, operator)

    def scales(self, reach: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
        """What the channels of each tensor are divided by."""
        parents = {i: np.array([self._find(n) for n in ids]).T for i, ids in self._numbers.items()}
        farthest = np.zeros(len(self._parents))
        tensors = self._root.subgraphs[0].tensors
        for index, (numbers, above) in parents.items():
            far = reach.get(main_graph.name_of(tensors[index]))
            if far is not None and far.shape == numbers.shape:
                far = np.maximum(far, _LEAST * far.max()) / np.exp2(above)
                np.maximum.at(farthest, numbers, far)
        powers = np.round(np.log2(np.where(farthest > 0, farthest, 1.0)))
        fixed, shift = self._find(0)
        powers[fixed] = -shift
        return {
            index: np.exp2(powers[numbers] + above).astype(np.float32)
            for index, (numbers, above) in parents.items()
        }

    def is_free(self, tensor: int) -> bool:
        """Whether some of its channels may be scaled."""
        fixed, _ = self._find(0)
        return any(self._find(number)[0] != fixed for number in self._of(tensor))

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

    def _tie_or_fix(self, tensor: int, other: int) -> None:
        """Scale two tensors alike, or neither if they differ in their channels."""
        if self._of(tensor).shape == self._of(other).shape:
            self._tie(self._of(tensor), self._of(other))
        else:
            self._fix(tensor)
            self._fix(other)

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
        first = self._first_readers.setdefault(int(operator.inputs[1]), operator)
        for tensor, other in ((operator.inputs[0], first.inputs[0]), (output, first.outputs[0])):
            self._tie_or_fix(int(tensor), int(other))
        deep = len(self._of(int(operator.inputs[0])))
        # a matrix that reads a flattened image
        if weights is not None and weights.shape[-1] % deep:
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
    **dict.fromkeys(WEIGHTED, Channels._weighted),
    **dict.fromkeys(
        ("RELU", "RESIZE_BILINEAR", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN"), Channels._same
    ),
    "ADD": Channels._sum,
    "MUL": Channels._product,
    "CONCATENATION": Channels._joined,
    "PAD": Channels._padded,
    "HARD_SWISH": Channels._swish,
}
