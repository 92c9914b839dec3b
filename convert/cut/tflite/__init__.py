"""Where a float32 .tflite can be cut, and its parts as .tflite."""
