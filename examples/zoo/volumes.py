"""Networks that look over time from the first layers on: 3D convolutions, ConvLSTM, shifts, tubelets."""

from typing import Any

import keras
from keras import layers, ops

from examples.zoo.keras_forms import Over, backbone, settled, whole


@whole("bleedai.com, human activity recognition, ConvLSTM on UCF50", 20, 64, 64, 3)
def ucf50_conv_lstm() -> keras.Model:
    steps: list[Any] = [keras.Input((20, 64, 64, 3))]
    for filters in (4, 8, 14, 16):
        steps += [
            layers.ConvLSTM2D(
                filters, 3, activation="tanh", recurrent_dropout=0.2, return_sequences=True
            ),
            layers.MaxPooling3D((1, 2, 2), padding="same"),
            Over(layers.Dropout(0.2)),
        ]
    steps[-1:] = [layers.Flatten(), layers.Dense(50, "softmax", name="action")]
    return keras.Sequential(steps)


@whole("Tran et al., C3D, as UCF101 repositories have it", 16, 56, 56, 3)
def c3d() -> keras.Model:
    frames = keras.Input((16, 56, 56, 3))
    x = layers.Rescaling(1 / 255)(frames)
    for filters, pool in ((16, (1, 2, 2)), (32, 2), (64, 2), (64, 2)):
        x = layers.Conv3D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling3D(pool)(x)
    x = layers.Dense(128, "relu")(layers.Flatten()(x))
    return keras.Model(frames, layers.Dense(101, "softmax", name="action")(x))


@whole("gestures, small 3D network on 20BN-Jester", 12, 48, 48, 3)
def jester_conv3d_bn() -> keras.Model:
    frames = keras.Input((12, 48, 48, 3))
    x = layers.Rescaling(1 / 255)(frames)
    for filters in (16, 32, 48):
        x = layers.Conv3D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling3D(2)(layers.ELU()(layers.BatchNormalization()(x)))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling3D()(x))
    return keras.Model(frames, layers.Dense(27, "softmax", name="gesture")(x))


def _mixed(x: Any, filters: int) -> Any:
    """Inception's four ways, over volumes."""
    ways = [layers.Conv3D(filters, 1, activation="relu")(x)]
    for size in (3, 3):
        way = layers.Conv3D(filters // 2, 1, activation="relu")(x)
        ways.append(layers.Conv3D(filters, size, padding="same", activation="relu")(way))
    pooled = layers.MaxPooling3D(3, 1, padding="same")(x)
    ways.append(layers.Conv3D(filters // 2, 1, activation="relu")(pooled))
    return layers.Concatenate()(ways)


@whole("Carreira and Zisserman, I3D, shortened", 16, 64, 64, 3)
def i3d_short() -> keras.Model:
    frames = keras.Input((16, 64, 64, 3))
    x = layers.Rescaling(1 / 127.5, -1)(frames)
    x = layers.Conv3D(16, 7, 2, padding="same", activation="relu")(x)
    x = layers.MaxPooling3D((1, 3, 3), (1, 2, 2), padding="same")(x)
    x = layers.MaxPooling3D(3, 2, padding="same")(_mixed(_mixed(x, 16), 16))
    x = layers.AveragePooling3D((4, 8, 8))(_mixed(x, 24))
    x = layers.Conv3D(51, 1)(layers.Dropout(0.5)(x))
    return keras.Model(frames, layers.Softmax(name="action")(layers.Flatten()(x)))


def _space_and_time(x: Any, filters: int, stride: int = 1) -> Any:
    """TensorFlow's Conv2Plus1D, with a residual."""
    y = x
    for step in (stride, 1):
        y = layers.Conv3D(filters, (1, 3, 3), (1, step, step), padding="same")(y)
        y = layers.Conv3D(filters, (3, 1, 1), padding="same")(y)
        y = layers.ReLU()(layers.LayerNormalization()(y))
    if stride > 1 or x.shape[-1] != filters:
        x = layers.LayerNormalization()(layers.Conv3D(filters, 1, (1, stride, stride))(x))
    return layers.Add()([x, y])


@whole("tensorflow.org, video classification with a 3D network, (2+1)D", 10, 64, 64, 3)
def tensorflow_r2plus1d() -> keras.Model:
    frames = keras.Input((10, 64, 64, 3))
    x = layers.Conv3D(16, (1, 7, 7), (1, 2, 2), padding="same")(layers.Rescaling(1 / 255)(frames))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv3D(16, (3, 1, 1), padding="same")(x)))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        x = _space_and_time(x, filters, stride)
    x = layers.Flatten()(layers.GlobalAveragePooling3D()(x))
    return keras.Model(frames, layers.Dense(10, name="action")(x))


@whole("Feichtenhofer et al., SlowFast: one clip at two rates", 16, 64, 64, 3)
def slow_fast() -> keras.Model:
    frames = keras.Input((16, 64, 64, 3))
    scaled = layers.Rescaling(1 / 255)(frames)
    slow, fast = scaled[:, ::4], scaled
    for filters in (16, 32):
        slow = layers.Conv3D(filters, (1, 3, 3), (1, 2, 2), padding="same", activation="relu")(slow)
        fast = layers.Conv3D(filters // 4, 3, (1, 2, 2), padding="same", activation="relu")(fast)
        side = layers.Conv3D(filters // 2, (5, 1, 1), (4, 1, 1), padding="same")(fast)
        slow = layers.Concatenate()([slow, side])
    streams = [layers.GlobalAveragePooling3D()(way) for way in (slow, fast)]
    x = layers.Concatenate()(streams)
    return keras.Model(frames, layers.Dense(60, "softmax", name="action")(x))


@whole("Lin et al., TSM: channels of a MobileNet's maps are shifted in time", 8, 64, 64, 3)
def temporal_shift() -> keras.Model:
    frames = keras.Input((8, 64, 64, 3))
    x = Over(layers.Conv2D(16, 3, 2, padding="same", activation="relu"))(
        layers.Rescaling(1 / 255)(frames)
    )
    for filters in (24, 32, 48):
        eighth = x.shape[-1] // 8
        still = ops.zeros_like(x[:, :1, ..., :eighth])
        back = ops.concatenate([x[:, 1:, ..., :eighth], still], 1)
        forth = ops.concatenate([still, x[:, :-1, ..., eighth : 2 * eighth]], 1)
        x = ops.concatenate([back, forth, x[..., 2 * eighth :]], -1)
        x = Over(layers.DepthwiseConv2D(3, 2, padding="same", activation="relu"))(x)
        x = Over(layers.Conv2D(filters, 1, activation="relu"))(x)
    x = Over(layers.GlobalAveragePooling2D())(x)
    x = layers.GlobalAveragePooling1D()(layers.Dense(27)(x))
    return keras.Model(frames, layers.Softmax(name="gesture")(x))


@whole("the same, looking back alone, as TSM's online form", 8, 64, 64, 3)
def temporal_shift_online() -> keras.Model:
    frames = keras.Input((8, 64, 64, 3))
    x = Over(layers.Conv2D(16, 3, 2, padding="same", activation="relu"))(
        layers.Rescaling(1 / 255)(frames)
    )
    for filters in (24, 32):
        eighth = x.shape[-1] // 8
        still = ops.zeros_like(x[:, :1, ..., :eighth])
        forth = ops.concatenate([still, x[:, :-1, ..., :eighth]], 1)
        x = ops.concatenate([forth, x[..., eighth:]], -1)
        x = Over(layers.Conv2D(filters, 3, 2, padding="same", activation="relu"))(x)
    x = Over(layers.GlobalAveragePooling2D())(x)[:, -1]
    return keras.Model(frames, layers.Dense(27, "softmax", name="gesture")(x))


@whole("keras.io, video vision transformer over tubelets", 16, 32, 32, 1)
def video_vision_transformer() -> keras.Model:
    frames = keras.Input((16, 32, 32, 1))
    x = layers.Conv3D(48, 8, 8)(layers.Rescaling(1 / 255)(frames))
    x = layers.Reshape((-1, 48))(x)
    x = x + layers.Embedding(32, 48)(ops.arange(32))
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = x + layers.MultiHeadAttention(4, 12)(y, y)
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = x + layers.Dense(48, "gelu")(layers.Dense(192, "gelu")(y))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return keras.Model(frames, layers.Dense(11, "softmax", name="organ")(x))


@whole("lip reading, LipNet: volumes, then two GRUs, a letter a frame", 12, 32, 64, 3)
def lipnet() -> keras.Model:
    frames = keras.Input((12, 32, 64, 3))
    x = layers.Rescaling(1 / 255)(frames)
    for filters in (16, 32, 48):
        x = layers.Conv3D(filters, (3, 5, 5), (1, 2, 2), padding="same", activation="relu")(x)
    x = Over(layers.Flatten())(x)
    for _ in range(2):
        x = layers.Bidirectional(layers.GRU(32, return_sequences=True))(x)
    return keras.Model(frames, layers.Dense(28, "softmax", name="letters")(x))


@whole("pictures first, time only at the end: 2D network, then one 3D convolution", 8, 64, 64, 3)
def frames_then_volume() -> keras.Model:
    frames = keras.Input((8, 64, 64, 3))
    x = Over(backbone("MobileNetV2", 64, alpha=0.35))(layers.Rescaling(1 / 127.5, -1)(frames))
    x = layers.Conv3D(32, (3, 1, 1), activation="relu")(x)
    x = layers.GlobalMaxPooling3D()(x)
    return keras.Model(frames, layers.Dense(10, "softmax", name="action")(x))


@whole("temporal segment network: answers of frames, averaged", 6, 64, 64, 3)
def segments_averaged() -> keras.Model:
    frames = keras.Input((6, 64, 64, 3))
    inner = keras.Input((64, 64, 3))
    x = inner
    for filters in (16, 24, 32):
        x = layers.Conv2D(filters, 3, 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(20)(layers.GlobalAveragePooling2D()(x))
    each = settled(keras.Model(inner, x, name="segment"), 64)
    each.trainable = True
    x = ops.mean(Over(each)(frames), axis=1)
    return keras.Model(frames, layers.Softmax(name="action")(x))
