"""How many operations a second this machine's engine reaches when nothing else holds it up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from edge.engine.engine import Engine
from edge.stream.stream import EngineOptions
from edge_benchmarks.inside.noise import fill_randomly
from edge_benchmarks.inside.roofline.product import Product, product_model
from edge_benchmarks.measure.timing import Clock, Invokable

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
    options: EngineOptions,
    seconds: float = 0.3,
    shapes: Sequence[tuple[int, int, int]] = SHAPES,
) -> Peak:
    """Time matrix products in the engine that bundles run in, `seconds` each.

    Raises EngineError where the model cannot be made or is refused.
    """
    products = [Product(*shape, precision) for shape in shapes]
    reached = [(p.operations / fastest_ns(_engine(p, options), seconds), p) for p in products]
    gops, best = max(reached, key=lambda pair: pair[0])
    return Peak(precision, options.threads, gops, best.shape)


def fastest_ns(engine: Invokable, seconds: float, clock: Clock = time.perf_counter_ns) -> int:
    """The shortest invocation in about `seconds`, at least ten of them."""
    for _ in range(_WARM_UP):
        engine.invoke()
    fastest, runs, began = None, 0, clock()
    while runs < _LEAST_RUNS or clock() - began < seconds * 1e9:
        started = clock()
        engine.invoke()
        took = clock() - started
        fastest = took if fastest is None else min(fastest, took)
        runs += 1
    return max(fastest, 1)


def _engine(product: Product, options: EngineOptions) -> Engine:
    engine = Engine(
        product_model(product),
        name=f"a matrix product {product.shape}",
        runtime=options.runtime,
        threads=options.threads,
        delegate=options.delegate,
    )
    fill_randomly(engine)
    return engine
