"""Networks that do it their own way: loops, slices, arithmetic, raw frames, parts shared."""

import keras
import numpy as np
from keras import layers, ops

from tests.convert.zoo import zoo_frames as frames, zoo_sequences as sequences

Over = layers.TimeDistributed


def attention_before_the_lstm() -> keras.Model:
    """Queries and keys are made frame by frame."""
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.plain(), name="seen")(window)
    return keras.Model(window, layers.Dense(2)(sequences.additive_attention(x)))


def two_plus_one_d() -> keras.Model:
    """Convolutions in space and in time by turns: the first one in time ends the encoder."""
    window = keras.Input((5, 32, 32, 3))
    x = layers.Conv3D(4, (1, 3, 3), (1, 4, 4), activation="relu", name="space")(window)
    x = layers.Conv3D(4, (3, 1, 1), activation="relu", name="time")(x)
    x = layers.MaxPooling3D((2, 2, 1), 1, "same")(x)
    x = layers.Conv3D(4, (1, 3, 3), (1, 2, 2), activation="relu")(x)
    x = layers.AveragePooling3D((2, 2, 2), 1, "same")(x)
    return keras.Model(window, layers.Dense(2)(layers.GlobalMaxPooling3D()(x)))


def temporal_shift() -> keras.Model:
    """A quarter of the channels comes from the frame before, another from the one behind."""
    window = keras.Input((4, 32, 32, 3))
    x = Over(layers.Conv2D(8, 3, 4, activation="relu"), name="stem")(window)
    late, early, now = x[..., :2], x[..., 2:4], x[..., 4:]
    late = layers.ZeroPadding3D(((1, 0), (0, 0), (0, 0)))(late[:, :-1])
    early = ops.pad(early[:, 1:], ((0, 0), (0, 1), (0, 0), (0, 0), (0, 0)))
    x = Over(layers.Conv2D(8, 3, activation="relu"))(ops.concatenate([late, early, now], -1))
    return keras.Model(window, layers.Dense(2)(ops.mean(x, axis=(1, 2, 3))))


def loop_over_frames() -> keras.Model:
    """A network called on one frame after the other, and what changes between neighbours."""
    window = keras.Input((4, 32, 32, 3))
    one = frames.plain()
    seen = [ops.sqrt(ops.relu(one(window[:, t]))) for t in range(4)]
    x = ops.stack([layers.Dropout(0.1, name=f"seen_{t}")(x) for t, x in enumerate(seen)], axis=1)
    x = layers.Flatten()(ops.abs(x[:, 1:] - x[:, :-1]))
    return keras.Model(window, layers.Dense(3, "softmax")(x))


def siamese() -> keras.Model:
    """The oldest frame against the newest one, never stacked."""
    window = keras.Input((4, 32, 32, 3))
    one = frames.resnet()
    old, *_, new = (one(layers.Reshape((32, 32, 3))(x)) for x in ops.split(window, 4, axis=1))
    x = layers.Concatenate()([ops.square(old - new), old * new])
    return keras.Model(window, layers.Dense(1, "sigmoid", name="same")(x))


def slow_and_fast() -> keras.Model:
    """A larger network on every other frame, a smaller one on all."""
    window = keras.Input((6, 32, 32, 3))
    slow = layers.GlobalAveragePooling1D()(Over(frames.resnet(), name="slow")(window[:, ::2]))
    fast = layers.GRU(4)(Over(frames.plain(), name="fast")(window))
    return keras.Model(window, layers.Dense(3)(layers.Concatenate()([slow, fast])))


def states_and_decoder() -> keras.Model:
    """What an encoding LSTM remembers starts a decoding one, which is read backwards."""
    window = keras.Input((4, 32, 32, 3))
    x = Over(frames.plain(), name="seen")(window)
    x, *state = layers.LSTM(6, return_sequences=True, return_state=True)(x)
    x = layers.LSTM(6, return_sequences=True)(ops.flip(x, axis=1), initial_state=state)
    x = sequences.weighted_average(x)
    last = layers.GRU(3, go_backwards=True, return_state=True)(layers.RepeatVector(2)(x))[1]
    return keras.Model(window, {"a": layers.Dense(2)(x), "b": layers.Dense(1)(last)})


def raw_frames_too() -> keras.Model:
    """How bright each frame is, and how much the pixels change, beside what a network sees."""
    window = keras.Input((4, 32, 32, 3), name="window")
    seen = Over(frames.plain(), name="seen")(window)
    bright = ops.mean(window, axis=(2, 3, 4), keepdims=True) / 255.0
    seen = layers.Concatenate(name="both")([seen, layers.Reshape((4, 1))(bright)])
    change = ops.mean(ops.abs(window[:, 1:] - window[:, :-1]), axis=(1, 2, 3)) / 255.0
    x = layers.Concatenate()([layers.GRU(4)(seen), change])
    return keras.Model(window, layers.Dense(2)(x))


def arithmetic() -> keras.Model:
    """Lambda layers and operations in place of layers, grey at the end."""
    window = keras.Input((4, 32, 32, 3))
    x = layers.Lambda(lambda x: (x - 127.5) / 127.5)(window)
    x = ops.einsum("bthwc,c->bthw", x, np.array([0.3, 0.6, 0.1], np.float32))[..., None]
    x = Over(layers.Conv2D(6, 5, 4))(x)
    x = ops.maximum(x, 0.1 * x) ** 2
    x = ops.where(x > 1.0, ops.log(x + 1.0), ops.sin(x))
    x = ops.transpose(x, (0, 1, 4, 2, 3))
    x = ops.squeeze(ops.max(ops.mean(x, axis=-1), axis=-1, keepdims=True), axis=-1)
    x = layers.Lambda(lambda x: x[..., :3] * x[..., 3:], name="products")(x)
    x = ops.einsum("btc,bsc->bts", x, x)
    return keras.Model(window, layers.Dense(2)(layers.Flatten()(x)))


def normalisations() -> keras.Model:
    window = keras.Input((4, 32, 32, 3))
    x = Over(layers.Conv2D(8, 3, 4))(window)
    x = Over(layers.GroupNormalization(4))(x)
    x = layers.RMSNormalization()(layers.PReLU(shared_axes=[1, 2, 3])(x))
    x = layers.UnitNormalization()(ops.mean(layers.LayerNormalization((2, 3, 4))(x), (2, 3)))
    x = layers.EinsumDense("btc,cd->btd", (4, 6), bias_axes="d", activation="tanh")(x)
    x = layers.Softmax(name="shares")(layers.SpectralNormalization(layers.Dense(6))(x))
    x = ops.max(layers.BatchNormalization(axis=1)(x), axis=1)
    return keras.Model(window, layers.Dense(2)(x))


def shared_by_two_crops() -> keras.Model:
    """One network looks at the left and at the right half of each frame."""
    window = keras.Input((4, 32, 64, 3))
    look = Over(frames.vision_transformer())
    both = layers.Concatenate(name="both")([look(window[..., :32, :]), look(window[..., 32:, :])])
    return keras.Model(window, layers.Dense(2)(layers.GRU(4)(both)))


def two_of_the_same_names() -> keras.Model:
    """Two networks whose layers bear the same names, one over folded frames."""
    window = keras.Input((4, 32, 32, 3))
    seen = Over(frames.plain(), name="seen")(window)
    folded = frames.plain(name="other")(ops.reshape(window, (-1, 32, 32, 3)))
    x = layers.Concatenate(name="pool")([seen, ops.reshape(folded, (-1, 4, 8))])
    return keras.Model(window, layers.Dense(2, name="conv1")(layers.GRU(4)(x)))


def a_task_of_the_last_frame() -> keras.Model:
    """One answer about the newest frame only, another about the window."""
    window = keras.Input((4, 32, 32, 3))
    seen = Over(frames.squeeze_excite(channels=3), name="seen")(window)
    who = layers.Dense(3, "softmax", name="who")(seen[:, -1])
    what = layers.Dense(2, "softmax", name="what")(layers.LSTM(4)(seen))
    return keras.Model(window, {"who": who, "what": what})


def maps_over_time() -> keras.Model:
    """Every place of the maps has its own sequence: places are folded into the batch."""
    window = keras.Input((4, 32, 32, 3))
    maps = Over(layers.MaxPooling2D(8), name="maps")(Over(frames.u_net())(window))
    x = ops.reshape(ops.transpose(maps, (0, 2, 3, 1, 4)), (-1, 4, 2))
    x = ops.reshape(layers.LSTM(3)(x), (-1, 4 * 4 * 3))
    return keras.Model(window, layers.Dense(2)(x))
