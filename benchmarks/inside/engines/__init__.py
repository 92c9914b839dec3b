"""The same part in other engines, if they are installed (`pip install 'edge-run[engines]'`)."""

from edge_benchmarks.inside.engines.interface import Agreement, Make, OtherEngine, agreement
from edge_benchmarks.inside.engines.onnx_runtime import onnx_engine, to_onnx
from edge_benchmarks.inside.engines.open_vino import openvino_engine

# another engine is a file beside these and a line here: name -> how it loads a .tflite
OTHER_ENGINES: dict[str, Make] = {"openvino": openvino_engine, "onnxruntime": onnx_engine}

__all__ = [
    "OTHER_ENGINES",
    "Agreement",
    "Make",
    "OtherEngine",
    "agreement",
    "onnx_engine",
    "openvino_engine",
    "to_onnx",
]
