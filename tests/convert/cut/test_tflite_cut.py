"""Networks with their frames folded into the batch, as .tflite, cut and held against the whole."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.cut.tflite.form import with_static_shapes
from edge_convert.cut.tflite.split import CutFile, split
from edge_convert.precision.export import tflite_of
from tests import tiny

WINDOW, SIZE = tiny.WINDOW, tiny.SIZE
TOLERANCE = 5e-5  # of the largest answer


def run(model: bytes, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a .tflite once, by the names of its signature."""
    engine, (given, found) = Engine(model), flatbuffer.signature(model)
    for name, position in given.items():
        np.copyto(engine.input(position), inputs[name])
    engine.invoke()
    return {name: engine.output(position).copy() for name, position in found.items()}


def streamed(parts: CutFile, window: np.ndarray) -> dict[str, np.ndarray]:
    """The head over the features of each frame of a window (1, T, H, W, C)."""
    encoded = [run(parts.encoder, {"frame": window[:, t]}) for t in range(parts.window)]
    stacked = {name: np.stack([e[name] for e in encoded], 1) for name in parts.features}
    return run(parts.head, stacked)


def assert_parts_equal_the_whole(model: bytes) -> CutFile:
    """On noise and on pictures; and other frames have to give another answer."""
    parts = split(model)
    ((name, _),) = flatbuffer.signature(model)[0].items()
    shape = Engine(model).inputs[0].shape
    pictures = tiny.frames(shape[1], *shape[2:4]).astype(np.float32)[None, ..., : shape[4]]
    noise = np.random.default_rng(0).random(shape, np.float32)
    for window in (noise, pictures):
        whole, found = run(model, {name: window}), streamed(parts, window)
        assert list(found) == list(whole)
        for output, wanted in whole.items():
            assert np.abs(wanted).max() > 0
            assert np.abs(found[output] - wanted).max() <= TOLERANCE * np.abs(wanted).max()
    darker = run(model, {name: pictures * np.linspace(0.2, 0.7, shape[1])[:, None, None, None]})
    assert any(not np.allclose(darker[output], whole[output]) for output in whole)
    return parts


def to_tflite(model: keras.Model) -> bytes:
    return tflite_of(model)


def keras_window(head: Callable) -> keras.Model:
    """A CNN over frames folded into the batch, and `head` over (1, 4, 12)."""
    keras.utils.set_random_seed(0)
    clip = keras.Input(batch_shape=(1, WINDOW, SIZE, SIZE, 3), name="clip")
    x = ops.reshape(clip, (-1, SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    x = layers.Conv2D(8, 3, 2, "same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, 1, "same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(12, 3, 2, "same", activation="silu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    x = ops.reshape(x, (1, WINDOW, 12))
    return keras.Model(clip, head(x))


def _attention(x):
    return layers.GlobalAveragePooling1D()(x + layers.MultiHeadAttention(2, 6)(x, x))


HEADS = {
    "mean": lambda x: ops.mean(x, axis=1),
    "lstm": layers.LSTM(5, unroll=True),
    "loop": layers.LSTM(5),  # WHILE, with subgraphs of its own
    "gru": layers.Bidirectional(layers.GRU(5, unroll=True)),
    "convolution": lambda x: layers.Flatten()(layers.Conv1D(5, 3)(x)),
    "attention": _attention,
    "flat": layers.Flatten(),
}


@pytest.mark.parametrize("head", HEADS)
def test_heads_of_all_kinds_equal_the_whole_network(head: str) -> None:
    def answer(x):
        x = HEADS[head](x)
        return {
            "kind": layers.Dense(3, activation="softmax", name="kind")(x),
            "size": layers.Dense(1, name="size")(x),
        }

    parts = assert_parts_equal_the_whole(to_tflite(keras_window(answer)))
    assert parts.window == WINDOW
    assert set(flatbuffer.signature(parts.head)[1]) == {"kind", "size"}
    assert {"CONV_2D", "MAX_POOL_2D"} <= flatbuffer.cost(parts.encoder).ops.keys()
    assert "MAX_POOL_2D" not in flatbuffer.cost(parts.head).ops


def test_names_and_shapes_of_a_cut() -> None:
    parts = split(
        to_tflite(keras_window(lambda x: layers.Dense(2, name="kind")(ops.max(x, axis=1))))
    )
    (feature,) = parts.features
    assert feature.startswith("f0_pooled")
    assert flatbuffer.signature(parts.encoder) == ({"frame": 0}, {feature: 0})
    assert flatbuffer.signature(parts.head)[0] == {feature: 0}
    assert [t.shape for t in Engine(parts.encoder).inputs] == [(1, SIZE, SIZE, 3)]
    assert [t.shape for t in Engine(parts.encoder).outputs] == [(1, 12)]
    assert [t.shape for t in Engine(parts.head).inputs] == [(1, WINDOW, 12)]


def test_each_work_is_done_in_one_part_only() -> None:
    model = to_tflite(keras_window(lambda x: layers.Dense(2)(ops.mean(x, axis=1))))
    parts = split(model)
    whole, encoder, head = (flatbuffer.cost(m) for m in (model, parts.encoder, parts.head))
    assert WINDOW * encoder.multiply_adds + head.multiply_adds == whole.multiply_adds
    assert head.multiply_adds == 24


def _function(body: Callable[[tf.Tensor], tf.Tensor], window: int = WINDOW) -> bytes:
    """A .tflite of a TensorFlow function over (1, T, 16, 16, 3)."""
    signature = tf.TensorSpec((1, window, 16, 16, 3), tf.float32, name="clip")
    module = tf.Module()
    module.run = tf.function(lambda clip: {"answer": body(clip)}, input_signature=[signature])
    concrete = module.run.get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()


def test_a_size_that_depends_on_the_frames_is_refused_in_one_line() -> None:
    def some_frames(clip: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(clip[:, : tf.cast(clip[0, 0, 0, 0, 0], tf.int32)], (1, 2, 3))

    with pytest.raises(
        ModelError, match="the output of a STRIDED_SLICE is depends on what the frames"
    ):
        with_static_shapes(_function(some_frames))


def _weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(0, 0.3, shape).astype(np.float32)


def _maps(clip: tf.Tensor) -> tf.Tensor:
    """(T, 8, 8, 4), a little larger than its input was."""
    folded = tf.reshape(clip, (-1, 16, 16, 3))
    return tf.nn.relu(tf.nn.conv2d(folded, _weights(3, 3, 3, 4), 2, "SAME"))


def _vectors(clip: tf.Tensor) -> tf.Tensor:
    """(T, 4)."""
    return tf.reduce_mean(_maps(clip), (1, 2))


def _positions(clip: tf.Tensor) -> tf.Tensor:
    """A learnt value for each place in the window: not the same for every frame."""
    x = _vectors(clip)[None] + _weights(1, WINDOW, 4)
    return tf.reduce_max(x, 1)


def _repeated_constant(clip: tf.Tensor) -> tf.Tensor:
    """A constant that is written out for each frame, but the same for all."""
    x = _maps(clip) * np.tile(_weights(1, 8, 8, 4), (WINDOW, 1, 1, 1))
    return tf.reduce_max(tf.reduce_mean(x, (1, 2)), 0, keepdims=True)


def _frames_second(clip: tf.Tensor) -> tf.Tensor:
    """Places first and frames second, as torch's attention has it, and back."""
    x = tf.transpose(tf.reshape(_maps(clip), (WINDOW, 64, 4)), (1, 0, 2))  # (64, T, 4)
    x = tf.reshape(x, (64 * WINDOW, 4)) @ _weights(4, 6)
    x = tf.transpose(tf.reshape(x, (64, WINDOW, 6)), (1, 0, 2))
    return tf.reduce_max(tf.reduce_sum(tf.square(x), 1), 0, keepdims=True)


def _frames_second_at_the_cut(clip: tf.Tensor) -> tf.Tensor:
    x = tf.transpose(tf.reshape(_maps(clip), (WINDOW, 64, 4)), (1, 0, 2))
    x = tf.nn.relu(tf.reshape(x, (64 * WINDOW, 4)) @ _weights(4, 3) + 0.1)
    return tf.reduce_max(tf.cumsum(tf.reshape(x, (64, WINDOW, 3)), 1), (0, 1))[None]


def _attention_in_a_frame(clip: tf.Tensor) -> tf.Tensor:
    """Two heads over the 64 places of each frame, their parts stacked before the frames."""
    x = tf.reshape(_maps(clip), (WINDOW, 64, 4)) @ _weights(4, 12)
    x = tf.transpose(tf.reshape(x, (WINDOW, 64, 3, 2, 2)), (2, 0, 3, 1, 4))
    query, key, value = tf.unstack(x)
    looks = tf.nn.softmax(tf.matmul(query, key, transpose_b=True))
    return tf.reduce_max(tf.reduce_mean(looks @ value, (1, 2)), 0, keepdims=True)


def _frames_in_a_window(clip: tf.Tensor) -> tf.Tensor:
    """Never folded: convolutions and products that read one frame at a time."""
    x = tf.nn.conv3d(clip, _weights(1, 3, 3, 3, 4), (1, 1, 2, 2, 1), "SAME")
    x = tf.nn.relu(tf.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0), (0, 0))))
    x = tf.concat([x[:, :, ::2], x[:, :, 1::2]], -1)
    x = tf.reduce_mean(x, (2, 3)) @ _weights(8, 5)
    return tf.reduce_max(tf.nn.elu(x), 1)


def _split_and_joined(clip: tf.Tensor) -> tf.Tensor:
    left, right = tf.split(_maps(clip), 2, axis=3)
    x = tf.concat([left * tf.sigmoid(right), tf.image.resize(right[:, 2:6, 2:6], (8, 8))], 3)
    x = tf.stack([tf.reduce_max(x, (1, 2)), tf.reduce_min(x, (1, 2))], 1)
    return tf.reduce_mean(tf.gather(x, (1, 0, 1), axis=1), 0)[None]


def _enlarged(clip: tf.Tensor) -> tf.Tensor:
    x = tf.nn.conv2d_transpose(_maps(clip), _weights(3, 3, 5, 4), (WINDOW, 16, 16, 5), 2)
    return tf.reduce_max(tf.reduce_mean(x, (1, 2)), 0, keepdims=True)


def _differences(clip: tf.Tensor) -> tf.Tensor:
    """The head reads the frames themselves, too."""
    changes = tf.reduce_mean(tf.abs(clip[:, 1:] - clip[:, :-1]), (2, 3, 4))
    return tf.concat([tf.reduce_max(_vectors(clip), 0, keepdims=True), changes], 1)


@pytest.mark.parametrize(
    ("body", "shapes"),
    [
        (_positions, [(1, 4)]),
        (_repeated_constant, [(1, 4)]),
        (_frames_second, [(1, 6)]),
        (_frames_second_at_the_cut, [(1, 64, 3)]),
        (_attention_in_a_frame, [(1, 2)]),
        (_frames_in_a_window, [(1, 5)]),
        (_split_and_joined, [(1, 2, 4)]),
        (_enlarged, [(1, 5)]),
        (_differences, [(1, 16, 16, 3), (1, 4)]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_frames_are_followed_as_far_as_they_stay_alone(body: Callable, shapes: list) -> None:
    parts = assert_parts_equal_the_whole(_function(body))
    found = [t.shape for t in Engine(parts.encoder).outputs]
    assert sorted(map(np.prod, found)) == sorted(map(np.prod, shapes))
    assert len(found) == len(shapes)


@pytest.mark.parametrize("window", [2, 3, 8, 16])
def test_windows_as_long_as_other_axes_are_no_trap(window: int) -> None:
    assert_parts_equal_the_whole(
        _function(lambda c: _vectors(c)[None, -1] - _vectors(c)[None, 0], window)
    )


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (lambda c: tf.reduce_mean(tf.nn.conv3d(c, _weights(3, 3, 3, 3, 4), [1] * 5, "SAME"), (1, 2, 3)),
         "CONV_3D .*reads several of the 4 frames at once, straight from the input"),
        (lambda c: tf.reshape(c, (1, -1)) @ _weights(WINDOW * 768, 2), "FULLY_CONNECTED"),
        (lambda c: tf.reduce_mean(tf.square(c), (1, 2, 3)), "MEAN .*which costs nothing"),
        (lambda c: _vectors(c)[None], "for every frame by itself"),
    ],
    ids=["conv3d", "dense", "no-work", "answers-per-frame"],
)  # fmt: skip
def test_what_cannot_be_cut_is_named(body: Callable, named: str) -> None:
    with pytest.raises(ModelError, match=named):
        split(_function(body))


def test_copies_of_the_same_operators_become_one_encoder() -> None:
    """Keras' TimeDistributed unrolls, as a loop over frames does."""
    keras.utils.set_random_seed(0)
    clip = keras.Input(batch_shape=(1, 3, SIZE, SIZE, 3))
    x = layers.TimeDistributed(tiny.frame_model(4))(clip)
    model = to_tflite(keras.Model(clip, {"answer": layers.Dense(2)(ops.mean(x, axis=(1, 2, 3)))}))
    parts = assert_parts_equal_the_whole(model)
    whole, encoder, head = (flatbuffer.cost(m) for m in (model, parts.encoder, parts.head))
    assert whole.ops["CONV_2D"] == 3 * encoder.ops["CONV_2D"] and "CONV_2D" not in head.ops
    assert whole.multiply_adds == 3 * encoder.multiply_adds + head.multiply_adds


def test_weights_of_its_own_for_each_frame_stay_in_the_head() -> None:
    def body(clip: tf.Tensor) -> tf.Tensor:
        return sum(_vectors(clip[:, t]) @ _weights(4, 2 + t)[:, :2] for t in range(WINDOW))

    parts = assert_parts_equal_the_whole(_function(body))
    assert flatbuffer.cost(parts.head).ops["FULLY_CONNECTED"] == WINDOW
    assert flatbuffer.cost(parts.encoder).ops.get("FULLY_CONNECTED", 0) == 0


@pytest.mark.parametrize("shape", [(1, 16, 16, 3), (1, 1, 16, 16, 3)])
def test_only_windows_are_cut(shape: tuple[int, ...]) -> None:
    picture = keras.Input(batch_shape=shape)
    axes = tuple(range(1, len(shape) - 1))
    model = keras.Model(picture, layers.Dense(2)(ops.mean(picture, axis=axes)))
    with pytest.raises(ModelError, match="only a network over a window"):
        split(to_tflite(model))
