"""Networks over features: beside an extractor in a file of its own, or over what is no picture."""

from typing import Any

import keras
from keras import layers

from examples.zoo.keras_forms import backbone, features, two_files


def _extractor(name: str, size: int, **options: Any) -> keras.Model:
    picture = keras.Input((size, size, 3))
    scaled = layers.Rescaling(1 / 127.5, -1)(picture)
    return keras.Model(
        picture, layers.GlobalAveragePooling2D()(backbone(name, size, **options)(scaled))
    )


@two_files(
    "keras.io, video classification with a CNN-RNN: InceptionV3, GRUs and a mask", 20, 96, 96, 3
)
def keras_io_cnn_rnn() -> tuple[keras.Model, keras.Model]:
    vectors, mask = keras.Input((20, 2048)), keras.Input((20,), dtype="bool")
    x = layers.GRU(16, return_sequences=True)(vectors, mask=mask)
    x = layers.Dropout(0.4)(layers.GRU(8)(x))
    x = layers.Dense(5, "softmax", name="action")(layers.Dense(8, "relu")(x))
    return _extractor("InceptionV3", 96), keras.Model([vectors, mask], x)


@two_files(
    "keras.io, video classification with transformers: DenseNet121's features", 20, 64, 64, 3
)
def keras_io_video_transformer() -> tuple[keras.Model, keras.Model]:
    vectors = keras.Input((20, 1024))
    x = layers.Dense(64)(vectors)
    attended = layers.MultiHeadAttention(1, 64, dropout=0.3)(x, x)
    x = layers.LayerNormalization()(x + attended)
    x = layers.LayerNormalization()(x + layers.Dense(64)(layers.Dense(4, "gelu")(x)))
    x = layers.Dropout(0.5)(layers.GlobalMaxPooling1D()(x))
    return _extractor("DenseNet121", 64), keras.Model(
        vectors, layers.Dense(5, "softmax", name="action")(x)
    )


@two_files(
    "five video classification methods (M. Harvey's repository): CNN features, then an LSTM",
    16,
    96,
    96,
    3,
)
def extracted_then_lstm() -> tuple[keras.Model, keras.Model]:
    vectors = keras.Input((16, 1280))
    x = layers.Dense(64, "relu")(layers.LSTM(64)(vectors))
    extractor = _extractor("MobileNetV2", 96)
    return extractor, keras.Model(vectors, layers.Dense(7, "softmax", name="action")(x))


@two_files("the same with a multi-layer perceptron over all frames' features", 16, 64, 64, 3)
def extracted_then_mlp() -> tuple[keras.Model, keras.Model]:
    vectors = keras.Input((16, 512))
    x = layers.Dense(64, "relu")(layers.Flatten()(vectors))
    head = keras.Model(vectors, layers.Dense(7, "softmax", name="action")(layers.Dropout(0.5)(x)))
    return _extractor("VGG16", 64), head


@features("sign language by MediaPipe's key points, three LSTMs (N. Renotte)", 30, 1662)
def holistic_lstm() -> keras.Model:
    return keras.Sequential([
        keras.Input((30, 1662)),
        layers.LSTM(64, return_sequences=True, activation="relu"),
        layers.LSTM(128, return_sequences=True, activation="relu"),
        layers.LSTM(64, activation="relu"),
        layers.Dense(64, "relu"),
        layers.Dense(32, "relu"),
        layers.Dense(5, "softmax", name="sign"),
    ])  # fmt: skip


@features("human activity by accelerometers, UCI HAR: convolutions over time", 128, 9)
def har_conv1d() -> keras.Model:
    return keras.Sequential([
        keras.Input((128, 9)),
        layers.Conv1D(64, 3, activation="relu"),
        layers.Conv1D(64, 3, activation="relu"),
        layers.Dropout(0.5),
        layers.MaxPooling1D(2),
        layers.Flatten(),
        layers.Dense(100, "relu"),
        layers.Dense(6, "softmax", name="activity"),
    ])  # fmt: skip


@features("human activity by accelerometers, an LSTM", 128, 9)
def har_lstm() -> keras.Model:
    return keras.Sequential([
        keras.Input((128, 9)),
        layers.LSTM(100),
        layers.Dropout(0.5),
        layers.Dense(100, "relu"),
        layers.Dense(6, "softmax", name="activity"),
    ])  # fmt: skip


@features("falls by the 17 key points of a pose, two GRUs", 30, 51)
def pose_gru() -> keras.Model:
    vectors = keras.Input((30, 51))
    x = layers.GRU(32)(layers.GRU(64, return_sequences=True)(layers.BatchNormalization()(vectors)))
    return keras.Model(vectors, layers.Dense(1, "sigmoid", name="fall")(x))


@features("isolated signs, first place of Kaggle's ASL: convolutions and a transformer", 32, 118)
def asl_conv_transformer() -> keras.Model:
    vectors = keras.Input((32, 118))
    x = layers.BatchNormalization()(layers.Dense(96, use_bias=False)(vectors))
    for _ in range(2):
        y = layers.Dense(192, "silu")(x)
        y = layers.DepthwiseConv1D(7, padding="same", use_bias=False)(y)
        y = layers.Dense(96)(layers.BatchNormalization()(y))
        x = layers.Add()([x, y])
    y = layers.BatchNormalization()(x)
    x = x + layers.MultiHeadAttention(4, 24)(y, y)
    x = layers.GlobalAveragePooling1D()(layers.Dense(192)(x))
    return keras.Model(vectors, layers.Dense(250, "softmax", name="sign")(x))
