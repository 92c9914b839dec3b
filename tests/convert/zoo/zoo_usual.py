"""A network of single frames in `TimeDistributed` or folded, and a block over time behind it."""

import keras
from keras import layers, ops

from tests.convert.zoo import zoo_frames as frames, zoo_sequences as sequences

Over = layers.TimeDistributed


def mobilenet_v3_lstm() -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.mobilenet_v3(), name="backbone")(window)
    x = Over(layers.GlobalAveragePooling2D(), name="pooled")(x)
    return keras.Model(window, layers.Dense(3, "softmax", name="action")(layers.LSTM(6)(x)))


def mobilenet_v2_gru() -> keras.Model:
    """Two answers as a list."""
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.mobilenet_v2())(window)
    x = layers.GRU(6)(Over(layers.Flatten(), name="flat")(x))
    action = layers.Dense(3, "softmax", name="action")(x)
    return keras.Model(window, [action, layers.Dense(1, name="age")(x)])


def efficientnet_folded_conv1d() -> keras.Model:
    """Frames folded into the batch and unfolded; answers as a dictionary."""
    window = keras.Input((4, 32, 32, 3))
    x = frames.efficientnet_b0()(ops.reshape(window, (-1, 32, 32, 3)), training=False)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = ops.reshape(x, (-1, 4, 24))
    x = layers.Flatten()(layers.Conv1D(6, 3, activation="relu")(x))
    answers = {"who": layers.Dense(4, "softmax")(x), "drowning": layers.Dense(1, "sigmoid")(x)}
    return keras.Model(window, answers)


def efficientnet_v2_bidirectional() -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.efficientnet_v2())(window)
    x = Over(layers.GlobalMaxPooling2D(), name="strongest")(x)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(4), merge_mode="sum")(x)
    return keras.Model(window, layers.Dense(3, "softmax")(x))


def resnet_tcn() -> keras.Model:
    window = keras.Input((6, 32, 32, 3))
    x = sequences.residual_tcn(Over(frames.resnet())(window))
    answers = {"kind": layers.Dense(3, "softmax")(x), "speed": layers.Dense(1)(x)}
    return keras.Model(window, answers)


def convnext_transformer() -> keras.Model:
    window = keras.Input((5, 32, 32, 3))
    x = Over(layers.GlobalAveragePooling2D(), name="tokens")(Over(frames.convnext())(window))
    return keras.Model(window, layers.Dense(3, "softmax")(sequences.transformer(x)))


def densenet_attention() -> keras.Model:
    """The two blocks of MTDNN: one averages the maps, one looks over time."""
    window = keras.Input((5, 32, 32, 3))
    maps = Over(frames.densenet(), name="maps")(window)
    x = layers.Conv2D(4, 3, activation="relu")(ops.mean(maps, axis=1))
    still = layers.GlobalAveragePooling2D()(x)
    x = Over(layers.GlobalAveragePooling2D(), name="pooled")(maps)
    moving = sequences.additive_attention(layers.LSTM(6, return_sequences=True)(x))
    x = layers.BatchNormalization()(layers.PReLU()(layers.Concatenate()([still, moving])))
    return keras.Model(window, {"reid": layers.Dense(4, "softmax", name="reid")(x)})


def squeeze_excite_stacked_lstm() -> keras.Model:
    """Grey pictures."""
    window = keras.Input((4, 40, 32, 1))
    x = layers.ZeroPadding3D((0, 0, 4))(window)
    x = Over(frames.squeeze_excite(40), name="excited")(x)
    x = layers.LSTM(5)(layers.LSTM(6, return_sequences=True)(x))
    return keras.Model(window, layers.Dense(3, "softmax")(x))


def conv3d_of_single_frames() -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    x = layers.Rescaling(1 / 255)(window)
    x = layers.Conv3D(6, (1, 3, 3), (1, 2, 2), "same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.MaxPooling3D((1, 2, 2))(layers.ZeroPadding3D((0, 1, 1))(x))
    x = layers.UpSampling3D((1, 2, 2))(layers.Cropping3D((0, 1, 1))(x))
    x = layers.AveragePooling3D((1, 7, 7))(x)
    x = layers.Reshape((4, 24), name="row")(x)
    x = layers.Concatenate()([ops.mean(x, axis=1), ops.max(x, axis=1)])
    return keras.Model(window, layers.Dense(3, "softmax")(x))


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((4, 32, 32, 3)),
            layers.Rescaling(1 / 255),
            Over(keras.Sequential([layers.Conv2D(4, 3, 2), layers.ReLU(), layers.MaxPooling2D(4)])),
            Over(layers.Flatten(), name="flat"),
            layers.SimpleRNN(6, return_sequences=True),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3, "softmax", name="answer"),
        ]
    )


def conv_lstm() -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.densenet(), name="maps")(window)
    x = layers.ConvLSTM2D(4, 3, 2, "same", return_sequences=True)(x)
    x = layers.ConvLSTM2D(4, 3)(x)
    return keras.Model(window, layers.Dense(2, "softmax")(layers.Flatten()(x)))


def recurrent_within_frames() -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.row_reader(), name="reader")(window)
    x = layers.RNN([layers.LSTMCell(5), layers.GRUCell(4)])(x)
    return keras.Model(window, layers.Dense(2, "softmax")(x))


def augmented() -> keras.Model:
    """Augmentation and scaling within the network; nothing of it is random at inference."""
    window = keras.Input((4, 40, 40, 3))
    x = Over(layers.RandomFlip("horizontal"))(window)
    x = Over(keras.Sequential([layers.RandomRotation(0.1), layers.RandomZoom(0.1)]))(x)
    x = layers.GaussianNoise(0.1)(Over(layers.RandomContrast(0.2))(x))
    x = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.1, 1.2, 1.3])(x)
    x = Over(layers.CenterCrop(36, 36))(x)
    x = Over(layers.Resizing(32, 32))(x)
    x = layers.AlphaDropout(0.1, name="noisy")(Over(frames.plain(), name="seen")(x))
    return keras.Model(window, layers.Dense(2, "softmax")(layers.LSTM(4)(x)))
