"""The child process that runs TFLite's own converter over a saved Keras model.

Run as `python -m convert.precision.converter_worker MODEL.keras OUTPUT.tflite [EXAMPLES.npy]`:
float32, or with examples (n, ...) of its only input int8. It stands alone because the
converter may end its process, and because its memory is given back only at exit.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def main(model_path: str, output: str, examples: str = "") -> None:
    """Write the .tflite under its name once it is whole."""
    import keras
    import tensorflow as tf

    model = keras.models.load_model(model_path, compile=False)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if examples:
        _to_int8(tf, converter, np.load(examples))
    partial = Path(output).with_suffix(".partial")
    partial.write_bytes(converter.convert())
    partial.rename(output)


def _to_int8(tf: Any, converter: Any, examples: np.ndarray) -> None:
    """As TFLite's guide to post-training quantisation does it."""

    def representative() -> Iterator[list[np.ndarray]]:
        return ([example[None]] for example in examples)

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8


if __name__ == "__main__":
    main(*sys.argv[1:])
