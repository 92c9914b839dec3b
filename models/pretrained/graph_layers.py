"""Build a graph of TensorFlow operations out of ordinary Keras layers.

Known are the operations of frozen picture classifiers and detectors; each has one
function here. All is NHWC, and all weights are constants of the graph.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from keras import layers, ops

from edge_common import ModelError
from edge_models import backends
from edge_models.pretrained import activations, expressions, tfjs

Value = expressions.Expression | np.ndarray


def build(
    graph: tfjs.TfjsGraph, inputs: Mapping[str, Any], outputs: Iterable[str]
) -> dict[str, Any]:
    """Compute the nodes `outputs` from the Keras tensors `inputs`, both by node name.

    Behind the last convolution a given tensor may have more axes in front than the
    graph knows, such as one of frames: products and activations keep them apart.

    Raises:
        ModelError: an operation is unknown, or its weights do not fit.
    """
    graph, outputs = activations.joined(graph), list(outputs)
    values: dict[str, Value] = {name: expressions.Known(tensor) for name, tensor in inputs.items()}
    values.update(graph.constants)
    for node in graph.needed(outputs, values.keys()):
        values[node.name] = _value(graph, node, [values[name] for name in node.inputs])
    tensors = {}
    for name in outputs:
        value = values[name]
        if isinstance(value, np.ndarray):
            raise ModelError(f"{graph.path}: {name} is no result of a layer: it is another network")
        tensors[name] = value.tensor
    return tensors


def _value(graph: tfjs.TfjsGraph, node: tfjs.Node, inputs: list[Value]) -> Value:
    if node.operation not in _OPERATIONS:
        operations = ", ".join(sorted(_OPERATIONS))
        raise ModelError(
            f"{graph.path}: {node.name} is a {node.operation}; known operations are {operations}"
        )
    try:
        return _OPERATIONS[node.operation](node, *inputs)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(
            f"{graph.path}: {node.name} ({node.operation}) cannot be built: {error}"
        ) from error


def _layer_name(node: tfjs.Node) -> str:
    """A name that Keras and the converter accept: no slash, no underscore in front."""
    short = re.sub(r"^(StatefulPartitionedCall/)+[^/]+/(?=.)", "", node.name)
    return re.sub(r"[^0-9A-Za-z_]", "_", short).lstrip("_")


def _convolution(
    node: tfjs.Node, picture: expressions.Expression, kernel: np.ndarray, *bias: np.ndarray
) -> Value:
    options = _window_options(node)
    height, width, inputs, outputs = kernel.shape
    if node.operation.lstrip("_").removeprefix("Fused").startswith("Depthwise"):
        outputs *= inputs

        def layer(name: str) -> layers.Layer:
            return layers.DepthwiseConv2D(
                (height, width), depth_multiplier=kernel.shape[3], name=name, **options
            )
    else:

        def layer(name: str) -> layers.Layer:
            return layers.Conv2D(outputs, (height, width), name=name, **options)

    none = np.zeros(outputs, np.float32)
    return _fused(
        node, expressions.Linear(_layer_name(node), picture.tensor, kernel, none, layer), *bias
    )


def _product(
    node: tfjs.Node, rows: expressions.Expression, matrix: np.ndarray, *bias: np.ndarray
) -> Value:
    if node.flag("transpose_a"):
        raise ValueError("its left side is transposed")
    kernel = matrix.T if node.flag("transpose_b") else matrix
    units = kernel.shape[1]
    linear = expressions.Linear(
        _layer_name(node), rows.tensor, kernel, np.zeros(units, np.float32),
        lambda name: layers.Dense(units, name=name),
    )  # fmt: skip
    return _fused(node, linear, *bias)


def _fused(
    node: tfjs.Node, value: expressions.Expression, *bias: np.ndarray
) -> expressions.Expression:
    """What the fused forms of convolution and product do behind it."""
    for operation in node.texts("fused_ops"):
        if operation not in _FUSED:
            raise ValueError(f"{operation} is fused into it; known are {', '.join(_FUSED)}")
        value = _FUSED[operation](node, value, *bias)
    return value


def _window_options(node: tfjs.Node) -> dict[str, Any]:
    """Strides and padding as Keras takes them; refuses what it takes otherwise."""
    if node.text("data_format", "NHWC") != "NHWC" or set(node.integers("dilations")) - {1}:
        raise ValueError("only NHWC without dilations is known")
    _, *strides, _ = node.integers("strides", (1, 1, 1, 1))
    return {"strides": tuple(strides), "padding": node.text("padding", "VALID").lower()}


def _max_pooling(node: tfjs.Node, picture: expressions.Expression) -> Value:
    _, *size, _ = node.integers("ksize")
    pool = layers.MaxPooling2D(tuple(size), name=_layer_name(node), **_window_options(node))
    return expressions.Known(pool(picture.tensor))


def _over_picture(kind: type[layers.Layer]) -> Callable[..., Value]:
    """A reduction over height and width."""

    def operation(node: tfjs.Node, picture: expressions.Expression, axes: np.ndarray) -> Value:
        if sorted(axes.reshape(-1).tolist()) != [1, 2]:
            raise ValueError(f"it reduces the axes {axes.tolist()}; known are height and width")
        keep = node.flag("keep_dims")
        return expressions.Known(kind(keepdims=keep, name=_layer_name(node))(picture.tensor))

    return operation


class LegacyBilinear(layers.Layer):
    """Resizes pictures to `size` (height, width) as TensorFlow 1 did, by corners and not by centres.

    No layer of Keras does that, but one operation of TFLite: save what holds it by `export`.
    """

    def __init__(self, size: tuple[int, int], **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, pictures: Any) -> Any:
        from tensorflow import raw_ops

        return raw_ops.ResizeBilinear(images=pictures, size=self.size)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], *self.size, shape[-1]


def _resize(node: tfjs.Node, picture: expressions.Expression, size: np.ndarray) -> Value:
    if node.flag("align_corners"):
        raise ValueError("only resizing by corners that are not aligned, or by centres, is known")
    height, width = map(int, size)
    if not node.flag("half_pixel_centers"):
        backends.check_tensorflow("a detector's resizing by corners")
        layer = LegacyBilinear((height, width), name=_layer_name(node))
        return expressions.Known(layer(picture.tensor))
    rows, columns = picture.tensor.shape[1:3]
    if height % rows or width % columns:
        raise ValueError(f"it brings {rows} x {columns} to {height} x {width}: no whole factor")
    factors = (height // rows, width // columns)
    layer = layers.UpSampling2D(factors, interpolation="bilinear", name=_layer_name(node))
    return expressions.Known(layer(picture.tensor))


def _concatenation(node: tfjs.Node, *values: Any) -> Value:
    *tensors, axis = values
    layer = layers.Concatenate(int(axis.item()), name=_layer_name(node))
    return expressions.Known(layer([value.tensor for value in tensors]))


def _pad(node: tfjs.Node, value: expressions.Expression, margins: np.ndarray) -> Value:
    return expressions.Known(ops.pad(value.tensor, margins.tolist()))


def _reshape(node: tfjs.Node, value: expressions.Expression, shape: np.ndarray) -> Value:
    layer = layers.Reshape(shape.tolist()[1:], name=_layer_name(node))
    return expressions.Known(layer(value.tensor))


def _activation(name: str) -> Callable[..., Value]:
    def operation(node: tfjs.Node, value: expressions.Expression) -> Value:
        return expressions.Known(layers.Activation(name, name=_layer_name(node))(value.tensor))

    return operation


def _relu(node: tfjs.Node, value: expressions.Expression) -> expressions.Expression:
    return expressions.limited(value, 0.0, np.inf, _layer_name(node))


def _relu6(node: tfjs.Node, value: expressions.Expression) -> expressions.Expression:
    return expressions.limited(value, 0.0, 6.0, _layer_name(node))


def _fused_limit(high: float) -> Callable[..., expressions.Expression]:
    def operation(
        node: tfjs.Node, value: expressions.Expression, *_: np.ndarray
    ) -> expressions.Expression:
        return expressions.limited(value, 0.0, high, f"{_layer_name(node)}_limit")

    return operation


def _combination(
    with_constant: Callable[[Any, np.ndarray, str], expressions.Expression],
    kind: type[layers.Layer],
) -> Callable[..., expressions.Expression]:
    """A sum or product, of a value with a constant, whichever stands first, or of two values."""

    def operation(node: tfjs.Node, a: Value, b: Value) -> expressions.Expression:
        value, constant = (b, a) if isinstance(a, np.ndarray) else (a, b)
        if isinstance(value, np.ndarray):
            raise ValueError("it combines two constants")
        if isinstance(constant, np.ndarray):
            return with_constant(value, constant, _layer_name(node))
        layer = kind(name=_layer_name(node))
        return expressions.Known(layer([value.tensor, constant.tensor]))

    return operation


_add = _combination(expressions.plus, layers.Add)
_multiply = _combination(expressions.times, layers.Multiply)


def _minimum(
    node: tfjs.Node, value: expressions.Expression, high: np.ndarray
) -> expressions.Expression:
    return expressions.limited(value, -np.inf, float(high.item()), _layer_name(node))


def _maximum(
    node: tfjs.Node, value: expressions.Expression, low: np.ndarray
) -> expressions.Expression:
    return expressions.limited(value, float(low.item()), np.inf, _layer_name(node))


def _identity(node: tfjs.Node, value: Value) -> Value:
    return value


_FUSED: dict[str, Callable[..., expressions.Expression]] = {
    "BiasAdd": _add, "Relu": _fused_limit(np.inf), "Relu6": _fused_limit(6.0),
}  # fmt: skip

_OPERATIONS: dict[str, Callable[..., Value]] = {
    "Add": _add, "AddV2": _add, "BiasAdd": _add, "Mul": _multiply,
    "Relu": _relu, "Relu6": _relu6, "Minimum": _minimum, "Maximum": _maximum, "Identity": _identity,
    "Sigmoid": _activation("sigmoid"), "Softmax": _activation("softmax"),
    "Conv2D": _convolution, "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _convolution, "FusedDepthwiseConv2dNative": _convolution,
    "MatMul": _product, "_FusedMatMul": _product,
    "MaxPool": _max_pooling, "ResizeBilinear": _resize, "ConcatV2": _concatenation,
    "Pad": _pad, "Reshape": _reshape,
    activations.HARD_SIGMOID: _activation("hard_sigmoid"),
    activations.HARD_SWISH: _activation("hard_swish"),
    "Mean": _over_picture(layers.GlobalAveragePooling2D),
    "Max": _over_picture(layers.GlobalMaxPooling2D),
}  # fmt: skip
