"""Networks of other libraries, brought to float32 .tflite: SavedModel, ONNX, PyTorch, TFLite."""

from edge_convert.sources.libraries import SUFFIXES, FloatModel, float_tflite

__all__ = ["SUFFIXES", "FloatModel", "float_tflite"]
