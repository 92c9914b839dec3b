"""TFLite's runtimes and precisions by name, for whoever lists them without loading any.

A new runtime is a line here, best first.
"""

# name -> (distribution, module that holds Interpreter, load_delegate and OpResolverType)
RUNTIMES = {
    "litert": ("ai-edge-litert", "ai_edge_litert.interpreter"),
    "tflite-runtime": ("tflite-runtime", "tflite_runtime.interpreter"),
    "tensorflow": ("tensorflow", "tensorflow.lite.python.interpreter"),
}
DISTRIBUTIONS = tuple(distribution for distribution, _ in RUNTIMES.values())

PRECISIONS = ("int8", "int16x8", "dynamic_range", "float16", "float32")  # of a bundle's part
