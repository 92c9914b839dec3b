"""The uncut network as one int8 graph by TFLite's own converter, as people do it by hand."""

import time
from dataclasses import dataclass

import numpy as np

from edge.tflite import flatbuffer
from edge_common.errors import EngineError, ModelError
from edge_convert.network import Network
from edge_convert.precision.calibration import NetworkInput
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import describe, latencies_ms, outputs_by_last_part
from edge_convert.precision.recipes import INT8

_EXAMPLES = 16


@dataclass(frozen=True)
class WholeWindow:
    """The uncut network as one int8 graph, or why there is none. seconds: to convert it."""

    size_bytes: int = 0
    operators: int = 0
    latency_ms: float = 0.0
    seconds: float = 0.0
    failure: str = ""


def measure_whole_window(
    network: Network,
    jobs: ConversionJobs,
    values: np.ndarray,
    windows: NetworkInput,
) -> tuple[WholeWindow, dict[str, np.ndarray]]:
    """Convert the uncut network to int8, time it, and run it over `windows`.

    values: real input (N, T, H, W, C) that calibrates it.  Gives its outputs by task, or
    none if it fails, which the result then explains.
    """
    if len(network.parts) == 1:
        return WholeWindow(failure="the network is one part anyway"), {}
    if network.whole is None:
        return WholeWindow(failure="only Keras models are converted by hand for comparison"), {}
    started = time.perf_counter()
    try:
        converted = jobs.to_int8_by_converter("whole", network.whole(), values[:_EXAMPLES]).result()
        seconds = time.perf_counter() - started
        part = describe("whole", INT8, converted, 0)
        (outputs,) = outputs_by_last_part(part, [], windows)
    except (ModelError, EngineError) as error:
        return WholeWindow(failure=str(error)), {}
    operators = sum(flatbuffer.cost(converted).ops.values())
    return WholeWindow(len(converted), operators, latencies_ms([part])[0], seconds), outputs
