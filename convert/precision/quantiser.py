"""From a float32 .tflite to each precision, by LiteRT's own quantiser.

The only file that knows `litert-quantizer`. Affine int8 with per-channel weights as in
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", Jacob et al. 2018.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer import qtyping, quantizer, recipe_manager
from litert_quantizer.algorithm_manager import AlgorithmName
from litert_quantizer.utils import tfl_flatbuffer_utils

from edge.tflite import flatbuffer
from edge_convert.cut.tflite import main_graph
from edge_convert.precision.recipes import BITS, Recipe

Ranges = Mapping[str, tuple[float, float]]

_ALL = qtyping.TFLOperationName.ALL_SUPPORTED
_DENSE = qtyping.TFLOperationName.FULLY_CONNECTED
# per-channel weights of dense layers need a kernel that tflite-runtime 2.14 lacks
_PER_TENSOR = qtyping.QuantGranularity.TENSORWISE
_FLOAT16 = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(
        num_bits=16, dtype=qtyping.TensorDataType.FLOAT
    ),
    explicit_dequantize=True,
)


def quantised(model: bytes, recipe: Recipe, ranges: Ranges) -> bytes:
    """Convert a float32 .tflite. `ranges`: (lowest, highest) real value of each activation.

    Raises ValueError or RuntimeError if the quantiser does not know an operator.
    """
    if recipe.precision == "float32":
        return model
    ends = recipe.float_layers
    return _run(model, _as_library_recipe(recipe), ranges if recipe.static else None, ends)


def only_one_quantised(model: bytes, layer: str, ranges: Ranges) -> bytes:
    """A float32 .tflite with a single layer in int8, named as in `layers`."""
    manager = recipe_manager.RecipeManager()
    manager.add_static_config(_only(layer), _ALL, 8, 8)
    return _run(model, manager.get_quantization_recipe(), ranges)


@dataclass(frozen=True)
class Layer:
    """An operator: its name as the quantiser knows it, its kind, and its activations read."""

    name: str
    operator: str
    inputs: tuple[str, ...]


def layers(model: bytes) -> list[Layer]:
    """The operators that int8 can be withheld from, in the order of the graph."""
    root = tfl_flatbuffer_utils.read_model(model)
    graph = root.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    constants = flatbuffer.constant_tensors(model)
    quantisable = []
    for operator in graph.operators:
        code = root.operatorCodes[operator.opcodeIndex].builtinCode
        kind = tfl_flatbuffer_utils.TFL_OP_CODE_TO_NAME.get(code)
        read = [names[i] for i in operator.inputs if i >= 0 and names[i] not in constants]
        if kind is not None and kind.value not in ONLY_MOVES:
            quantisable.append(Layer(names[operator.outputs[0]], kind.value, tuple(read)))
    return quantisable


def left_in_float(model: bytes) -> tuple[float, str]:
    """The share of a float32 .tflite's weights that no precision changes, and whose they are.

    They are those of operators that the quantiser does not know, such as CONV_3D.
    """
    root = flatbuffer.read(model)
    sizes: dict[bool, int] = {True: 0, False: 0}
    unknown: dict[str, None] = {}
    for operator in root.subgraphs[0].operators:
        code = root.operatorCodes[operator.opcodeIndex].builtinCode
        is_known = code in tfl_flatbuffer_utils.TFL_OP_CODE_TO_NAME
        constants = (main_graph.constant(root, i) for i in main_graph.inputs_of(operator))
        weights = sum(c.size for c in constants if c is not None and c.dtype == np.float32)
        sizes[is_known] += weights
        if weights and not is_known:
            unknown[flatbuffer.operator_name(root, operator)] = None
    return sizes[False] / (sum(sizes.values()) or 1), ", ".join(unknown)


WITH_BIAS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": -1, "FULLY_CONNECTED": 0}  # axis of the results
_MOST_BIAS = 2.0**30


def _run(
    model: bytes, recipe: list[dict], ranges: Ranges | None, float_ends: Sequence[str] = ()
) -> bytes:
    worker = quantizer.Quantizer(model, recipe)
    statistics: Any = ranges and {
        name: {"min": np.float32(low), "max": np.float32(high)}
        for name, (low, high) in ranges.items()
    }
    return _repaired(bytes(worker.quantize(statistics).quantized_model), model, float_ends)


def _repaired(model: bytes, source: bytes, float_ends: Sequence[str]) -> bytes:
    """Put right what the quantiser leaves askew.

    It makes integers of all inputs and outputs or of none: those of `float_ends` are made real again.

    If one layer of it stays in float, it makes all answers float32, as if they were finer than
    the integers that they are made of. Its signature may still name tensors that are no longer the
    graph's outputs, and of a SPLIT it passes over the outputs that nobody reads, so that XNNPACK
    refuses the graph. Biases that do not fit it clips.
    """
    root, before = flatbuffer.read(model), flatbuffer.signature(source)
    graph, signature = root.subgraphs[0], root.signatureDefs[0]
    _keep_integer_answers(graph, flatbuffer.operators(root, "DEQUANTIZE"))
    _keep_real_ends(root, set(float_ends))
    for entries, tensors, positions in zip(
        (signature.inputs, signature.outputs), (graph.inputs, graph.outputs), before
    ):
        for entry in entries:
            entry.tensorIndex = tensors[positions[entry.name.decode()]]
    for operator in flatbuffer.operators(root, "SPLIT", "SPLIT_V", "UNPACK"):
        _give_one_type([graph.tensors[i] for i in operator.outputs])
    _make_room_for_biases(root, flatbuffer.view(source))
    return flatbuffer.write(root)


def _make_room_for_biases(root: Any, source: Any) -> None:
    """Give weights larger steps where a bias, in steps of weight times input, is no integer of 32 bits.

    So it is of a filter that hardly has weights, and behind an input that hardly leaves zero. What the
    weights lose is less than a millionth of that bias for each.
    """
    real = {layer.name: main_graph.constant(source, layer.bias) for layer in biased_layers(source)}
    together: dict[int, list[BiasedLayer]] = {}
    for layer in biased_layers(root):
        if layer.is_integer(root, schema.TensorType.INT32, schema.TensorType.INT64):
            together.setdefault(layer.weights, []).append(layer)
    for layers_of_weights in together.values():
        _widen(root, [(layer, real.get(layer.name)) for layer in layers_of_weights])


@dataclass(frozen=True)
class BiasedLayer:
    """A layer with a bias: its output's name, its tensors, and the axis of results in its weights."""

    name: str
    source: int
    weights: int
    bias: int
    axis: int

    def is_integer(self, root: Any, *types: int) -> bool:
        """Whether its weights have 8 bits, and its bias is of one of these types."""
        tensors = root.subgraphs[0].tensors
        is_weight = tensors[self.weights].type == schema.TensorType.INT8
        return is_weight and tensors[self.bias].type in types

    def step(self, root: Any) -> float:
        """Of its input."""
        return float(steps_of(root, self.source)[0])

    def values(self, root: Any) -> np.ndarray:
        """Of its bias, as far as they were not clipped."""
        return np.asarray(main_graph.constant(root, self.bias)) * steps_of(root, self.bias)


def biased_layers(root: Any) -> Iterator[BiasedLayer]:
    """Those of `WITH_BIAS` that have one, in the order of the graph."""
    tensors = root.subgraphs[0].tensors
    for operator in flatbuffer.operators(root, *WITH_BIAS):
        read = [int(index) for index in operator.inputs]
        if len(read) > 2 and read[2] >= 0:
            name = main_graph.name_of(tensors[int(operator.outputs[0])])
            axis = WITH_BIAS[flatbuffer.operator_name(root, operator)]
            yield BiasedLayer(name, read[0], read[1], read[2], axis)


def _widen(root: Any, layers_of_weights: Sequence[tuple[BiasedLayer, np.ndarray | None]]) -> None:
    """The steps of weights, as far as the biases of all layers that compute with them ask for."""
    biases = [(each, each.values(root) if v is None else v) for each, v in layers_of_weights]
    weights, axis = biases[0][0].weights, biases[0][0].axis
    steps = steps_of(root, weights)
    least = np.max([np.abs(v) / (each.step(root) * _MOST_BIAS) for each, v in biases], axis=0)
    wide = np.maximum(steps, least if len(steps) > 1 else least.max())
    if (wide == steps).all():
        return
    integers = np.moveaxis(np.asarray(main_graph.constant(root, weights)), axis, -1)
    integers = np.moveaxis(np.rint(integers * (steps / wide)), -1, axis)
    _set_integers(root, weights, integers, wide)
    for layer, values in biases:
        step = layer.step(root) * wide
        _set_integers(root, layer.bias, np.rint(values / step), step)


def _set_integers(root: Any, index: int, integers: np.ndarray, steps: np.ndarray) -> None:
    dtype = np.asarray(main_graph.constant(root, index)).dtype
    main_graph.set_constant(root, index, integers.astype(dtype))
    root.subgraphs[0].tensors[index].quantization.scale = steps.astype(np.float32)


def steps_of(root: Any, index: int) -> np.ndarray:
    """Of a tensor's integers: float64, one or one a channel."""
    return np.asarray(root.subgraphs[0].tensors[index].quantization.scale, np.float64)


def _keep_integer_answers(graph: Any, conversions: Iterable[Any]) -> None:
    """Answer what the last layers gave, in their integers."""
    for operator in list(conversions):
        source, output = int(operator.inputs[0]), int(operator.outputs[0])
        integer = graph.tensors[source].type in _INTEGERS
        if output in graph.outputs and integer:
            graph.outputs = [source if i == output else int(i) for i in graph.outputs]
            if not any(output in other.inputs for other in graph.operators):
                graph.operators.remove(operator)


def _keep_real_ends(root: Any, names: Set[str]) -> None:
    """Take real values under these names, and give them if some are taken."""
    graph = root.subgraphs[0]
    real = {i for i in map(int, graph.inputs) if main_graph.name_of(graph.tensors[i]) in names}
    for operator in list(flatbuffer.operators(root, "DEQUANTIZE", "QUANTIZE") if real else ()):
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        if flatbuffer.operator_name(root, operator) == "DEQUANTIZE" and source in real:
            graph.operators.remove(operator)
            main_graph.rewire(root, {target: source})
        elif target in graph.outputs and main_graph.name_of(graph.tensors[source]) in names:
            graph.operators.remove(operator)
            graph.outputs = [source if i == target else int(i) for i in graph.outputs]
    for index in real:
        tensor = graph.tensors[index]
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None


def _give_one_type(tensors: list[qtyping.TensorT]) -> None:
    quantised = [t for t in tensors if t.quantization and t.quantization.scale is not None]
    for tensor in tensors:
        if quantised and tensor.type != quantised[0].type:
            tensor.type, tensor.quantization = quantised[0].type, quantised[0].quantization


def _only(layer: str) -> str:
    """The pattern of one operator: the quantiser joins the names of all its outputs."""
    return f"^{re.escape(layer)};"


def _as_library_recipe(recipe: Recipe) -> list[dict]:
    manager = recipe_manager.RecipeManager()
    bits = BITS[recipe.precision]
    if bits.activations is not None:
        manager.add_static_config(".*", _ALL, bits.activations, bits.weights)
        manager.add_static_config(".*", _DENSE, bits.activations, bits.weights, _PER_TENSOR)
    elif not bits.float_weights:
        manager.add_dynamic_config(".*", _ALL, bits.weights)
        manager.add_dynamic_config(".*", _DENSE, bits.weights, _PER_TENSOR)
    else:
        for operation in _WITH_FLOAT16_WEIGHTS:
            manager.add_quantization_config(
                ".*", operation, _FLOAT16, algorithm_key=AlgorithmName.FLOAT_CASTING
            )
    for layer in recipe.float_layers:
        manager.add_quantization_config(_only(layer), _ALL, algorithm_key=AlgorithmName.NO_QUANTIZE)
    return manager.get_quantization_recipe()


_INTEGERS = (schema.TensorType.INT8, schema.TensorType.INT16)
ONLY_MOVES = frozenset(
    {"RESHAPE", "TRANSPOSE", "SPLIT", "UNPACK", "PACK", "STRIDED_SLICE", "SLICE"}
)
_WITH_FLOAT16_WEIGHTS = (
    qtyping.TFLOperationName.CONV_2D,
    qtyping.TFLOperationName.DEPTHWISE_CONV_2D,
    qtyping.TFLOperationName.FULLY_CONNECTED,
)
