"""The child process that runs TFLite's own converter over a saved model.

Run as `python -m edge_convert.precision.converter_worker MODEL OUTPUT.tflite [EXAMPLES.npy]`, where
MODEL is a .keras file or a SavedModel folder: float32, or with examples (n, ...) of its only
input int8. It stands alone because the converter may end its process, and because its memory
is given back only at exit.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge_common.files import write_whole


def main(model_path: str, output: str, examples: str = "") -> None:
    """Write the .tflite under its name once it is whole."""
    import tensorflow as tf

    converter = _converter(tf, Path(model_path))
    if examples:
        _to_int8(tf, converter, np.load(examples))
    write_whole(Path(output), converter.convert())


def _converter(tf: Any, path: Path) -> Any:
    if path.is_dir():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
        converter.exclude_conversion_metadata = True  # two copies of the file fewer in memory
        return converter
    import keras

    return tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(path, compile=False))


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
