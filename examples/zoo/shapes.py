"""What is unusual in what goes in or comes out: masks, maps, points, two frames, other channels."""

from typing import Any

import keras
from keras import layers, ops

from examples.zoo.keras_forms import Over, backbone, whole


def _small(x: Any, filters: tuple[int, ...]) -> Any:
    for count in filters:
        x = Over(layers.Conv2D(count, 3, 2, padding="same", activation="relu"))(x)
    return x


def _maps(name: str, **more: Any) -> dict[str, Any]:
    return {name: {"kind": "map", **more}}


@whole(
    "keras.io, next-frame prediction with ConvLSTM", 8, 32, 32, 1,
    tasks=_maps("next", per_frame=True),
)  # fmt: skip
def next_frame_conv_lstm() -> keras.Model:
    frames = keras.Input((8, 32, 32, 1))
    x = layers.Rescaling(1 / 255)(frames)
    for size in (5, 3, 1):
        x = layers.ConvLSTM2D(12, size, padding="same", return_sequences=True, activation="relu")(x)
        x = layers.BatchNormalization()(x)
    x = layers.Conv3D(1, 3, padding="same", activation="sigmoid")(x)
    return keras.Model(frames, layers.Rescaling(1.0, name="next")(x))


@whole(
    "anomalies, ConvLSTM autoencoder of Avenue and UCSD repositories", 8, 48, 48, 1,
    tasks=_maps("again", per_frame=True),
)  # fmt: skip
def anomaly_conv_lstm_autoencoder() -> keras.Model:
    frames = keras.Input((8, 48, 48, 1))
    x = layers.Rescaling(1 / 255)(frames)
    for filters, size, stride in ((24, 11, 4), (16, 5, 2)):
        x = Over(layers.Conv2D(filters, size, stride, padding="same", activation="relu"))(x)
    for filters in (16, 8, 16):
        x = layers.ConvLSTM2D(filters, 3, padding="same", return_sequences=True)(x)
    x = Over(layers.Conv2DTranspose(24, 5, 2, padding="same", activation="relu"))(x)
    x = Over(layers.Conv2DTranspose(1, 11, 4, padding="same", activation="sigmoid"), name="again")(
        x
    )
    return keras.Model(frames, x)


@whole(
    "key points of the newest frame, heat maps as small pictures", 4, 64, 64, 3,
    tasks={"joints": {"kind": "heat-map"}},
)  # fmt: skip
def heat_maps() -> keras.Model:
    frames = keras.Input((4, 64, 64, 3))
    x = _small(layers.Rescaling(1 / 255)(frames), (16, 24))
    x = layers.ConvLSTM2D(16, 3, padding="same")(x)
    return keras.Model(frames, layers.Conv2D(17, 1, activation="sigmoid", name="joints")(x))


@whole(
    "a person mask over time, UNet and ConvLSTM at its bottom", 4, 64, 64, 3, tasks=_maps("mask")
)
def segmentation_conv_lstm() -> keras.Model:
    frames = keras.Input((4, 64, 64, 3))
    half = _small(layers.Rescaling(1 / 255)(frames), (8,))
    deep = layers.ConvLSTM2D(24, 3, padding="same")(_small(half, (16,)))
    up = layers.Conv2DTranspose(8, 2, 2, activation="relu")(deep)
    up = layers.Concatenate()([up, half[:, -1]])
    x = layers.Conv2DTranspose(8, 2, 2, activation="relu")(up)
    return keras.Model(frames, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x))


@whole(
    "where somebody's hand is: four numbers of a box, and whether there is one", 6, 64, 64, 3,
    tasks={"box": {"kind": "box", "points": {"order": "cxcywh"}}, "there": {"kind": "binary"}},
)  # fmt: skip
def hand_box() -> keras.Model:
    frames = keras.Input((6, 64, 64, 3))
    x = Over(layers.GlobalAveragePooling2D())(
        _small(layers.Rescaling(1 / 255)(frames), (16, 32, 48))
    )
    x = layers.GRU(32)(x)
    box = layers.Dense(4, "sigmoid", name="box")(x)
    return keras.Model(frames, {"box": box, "there": layers.Dense(1, "sigmoid", name="there")(x)})


@whole("a label for each frame, many action segmentation repositories", 12, 48, 48, 3)
def label_of_each_frame() -> keras.Model:
    frames = keras.Input((12, 48, 48, 3))
    x = Over(layers.Flatten())(_small(layers.Rescaling(1 / 255)(frames), (8, 16, 24)))
    x = layers.Bidirectional(layers.LSTM(24, return_sequences=True))(x)
    return keras.Model(frames, Over(layers.Dense(6, activation="softmax"), name="step")(x))


@whole("several labels at once (Charades' kind)", 8, 48, 48, 3)
def several_labels() -> keras.Model:
    frames = keras.Input((8, 48, 48, 3))
    x = Over(layers.GlobalMaxPooling2D())(_small(layers.Rescaling(1 / 255)(frames), (16, 32, 32)))
    return keras.Model(frames, layers.Dense(12, "sigmoid", name="tags")(layers.GRU(32)(x)))


@whole(
    "ordered classes, CORAL (Cao et al.): age in steps", 1, 64, 64, 3,
    tasks={"age_steps": {"kind": "ordinal"}},
)  # fmt: skip
def coral_age() -> keras.Model:
    picture = keras.Input((64, 64, 3))
    x = backbone("MobileNetV2", 64, alpha=0.35)(layers.Rescaling(1 / 127.5, -1)(picture))
    x = layers.Dense(1, use_bias=False)(layers.GlobalAveragePooling2D()(x))
    steps = keras.Variable(ops.linspace(2.0, -2.0, 9), trainable=False)
    return keras.Model(
        picture, layers.Activation("sigmoid", name="age_steps")(x + ops.convert_to_tensor(steps))
    )


@whole("UTKFace notebooks: age, gender, race of a picture", 1, 96, 96, 3)
def utkface_three_tasks() -> keras.Model:
    picture = keras.Input((96, 96, 3))
    x = layers.GlobalAveragePooling2D()(backbone("EfficientNetB0", 96)(picture))
    x = layers.Dense(64, "relu")(layers.Dropout(0.3)(x))
    return keras.Model(
        picture,
        {
            "age": layers.Dense(1)(x),
            "gender": layers.Dense(1, "sigmoid")(x),
            "race": layers.Dense(5, "softmax")(x),
        },
    )


@whole("emotions, mini-Xception (Arriaga et al.), grey pictures", 1, 48, 48, 1)
def emotions_mini_xception() -> keras.Model:
    picture = keras.Input((48, 48, 1))
    x = layers.Rescaling(1 / 127.5, -1)(picture)
    for _ in range(2):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, use_bias=False)(x)))
    for filters in (16, 32, 64):
        aside = layers.BatchNormalization()(layers.Conv2D(filters, 1, 2, padding="same")(x))
        x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(3, 2, padding="same")(x)
        x = layers.Add()([x, aside])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, padding="same")(x))
    return keras.Model(picture, layers.Softmax(name="emotion")(x))


@whole("two frames compared, a siamese network", 2, 48, 48, 3)
def siamese_two_frames() -> keras.Model:
    frames = keras.Input((2, 48, 48, 3))
    x = Over(layers.Flatten())(_small(layers.Rescaling(1 / 255)(frames), (16, 24, 32)))
    x = Over(layers.Dense(32))(x)
    return keras.Model(frames, layers.Dense(1, "sigmoid", name="same")(ops.abs(x[:, 0] - x[:, 1])))


@whole("two streams: pictures, and the differences of frames", 8, 48, 48, 3)
def two_streams_of_differences() -> keras.Model:
    frames = keras.Input((8, 48, 48, 3))
    scaled = layers.Rescaling(1 / 255)(frames)
    colours = Over(layers.GlobalAveragePooling2D())(_small(scaled[:, 1:], (16, 32)))
    motion = Over(layers.GlobalAveragePooling2D())(_small(scaled[:, 1:] - scaled[:, :-1], (16, 32)))
    x = layers.LSTM(24)(layers.Concatenate()([colours, motion]))
    return keras.Model(frames, layers.Dense(9, "softmax", name="action")(x))


@whole(
    "colours and optical flow in one network, five channels", 6, 48, 48, 3,
    planes=("red", "green", "blue", "flow_x", "flow_y"),
)  # fmt: skip
def colours_and_flow() -> keras.Model:
    frames = keras.Input((6, 48, 48, 5))
    x = Over(layers.GlobalAveragePooling2D())(_small(layers.Rescaling(1 / 255)(frames), (16, 32)))
    return keras.Model(frames, layers.Dense(5, "softmax", name="gesture")(layers.GRU(24)(x)))


@whole(
    "frames stacked in the channels, Atari's and deep Q networks' kind", 4, 84, 84, 1,
    arguments=("--layout", "HWT"), is_stacked=True,
)  # fmt: skip
def stacked_grey_frames() -> keras.Model:
    stack = keras.Input((84, 84, 4))
    x = layers.Rescaling(1 / 255)(stack)
    for filters, size, stride in ((32, 8, 4), (64, 4, 2), (64, 3, 1)):
        x = layers.Conv2D(filters, size, stride, activation="relu")(x)
    x = layers.Dense(128, "relu")(layers.Flatten()(x))
    return keras.Model(stack, layers.Dense(6, name="values")(x))


@whole("any number of frames: an axis left open", 8, 48, 48, 3, arguments=("--window", "8"))
def open_window() -> keras.Model:
    frames = keras.Input((None, 48, 48, 3))
    x = Over(layers.GlobalAveragePooling2D())(_small(layers.Rescaling(1 / 255)(frames), (16, 32)))
    return keras.Model(frames, layers.Dense(5, "softmax", name="action")(layers.LSTM(24)(x)))
