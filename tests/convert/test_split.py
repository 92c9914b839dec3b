import keras
import numpy as np
import pytest
from keras import layers, ops

from convert.keras_model import named_outputs, window_shape
from convert.split import split, whole_window
from edge.errors import ModelError
from tests import tiny

SHAPE = (tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)


def _window() -> np.ndarray:
    return tiny.frames(tiny.WINDOW)[None].astype(np.float32)


def _assert_parts_equal_the_whole(model: keras.Model) -> None:
    parts, window = split(model), _window()
    encoded = [parts.encoder(window[:, t]) for t in range(tiny.WINDOW)]
    stacked = {name: np.stack([np.asarray(e[name]) for e in encoded], 1) for name in parts.features}
    found = parts.head(stacked)
    whole = keras.Model(model.inputs, named_outputs(model))([window])
    for name in named_outputs(model):
        assert np.allclose(whole[name], found[name], atol=5e-5)


def _recurrent(layer) -> keras.Model:
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(tiny.frame_model())(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    return keras.Model(window, {"a": layers.Dense(2, name="a")(layer(x))})


@pytest.mark.parametrize(
    "layer",
    [
        layers.LSTM(5),
        layers.GRU(5),
        layers.SimpleRNN(5),
        layers.Bidirectional(layers.LSTM(5)),
        layers.Conv1D(5, tiny.WINDOW),
        layers.GlobalMaxPooling1D(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_heads_of_all_kinds_equal_the_whole_network(layer) -> None:
    keras.utils.set_random_seed(0)
    _assert_parts_equal_the_whole(_recurrent(layer))


def test_two_branches_give_two_features() -> None:
    model = tiny.window_model()
    parts = split(model)
    assert parts.features == ("f0_maps", "f1_pooled")
    assert [tuple(t.shape) for t in parts.encoder.outputs] == [(1, 8, 8, 16), (1, 16)]
    _assert_parts_equal_the_whole(model)


def test_layers_on_the_whole_window_that_keep_frames_apart_join_the_encoder() -> None:
    keras.utils.set_random_seed(1)
    window = keras.Input(SHAPE)
    x = layers.Rescaling(1 / 255)(window)
    x = layers.Conv3D(4, (1, 3, 3), (1, 2, 2))(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.AveragePooling3D((1, 2, 2))(x)
    x = ops.mean(x, axis=(2, 3))
    x = layers.Dense(6, activation="relu")(x)
    x = layers.Reshape((tiny.WINDOW, 2, 3))(x)
    x = ops.mean(x, axis=1)
    model = keras.Model(window, layers.Dense(3, name="a")(layers.Flatten()(x)))
    parts = split(model)
    assert [tuple(t.shape) for t in parts.encoder.outputs] == [(1, 2, 3)]
    assert not any(
        isinstance(layer, layers.Dense) and layer.units == 6 for layer in parts.head.layers
    )
    _assert_parts_equal_the_whole(model)


def test_weights_that_depend_on_the_frame_s_place_stay_in_the_head() -> None:
    keras.utils.set_random_seed(2)
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    x = x + np.arange(tiny.WINDOW * 3, dtype=np.float32).reshape(1, tiny.WINDOW, 3)
    model = keras.Model(window, layers.Dense(2, name="a")(layers.Flatten()(x)))
    assert [tuple(t.shape) for t in split(model).encoder.outputs] == [(1, 3)]
    _assert_parts_equal_the_whole(model)


def test_frames_folded_into_the_batch_are_followed() -> None:
    keras.utils.set_random_seed(4)
    window = keras.Input(SHAPE)
    x = ops.reshape(window, (-1, *SHAPE[1:]))
    x = layers.Conv2D(4, 3, 2, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Flatten()(layers.MaxPooling2D(5)(x))
    x = ops.reshape(x, (-1, tiny.WINDOW, 36))
    model = keras.Model(window, layers.Dense(3, name="a")(layers.GRU(5)(x)))
    assert [tuple(t.shape) for t in split(model).encoder.outputs] == [(1, 36)]
    _assert_parts_equal_the_whole(model)


def test_folded_frames_that_are_never_unfolded_are_laid_out_for_the_head() -> None:
    keras.utils.set_random_seed(5)
    window = keras.Input(SHAPE)
    x = ops.reshape(window, (-1, *SHAPE[1:]))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, 2)(x))
    x = ops.reshape(x, (-1, tiny.WINDOW * 4))
    model = keras.Model(window, layers.Dense(3, name="a")(x))
    assert [tuple(t.shape) for t in split(model).encoder.outputs] == [(1, 4)]
    _assert_parts_equal_the_whole(model)


def test_a_nested_model_of_the_whole_window_is_looked_into() -> None:
    keras.utils.set_random_seed(6)
    inner_window = keras.Input(SHAPE)
    x = layers.TimeDistributed(tiny.frame_model())(inner_window)
    x = layers.TimeDistributed(layers.GlobalMaxPooling2D())(x)
    inner = keras.Model(inner_window, layers.LSTM(4)(x), name="inner")
    window = keras.Input(SHAPE)
    model = keras.Model(window, layers.Dense(2, name="a")(inner(window)))
    assert [tuple(t.shape) for t in split(model).encoder.outputs] == [(1, 16)]
    _assert_parts_equal_the_whole(model)


def test_a_recurrent_layer_within_a_frame_belongs_to_the_encoder() -> None:
    keras.utils.set_random_seed(7)
    picture = keras.Input(SHAPE[1:])
    rows = layers.Reshape((SHAPE[1], SHAPE[2] * 3))(picture)
    reader = keras.Model(picture, layers.LSTM(4)(rows))
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(reader)(window)
    model = keras.Model(window, layers.Dense(2, name="a")(layers.GlobalAveragePooling1D()(x)))
    assert [tuple(t.shape) for t in split(model).encoder.outputs] == [(1, 4)]
    _assert_parts_equal_the_whole(model)


def test_a_sequential_model_is_cut_too() -> None:
    from convert.keras_model import functional

    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.TimeDistributed(tiny.frame_model()),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(4),
            layers.Dense(2, name="answer"),
        ]
    )
    _assert_parts_equal_the_whole(functional(model))


def test_the_whole_window_graph_answers_as_the_model() -> None:
    model = tiny.window_model()
    expected, found = model(_window()), whole_window(model)(_window())
    assert all(np.allclose(expected[name], found[name], atol=5e-5) for name in expected)


def _straight(layer) -> keras.Model:
    window = keras.Input(SHAPE)
    x = layer(window)
    return keras.Model(window, layers.Dense(2)(layers.Flatten()(x)), name="straight")


@pytest.mark.parametrize(
    "layer",
    [
        layers.ConvLSTM2D(2, 3),
        layers.Bidirectional(layers.ConvLSTM2D(2, 3), name="both_ways"),
        layers.Conv3D(2, 3),
    ],
    ids=lambda layer: layer.name,
)
def test_a_layer_that_mixes_raw_frames_cannot_be_cut(layer) -> None:
    with pytest.raises(ModelError, match=rf"cannot be cut: its layer '{layer.name}'"):
        split(_straight(layer))


def test_an_answer_for_every_frame_is_refused() -> None:
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    model = keras.Model(window, layers.Dense(2, name="each")(x))
    with pytest.raises(ModelError, match="'each' for every frame"):
        split(model)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((32, 32, 3), "no window axis"),
        ((None, 32, 32, 3), "unknown sizes"),
        ((4, None, None, 3), "unknown sizes"),
        ((4, 32, 32, 7), "7 channels"),
    ],
)
def test_inputs_that_are_no_window_are_refused(shape: tuple, message: str) -> None:
    given = keras.Input(shape)
    with pytest.raises(ModelError, match=message):
        window_shape(keras.Model(given, layers.Activation("relu")(given)))
