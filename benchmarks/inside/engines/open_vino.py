"""OpenVINO, which reads a .tflite by itself and turns it into its own int8 graph."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge_benchmarks.inside.engines.interface import in_order, need, refusals, tensors_of

NAME = "openvino"


class OpenVinoEngine:
    """A compiled OpenVINO model behind the interface of `edge.engine.engine.Engine`."""

    def __init__(self, model: bytes, threads: int) -> None:
        import openvino

        self.name, self.version, self.invocations = NAME, openvino.__version__, 0
        self.inputs, self.outputs = tensors_of(model)
        with refusals("OpenVINO", "load the part", (RuntimeError,)):
            compiled = _compiled(openvino.Core(), model, threads)
            self._request = compiled.create_infer_request()
        reads = in_order(self.inputs, _names(compiled.inputs), "OpenVINO")
        writes = in_order(self.outputs, _names(compiled.outputs), "OpenVINO")
        self._in = [self._request.input_tensors[i].data for i in reads]
        self._out_tensors = [self._request.output_tensors[i] for i in writes]

    def input(self, index: int = 0) -> np.ndarray:
        return self._in[index]

    def output(self, index: int = 0) -> np.ndarray:
        return self._out_tensors[index].data

    def invoke(self) -> None:
        self._request.infer(share_outputs=True)
        self.invocations += 1


def openvino_engine(model: bytes, threads: int = 1, cache: Path | None = None) -> OpenVinoEngine:
    """Load a .tflite in OpenVINO, on the CPU; nothing is converted that `cache` could keep.

    Raises EngineError if that cannot be done.
    """
    need("openvino")
    return OpenVinoEngine(model, threads)


def _compiled(core: Any, model: bytes, threads: int) -> Any:
    """As LiteRT runs it: so many threads, none bound to a core, what is float in float32."""
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    with TemporaryDirectory(prefix="edge-bench-") as folder:
        path = Path(folder) / "part.tflite"
        path.write_bytes(model)
        return core.compile_model(core.read_model(path), "CPU", settings)


def _names(ports: Sequence[Any]) -> list[set[str]]:
    return [set(port.names) for port in ports]
