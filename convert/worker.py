"""The child process that turns a saved Keras model into a float32 .tflite.

Run as `python -m convert.worker MODEL.keras OUTPUT.tflite`. It stands alone because the
converter may end its process, and because its memory is given back only at exit.
"""

import sys
from pathlib import Path


def main(model_path: str, output: str) -> None:
    """Write the .tflite under its name once it is whole."""
    import keras
    import tensorflow as tf

    model = keras.models.load_model(model_path, compile=False)
    partial = Path(output).with_suffix(".partial")
    partial.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    partial.rename(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
