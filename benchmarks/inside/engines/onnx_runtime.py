"""ONNX Runtime, which runs the .tflite that was converted to ONNX."""

from pathlib import Path

import numpy as np

from edge_benchmarks.inside.engines.conversion import to_onnx
from edge_benchmarks.inside.engines.interface import Specs, in_order, need, refusals, tensors_of

NAME = "onnxruntime"


class OnnxEngine:
    """An ONNX Runtime session behind the interface of `edge.engine.engine.Engine`."""

    def __init__(self, onnx: bytes, threads: int, inputs: Specs, outputs: Specs) -> None:
        import onnxruntime

        self.name, self.version, self.invocations = NAME, onnxruntime.__version__, 0
        self.inputs, self.outputs = inputs, outputs
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        with refusals("ONNX Runtime", "load the part", (RuntimeError, ValueError)):
            self._session = onnxruntime.InferenceSession(
                onnx, options, providers=["CPUExecutionProvider"]
            )
        self._in = [np.zeros(tensor.shape, tensor.dtype) for tensor in inputs]
        self._out = [np.zeros(tensor.shape, tensor.dtype) for tensor in outputs]
        self._binding = self._session.io_binding()
        self._bind()

    def input(self, index: int = 0) -> np.ndarray:
        return self._in[index]

    def output(self, index: int = 0) -> np.ndarray:
        return self._out[index]

    def invoke(self) -> None:
        self._session.run_with_iobinding(self._binding)
        self.invocations += 1

    def _bind(self) -> None:
        """Let the session read from and write to our arrays."""
        sides = (
            (self.inputs, self._session.get_inputs(), self._in, self._binding.bind_input),
            (self.outputs, self._session.get_outputs(), self._out, self._binding.bind_output),
        )
        for specs, ports, arrays, bind in sides:
            in_order(specs, [{port.name} for port in ports], "the ONNX model")
            for spec, array in zip(specs, arrays):
                bind(spec.name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def onnx_engine(model: bytes, threads: int = 1, cache: Path | None = None) -> OnnxEngine:
    """Load a .tflite in ONNX Runtime, on the CPU; `cache` as in `to_onnx`.

    Raises EngineError where that cannot be done.
    """
    need("onnxruntime")
    return OnnxEngine(to_onnx(model, cache), threads, *tensors_of(model))
