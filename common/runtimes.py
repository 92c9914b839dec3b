"""The TFLite runtimes that may be installed, best first: a new one is a line here."""

# name -> (distribution, module that holds Interpreter, load_delegate and OpResolverType)
RUNTIMES = {
    "litert": ("ai-edge-litert", "ai_edge_litert.interpreter"),
    "tflite-runtime": ("tflite-runtime", "tflite_runtime.interpreter"),
    "tensorflow": ("tensorflow", "tensorflow.lite.python.interpreter"),
}
DISTRIBUTIONS = tuple(distribution for distribution, _ in RUNTIMES.values())
