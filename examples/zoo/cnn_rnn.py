"""Frames through a network of pictures, their features through a recurrent one: the usual recipe."""

from typing import Any

import keras
from keras import layers, ops

from examples.zoo.keras_forms import Over, backbone, whole


def _pooled(name: str, window: int, size: int, is_scaled: bool = False) -> tuple[Any, Any]:
    """The window, and what the trunk sees of each of its frames, averaged over the picture.

    is_scaled: whether the trunk scales pixels itself, as those of the newer kinds do.
    """
    frames = keras.Input((window, size, size, 3))
    pixels = frames if is_scaled else layers.Rescaling(1 / 127.5, -1)(frames)
    return frames, Over(layers.GlobalAveragePooling2D())(Over(backbone(name, size))(pixels))


def _recurrent(name: str, window: int, size: int, over_time: Any, answers: int) -> keras.Model:
    frames, x = _pooled(name, window, size)
    return keras.Model(frames, layers.Dense(answers, "softmax", name="action")(over_time(x)))


@whole("bleedai.com, human activity recognition, LRCN on UCF50", 20, 64, 64, 3)
def ucf50_lrcn() -> keras.Model:
    steps: list[Any] = [keras.Input((20, 64, 64, 3))]
    for filters, pool in ((16, 4), (32, 4), (64, 2), (64, 2)):
        steps += [
            Over(layers.Conv2D(filters, 3, padding="same", activation="relu")),
            Over(layers.MaxPooling2D(pool)),
            Over(layers.Dropout(0.25)),
        ]
    steps += [Over(layers.Flatten()), layers.LSTM(32), layers.Dense(50, "softmax", name="action")]
    return keras.Sequential(steps)


@whole("violence detection notebooks on Kaggle, MobileNetV2 + BiLSTM", 16, 64, 64, 3)
def violence_mobilenet_v2_bilstm() -> keras.Model:
    frames = keras.Input((16, 64, 64, 3))
    x = Over(backbone("MobileNetV2", 64))(layers.Rescaling(1 / 255)(frames))
    x = Over(layers.Flatten())(layers.Dropout(0.25)(x))
    x = layers.Bidirectional(layers.LSTM(32), backward_layer=layers.LSTM(32, go_backwards=True))(x)
    for width in (256, 128, 64, 32):
        x = layers.Dropout(0.25)(layers.Dense(width, "relu")(x))
    return keras.Model(frames, layers.Dense(5, "softmax", name="violence")(x))


@whole("video classification with VGG16 + LSTM, many repositories on UCF101", 10, 64, 64, 3)
def vgg16_lstm() -> keras.Model:
    return _recurrent("VGG16", 10, 64, layers.LSTM(64), 101)


@whole("action recognition with ResNet50 + LSTM, UCF101 repositories", 8, 64, 64, 3)
def resnet50_lstm() -> keras.Model:
    return _recurrent("ResNet50", 8, 64, layers.LSTM(128), 101)


@whole("deepfake detection, Xception + LSTM, FaceForensics++ repositories", 8, 96, 96, 3)
def deepfake_xception_lstm() -> keras.Model:
    return _recurrent("Xception", 8, 96, layers.LSTM(64), 5)


@whole("InceptionV3 + GRU in one file, as keras.io's CNN-RNN but whole", 8, 96, 96, 3)
def inception_v3_gru() -> keras.Model:
    def over_time(x: Any) -> Any:
        return layers.Dense(8, "relu")(layers.GRU(8)(layers.GRU(16, return_sequences=True)(x)))

    return _recurrent("InceptionV3", 8, 96, over_time, 5)


@whole("driver distraction, DenseNet121 + GRU", 8, 64, 64, 3)
def distraction_densenet121_gru() -> keras.Model:
    return _recurrent("DenseNet121", 8, 64, layers.GRU(64), 10)


@whole("sign language, EfficientNetB0 + LSTM, WLASL repositories", 12, 64, 64, 3)
def signs_efficientnet_b0_lstm() -> keras.Model:
    frames, x = _pooled("EfficientNetB0", 12, 64, is_scaled=True)
    x = layers.LSTM(64)(layers.LSTM(64, return_sequences=True)(x))
    return keras.Model(frames, layers.Dense(100, "softmax", name="sign")(x))


@whole("gestures, MobileNetV3 small + GRU, 20BN-Jester repositories", 8, 96, 96, 3)
def jester_mobilenet_v3_small_gru() -> keras.Model:
    frames, x = _pooled("MobileNetV3Small", 8, 96, is_scaled=True)
    x = layers.GRU(64)(x)
    return keras.Model(frames, layers.Dense(27, "softmax", name="gesture")(x))


@whole("falls, MobileNetV3 large + LSTM, URFD repositories", 8, 96, 96, 3)
def falls_mobilenet_v3_large_lstm() -> keras.Model:
    frames, x = _pooled("MobileNetV3Large", 8, 96, is_scaled=True)
    x = layers.LSTM(32)(x)
    return keras.Model(frames, layers.Dense(1, "sigmoid", name="fall")(x))


@whole("NASNetMobile + LSTM, exercise counting repositories", 6, 96, 96, 3)
def exercise_nasnet_lstm() -> keras.Model:
    return _recurrent("NASNetMobile", 6, 96, layers.LSTM(32), 10)


@whole("EfficientNetV2B0 + transformer encoder, Kaggle's sign language kernels", 8, 96, 96, 3)
def signs_efficientnet_v2_transformer() -> keras.Model:
    frames, x = _pooled("EfficientNetV2B0", 8, 96, is_scaled=True)
    x = layers.Dense(64)(x)
    attended = layers.MultiHeadAttention(4, 16)(x, x)
    x = layers.LayerNormalization()(x + attended)
    x = layers.LayerNormalization()(x + layers.Dense(64)(layers.Dense(128, "gelu")(x)))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(frames, layers.Dense(26, "softmax", name="sign")(x))


@whole("ConvNeXtTiny and attention pooling over frames", 6, 64, 64, 3)
def convnext_attention() -> keras.Model:
    frames, x = _pooled("ConvNeXtTiny", 6, 64, is_scaled=True)
    share = layers.Softmax(axis=1)(layers.Dense(1)(layers.Dense(64, "tanh")(x)))
    x = ops.sum(share * x, axis=1)
    return keras.Model(frames, layers.Dense(10, "softmax", name="action")(x))


@whole("drowsiness from grey eyes, small CNN + LSTM", 16, 48, 48, 1)
def drowsiness_grey_cnn_lstm() -> keras.Model:
    frames = keras.Input((16, 48, 48, 1))
    x = layers.Rescaling(1 / 255)(frames)
    for filters in (16, 32, 64):
        x = Over(layers.MaxPooling2D())(Over(layers.Conv2D(filters, 3, activation="relu"))(x))
    x = layers.LSTM(32)(Over(layers.Flatten())(x))
    return keras.Model(frames, layers.Dense(1, "sigmoid", name="drowsy")(x))


@whole(
    "the thesis' kind: action and person at once, spatial attention, LSTM and self-attention",
    8,
    64,
    64,
    3,
)
def several_tasks_attention_lstm() -> keras.Model:
    frames = keras.Input((8, 64, 64, 3))
    maps = Over(backbone("EfficientNetB0", 64))(frames)
    share = Over(layers.Conv2D(1, 1, activation="sigmoid"))(maps)
    x = Over(layers.GlobalAveragePooling2D())(layers.Multiply()([maps, share]))
    x = layers.LSTM(64, return_sequences=True)(x)
    x = layers.Flatten()(layers.Attention()([x, x]))
    return keras.Model(
        frames,
        {"action": layers.Dense(6, "softmax")(x), "person": layers.Dense(20, "softmax")(x)},
    )


@whole("MobileNet + temporal convolutions (keras-tcn's kind)", 12, 64, 64, 3)
def mobilenet_tcn() -> keras.Model:
    frames = keras.Input((12, 64, 64, 3))
    x = Over(backbone("MobileNet", 64, alpha=0.5))(layers.Rescaling(1 / 127.5, -1)(frames))
    x = layers.Dense(48)(Over(layers.GlobalAveragePooling2D())(x))
    for dilation in (1, 2, 4):
        y = layers.Conv1D(48, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = layers.Add()([x, layers.Conv1D(48, 3, padding="causal", dilation_rate=dilation)(y)])
    return keras.Model(frames, layers.Dense(8, "softmax", name="move")(x[:, -1]))
