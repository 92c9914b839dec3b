"""A .tflite that is one matrix product and nothing else, made without tensorflow.

Written with the schema's objects that the LiteRT wheel carries, so that no file has to be
shipped for each shape: a 1 x 1 convolution over `rows` pixels, which XNNPACK runs by the
same GEMM kernels as the convolutions of a real network.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.tflite import flatbuffer
from edge_common.errors import EngineError

_SCALE = 0.02
_SEED = 1


@dataclass(frozen=True)
class Product:
    """(rows x depth) times (depth x columns).

    precision: `int8` (weights by channel, sums in int32) or `float32`.
    """

    rows: int
    depth: int
    columns: int
    precision: str = "int8"

    @property
    def operations(self) -> int:
        """Multiplications and additions of one invocation."""
        return 2 * self.rows * self.depth * self.columns

    @property
    def shape(self) -> str:
        return f"{self.rows} x {self.depth} x {self.columns}"


def product_model(product: Product) -> bytes:
    """The .tflite of a product. Raises EngineError where no LiteRT is installed."""
    schema = _schema()
    integer = product.precision == "int8"
    kind = schema.TensorType.INT8 if integer else schema.TensorType.FLOAT32
    weights, bias = _constants(product)
    root = schema.ModelT()
    root.version, root.description = 3, "one matrix product"
    root.buffers = [_buffer(schema, data) for data in (None, weights, bias)]
    sums = schema.TensorType.INT32 if integer else kind
    tensors = [
        _tensor(schema, "input", (1, product.rows, 1, product.depth), kind, 0, [_SCALE]),
        _tensor(schema, "weights", weights.shape, kind, 1, [_SCALE] * product.columns),
        _tensor(schema, "bias", bias.shape, sums, 2, [_SCALE**2] * product.columns),
        _tensor(schema, "output", (1, product.rows, 1, product.columns), kind, 0, [1.0]),
    ]
    if not integer:
        for tensor in tensors:
            tensor.quantization = None
    root.subgraphs = [_graph(schema, tensors)]
    root.operatorCodes = [_code(schema)]
    return flatbuffer.write(root)


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise EngineError(
            "the machine's peak is measured with a model that only LiteRT's schema can write: "
            "pip install ai-edge-litert"
        ) from error
    return schema_py_generated


def _constants(product: Product) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(_SEED)
    size = (product.columns, 1, 1, product.depth)
    if product.precision == "int8":
        bias = np.zeros(product.columns, np.int32)
        return rng.integers(-127, 128, size, np.int8), bias
    return rng.standard_normal(size, np.float32), np.zeros(product.columns, np.float32)


def _buffer(schema: Any, data: np.ndarray | None) -> Any:
    buffer = schema.BufferT()
    if data is not None:
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
    return buffer


def _tensor(
    schema: Any, name: str, shape: tuple[int, ...], kind: int, buffer: int, scales: list[float]
) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = scales
    tensor.quantization.zeroPoint = [0] * len(scales)
    return tensor


def _graph(schema: Any, tensors: list[Any]) -> Any:
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    operator.builtinOptions = options
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = [0], [3]
    return graph


def _code(schema: Any) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 3
    return code
