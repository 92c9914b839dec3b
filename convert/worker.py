"""The child process that turns a saved Keras model into .tflite files.

Run as `python -m convert.worker JOB.json`. It stands alone because the converter
may end its process (calibrating a recurrent loop is known to), and because its
memory is given back only at exit.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def main(job_path: str) -> None:
    """Convert a saved model in each wanted precision; one .tflite each, as soon as it is done."""
    import keras
    import tensorflow as tf

    job = json.loads(Path(job_path).read_text())
    model = keras.models.load_model(job["model"], compile=False)
    for wanted in job["conversions"]:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        configure(converter, wanted["precision"], wanted["calibration"])
        partial = Path(wanted["output"]).with_suffix(".partial")
        partial.write_bytes(converter.convert())
        partial.rename(wanted["output"])


def configure(converter: Any, precision: str, calibration: str | None) -> None:
    """Set a TFLiteConverter to one of the project's precisions."""
    import tensorflow as tf

    if precision == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # per-channel weights of dense layers need a kernel that tflite-runtime 2.14 lacks
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision in ("int8", "int16x8"):
        converter.representative_dataset = lambda: examples(calibration)
        converter.target_spec.supported_ops = [_integer_ops(tf, precision)]
    if precision == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8


def examples(calibration: str | None) -> Iterator[dict[str, np.ndarray]]:
    """One dict an example: lists are silently re-ordered by the converter."""
    with np.load(calibration) as arrays:
        inputs = {name: arrays[name] for name in arrays.files}
    for index in range(len(next(iter(inputs.values())))):
        yield {name: values[index : index + 1] for name, values in inputs.items()}


def _integer_ops(tf: Any, precision: str) -> Any:
    if precision == "int8":
        return tf.lite.OpsSet.TFLITE_BUILTINS_INT8
    return tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


if __name__ == "__main__":
    main(sys.argv[1])
