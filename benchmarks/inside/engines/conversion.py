"""From .tflite to ONNX: int8 becomes QDQ nodes, and tensors keep their names."""

import hashlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_benchmarks.inside.engines.interface import need
from edge_benchmarks.run.keras_window import ConversionCache
from edge_common.errors import EngineError

OPSET = 17
_TIMEOUT_S = 600
_EXTRAS = "convert,engines"  # tf2onnx reads a .tflite with tensorflow's help


def to_onnx(model: bytes, cache: Path | None = None) -> bytes:
    """Convert a .tflite with tf2onnx, which takes 10 to 40 s; `cache` is a folder to keep it in.

    Raises EngineError where tf2onnx or tensorflow is missing or the conversion fails,
    SinkError where the folder cannot be written.
    """
    need("tf2onnx", _EXTRAS)
    need("tensorflow", _EXTRAS)
    if cache is None:
        return _convert(model)
    digest = hashlib.sha256(f"{metadata.version('tf2onnx')} {OPSET};".encode() + model)
    path = cache.expanduser() / f"{digest.hexdigest()[:32]}.onnx"
    if not path.exists():
        ConversionCache(cache).store(path, _convert(model))
    return path.read_bytes()


def _convert(model: bytes) -> bytes:
    with TemporaryDirectory(prefix="edge-bench-") as folder:
        source, made = Path(folder) / "part.tflite", Path(folder) / "part.onnx"
        source.write_bytes(model)
        program = [sys.executable, "-m", "tf2onnx.convert", "--opset", str(OPSET)]
        run_converter([*program, "--tflite", str(source), "--output", str(made)], made)
        return made.read_bytes()


def run_converter(command: list[str], made: Path) -> None:
    """Run a command that makes a file; EngineError where it does not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"tf2onnx gave no result in {_TIMEOUT_S} s") from error
    if done.returncode != 0 or not made.exists():
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EngineError(f"tf2onnx does not convert the part ({reason[:200]})")
