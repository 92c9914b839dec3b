"""The uncut network as one int8 graph: what people convert by hand, as a comparison."""

import time

import numpy as np

from convert.calibration import NetworkInput
from convert.evidence import WholeWindow
from convert.latency import latencies_ms
from convert.network import Network
from convert.parts import describe
from convert.recipes import INT8
from convert.scoring import outputs_by_last_part
from convert.workshop import Workshop
from edge import flatbuffer
from edge.errors import EngineError, ModelError

_EXAMPLES = 16


def measure_whole_window(
    network: Network,
    shop: Workshop,
    values: np.ndarray,
    value_range: tuple[float, float],
    windows: NetworkInput,
) -> tuple[WholeWindow, dict[str, np.ndarray]]:
    """Convert the uncut network to int8, time it, and run it over `windows`.

    values: real input (N, T, H, W, C) that calibrates it.  Gives its outputs by task, or
    none where it fails, which the result then explains.
    """
    if network.whole is None or len(network.parts) == 1:
        return WholeWindow(failure="the network is one part anyway"), {}
    started = time.perf_counter()
    try:
        model = shop.to_float("whole", network.whole()).result()
        (given,) = flatbuffer.signature(model)[0]
        shop.prepare("whole", model, {given: values[:_EXAMPLES]}, {given: value_range})
        converted = shop.quantised("whole", [INT8])[INT8]
        if isinstance(converted, str):
            return WholeWindow(failure=converted), {}
        seconds = time.perf_counter() - started
        part = describe("whole", INT8, converted, 0)
        (outputs,) = outputs_by_last_part(part, [], windows)
    except (ModelError, EngineError) as error:
        return WholeWindow(failure=str(error)), {}
    operators = sum(flatbuffer.cost(converted).ops.values())
    return WholeWindow(len(converted), operators, latencies_ms([part])[0], seconds), outputs
