"""The same part in other engines, if they are installed (`pip install '.[engines]'`)."""

from edge_benchmarks.inside.engines import interface, onnx_runtime, open_vino

# another engine is a file beside these and a line here: name -> how it loads a .tflite
OTHER_ENGINES: dict[str, interface.Make] = {
    "openvino": open_vino.openvino_engine,
    "onnxruntime": onnx_runtime.onnx_engine,
}
