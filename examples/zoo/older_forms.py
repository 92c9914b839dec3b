"""SavedModels, files of Keras 2, and networks with code of their authors' own."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import keras
from keras import layers

from examples.zoo.keras_forms import Over, backbone, custom, keras_2, saved_model, settled


def _cnn_lstm(keras_module: Any, window: int, size: int, answers: int, cell: str = "LSTM") -> Any:
    """Of Keras 3 or Keras 2, whose layers are called alike."""
    make, frames = keras_module.layers, keras_module.Input((window, size, size, 3))
    x = make.Rescaling(1 / 255)(frames)
    for filters in (16, 24, 32):
        x = make.TimeDistributed(make.Conv2D(filters, 3, 2, padding="same", activation="relu"))(x)
    x = make.TimeDistributed(make.GlobalAveragePooling2D())(x)
    x = getattr(make, cell)(32)(x)
    return keras_module.Model(frames, make.Dense(answers, activation="softmax", name="action")(x))


@saved_model("TensorFlow's exported models: CNN + LSTM", 8, 64, 64, 3)
def exported_cnn_lstm() -> keras.Model:
    return _cnn_lstm(keras, 8, 64, 6)


@saved_model("the same on a MobileNetV2 and a GRU", 8, 64, 64, 3)
def exported_mobilenet_gru() -> keras.Model:
    frames = keras.Input((8, 64, 64, 3))
    x = Over(backbone("MobileNetV2", 64, alpha=0.5))(layers.Rescaling(1 / 127.5, -1)(frames))
    x = layers.GRU(32)(Over(layers.GlobalAveragePooling2D())(x))
    return keras.Model(frames, layers.Dense(8, "softmax", name="action")(x))


@keras_2("CNN + LSTM notebooks up to TensorFlow 2.15, model.h5", 10, 64, 64, 3)
def keras_2_cnn_lstm() -> Any:
    import tf_keras

    return _cnn_lstm(tf_keras, 10, 64, 6)


@keras_2("the same, model.keras of that time, GRU", 10, 64, 64, 3, suffix=".keras")
def keras_2_cnn_gru() -> Any:
    import tf_keras

    return _cnn_lstm(tf_keras, 10, 64, 6, "GRU")


@keras_2("ConvLSTM of TensorFlow 2.8's time, model.h5", 8, 32, 32, 3)
def keras_2_conv_lstm() -> Any:
    import tf_keras

    make, frames = tf_keras.layers, tf_keras.Input((8, 32, 32, 3))
    x = make.ConvLSTM2D(8, 3, return_sequences=True)(make.Rescaling(1 / 255)(frames))
    x = make.Flatten()(make.MaxPooling3D((1, 2, 2))(x))
    return tf_keras.Model(frames, make.Dense(6, activation="softmax", name="action")(x))


@keras_2("MobileNetV2 + BiLSTM of that time, model.h5", 8, 64, 64, 3)
def keras_2_mobilenet_bilstm() -> Any:
    import tf_keras

    make, frames = tf_keras.layers, tf_keras.Input((8, 64, 64, 3))
    network = tf_keras.applications.MobileNetV2(
        (64, 64, 3), alpha=0.35, include_top=False, weights=None
    )
    x = make.TimeDistributed(settled(network, 64))(make.Rescaling(1 / 127.5, -1)(frames))
    x = make.TimeDistributed(make.Flatten())(x)
    x = make.Bidirectional(make.LSTM(16))(x)
    return tf_keras.Model(frames, make.Dense(5, activation="softmax", name="violence")(x))


ATTENTION = '''\
import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class FrameAttention(keras.layers.Layer):
    """Bahdanau's, over the frames of a window."""

    def __init__(self, units=32, **options):
        super().__init__(**options)
        self.units = units

    def build(self, shape):
        self.hidden = self.add_weight(shape=(shape[-1], self.units), name="hidden")
        self.score = self.add_weight(shape=(self.units, 1), name="score")

    def call(self, x):
        share = ops.softmax(ops.tanh(x @ self.hidden) @ self.score, axis=1)
        return ops.sum(share * x, axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
'''
SWISH = """\
import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
def mish(x):
    return x * ops.tanh(ops.softplus(x))
"""


def _module(name: str, text: str) -> tuple[Path, dict[str, Any]]:
    """As the author has it on disk, and what is in it."""
    path = Path(mkdtemp()) / f"{name}.py"
    content: dict[str, Any] = {}
    path.write_text(text)
    exec(compile(text, str(path), "exec"), content)
    return path, content


def _over_frames(window: int, activation: Any = "relu") -> tuple[Any, Any]:
    frames = keras.Input((window, 48, 48, 3))
    x = layers.Rescaling(1 / 255)(frames)
    for filters in (16, 24):
        x = Over(layers.Conv2D(filters, 3, 2, padding="same", activation=activation))(x)
    return frames, Over(layers.GlobalAveragePooling2D())(x)


@custom("an attention layer of one's own behind an LSTM", 8, 48, 48, 3)
def own_attention() -> tuple[keras.Model, Path]:
    path, content = _module("attention", ATTENTION)
    frames, x = _over_frames(8)
    x = content["FrameAttention"](24)(layers.LSTM(24, return_sequences=True)(x))
    return keras.Model(frames, layers.Dense(6, "softmax", name="action")(x)), path


@custom("an activation of one's own (Mish)", 8, 48, 48, 3)
def own_activation() -> tuple[keras.Model, Path]:
    path, content = _module("activations", SWISH)
    frames, x = _over_frames(8, content["mish"])
    return keras.Model(frames, layers.Dense(6, "softmax", name="action")(layers.GRU(24)(x))), path


@custom("a Lambda between a GRU and the frames", 8, 48, 48, 3)
def own_lambda() -> tuple[keras.Model, Path]:
    path, _ = _module("lambdas", "# a Lambda carries its code in the file\n")
    frames, x = _over_frames(8)
    x = layers.Lambda(lambda features: features * 2.0 - 1.0)(x)
    return keras.Model(frames, layers.Dense(6, "softmax", name="action")(layers.GRU(24)(x))), path
