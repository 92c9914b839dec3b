"""How many operations a second this machine's engine reaches: matrix products, made without tensorflow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.engine.engine import Engine
from edge.stream import StreamOptions
from edge.tflite import flatbuffer
from edge_benchmarks.measure.timing import Clock, Invokable, fill_randomly
from edge_common.errors import EngineError


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


PRECISIONS = ("int8", "float32")
# which one is fastest differs with caches and vector widths, so several are tried
SHAPES = ((64, 256, 256), (196, 512, 512), (256, 1024, 256), (512, 2048, 256), (1024, 256, 256))
_WARM_UP, _LEAST_RUNS = 3, 10


@dataclass(frozen=True)
class Peak:
    """The best of all shapes, in its fastest invocation.

    gops: 1e9 multiplications and additions a second.  shape: rows x depth x columns.
    """

    precision: str
    threads: int
    gops: float
    shape: str


def measure_peak(
    precision: str,
    options: StreamOptions,
    seconds: float = 0.3,
    shapes: Sequence[tuple[int, int, int]] = SHAPES,
) -> Peak:
    """Time matrix products in the engine that bundles run in, `seconds` each.

    Raises EngineError if the model cannot be made or is refused.
    """
    products = [Product(*shape, precision) for shape in shapes]
    reached = [(p.operations / fastest_ns(_engine(p, options), seconds), p) for p in products]
    gops, best = max(reached, key=lambda pair: pair[0])
    return Peak(precision, options.threads, gops, best.shape)


def fastest_ns(engine: Invokable, seconds: float, clock: Clock = time.perf_counter_ns) -> int:
    """The shortest invocation in about `seconds`, at least ten of them."""
    for _ in range(_WARM_UP):
        engine.invoke()
    durations_ns: list[int] = []
    began = clock()
    while len(durations_ns) < _LEAST_RUNS or clock() - began < seconds * 1e9:
        started = clock()
        engine.invoke()
        durations_ns.append(clock() - started)
    return max(min(durations_ns), 1)


def _engine(product: Product, options: StreamOptions) -> Engine:
    engine = Engine(
        product_model(product),
        name=f"a matrix product {product.shape}",
        runtime=options.runtime,
        threads=options.threads,
        delegate=options.delegate,
    )
    fill_randomly(engine)
    return engine


_SCALE = 0.02
_SEED = 1


def product_model(product: Product) -> bytes:
    """The .tflite of a product. Raises EngineError if no LiteRT is installed."""
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
