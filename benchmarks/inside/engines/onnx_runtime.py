"""ONNX Runtime, which runs the .tflite that was converted to ONNX."""

import hashlib
import subprocess
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge_benchmarks.inside.engines.interface import Specs, in_order, need, refusals, tensors_of
from edge_common import EngineError, children, write_cached

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

    Raises EngineError if that cannot be done.
    """
    need("onnxruntime")
    return OnnxEngine(to_onnx(model, cache), threads, *tensors_of(model))


OPSET = 17
_TIMEOUT_S = 600
_EXTRAS = "convert,engines"  # tf2onnx reads a .tflite with tensorflow's help


def to_onnx(model: bytes, cache: Path | None = None) -> bytes:
    """Convert a .tflite with tf2onnx, which takes 10 to 40 s; `cache` is a folder to keep it in.

    Raises EngineError if tf2onnx or tensorflow is missing or the conversion fails,
    SinkError if the folder cannot be written.
    """
    need("tf2onnx", _EXTRAS)
    need("tensorflow", _EXTRAS)
    if cache is None:
        return _convert(model)
    digest = hashlib.sha256(f"{metadata.version('tf2onnx')} {OPSET};".encode() + model)
    path = cache.expanduser() / f"{digest.hexdigest()[:32]}.onnx"
    if not path.exists():
        write_cached(path, _convert(model))
    return path.read_bytes()


def _convert(model: bytes) -> bytes:
    with TemporaryDirectory(prefix="edge-bench-") as folder:
        source, output = Path(folder) / "part.tflite", Path(folder) / "part.onnx"
        source.write_bytes(model)
        files = ("--tflite", source, "--output", output)
        run_converter(children.module_command("tf2onnx.convert", "--opset", OPSET, *files), output)
        return output.read_bytes()


def run_converter(command: list[str], output: Path) -> None:
    """Run a command that makes a file; EngineError if it does not."""
    try:
        process = children.run_captured(command, timeout_s=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"tf2onnx gave no result in {_TIMEOUT_S} s") from error
    if process.returncode != 0 or not output.exists():
        reason = children.last_line(process.stderr)[:200]
        raise EngineError(f"tf2onnx does not convert the part ({reason})")
