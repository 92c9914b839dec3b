import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.sources.keras_file import load_model
from edge_convert.sources.keras_model import window_shape
from edge_convert.sources.keras_window import whole_window
from tests import tiny
from tests.convert.cut.test_tflite_cut import run
from tests.convert.keras_networks import as_tflite, assert_parts_equal_keras, split

SHAPE = (tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)


def _window() -> np.ndarray:
    return tiny.frames(tiny.WINDOW)[None].astype(np.float32)


def _assert_parts_equal_the_whole(model: keras.Model) -> None:
    assert_parts_equal_keras(model, split(model))


def _features(model: keras.Model, behind: str | None = None) -> list[tuple[int, ...]]:
    return [t.shape for t in Engine(split(model, behind).encoder).outputs]


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
    assert split(model, "pooled").features == ("f0_maps", "f1_pooled")
    assert split(model).features == ("f0_maps", "f1_over_time")
    assert _features(model, "pooled") == [(1, 8, 8, 16), (1, 16)]
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
    assert _features(model) == [(1, 6)]
    assert flatbuffer.cost(split(model).head).multiply_adds == 6 * 3
    _assert_parts_equal_the_whole(model)


def test_weights_that_depend_on_the_frame_s_place_stay_in_the_head() -> None:
    keras.utils.set_random_seed(2)
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    x = x + np.arange(tiny.WINDOW * 3, dtype=np.float32).reshape(1, tiny.WINDOW, 3)
    model = keras.Model(window, layers.Dense(2, name="a")(layers.Flatten()(x)))
    assert _features(model) == [(1, 3)]
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
    assert _features(model) == [(1, 15)]
    _assert_parts_equal_the_whole(model)


def test_folded_frames_that_are_never_unfolded_are_laid_out_for_the_head() -> None:
    keras.utils.set_random_seed(5)
    window = keras.Input(SHAPE)
    x = ops.reshape(window, (-1, *SHAPE[1:]))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, 2)(x))
    x = ops.reshape(x, (-1, tiny.WINDOW * 4))
    model = keras.Model(window, layers.Dense(3, name="a")(x))
    assert _features(model) == [(1, 4)]
    _assert_parts_equal_the_whole(model)


def test_a_nested_model_of_the_whole_window_is_looked_into() -> None:
    keras.utils.set_random_seed(6)
    inner_window = keras.Input(SHAPE)
    x = layers.TimeDistributed(tiny.frame_model())(inner_window)
    x = layers.TimeDistributed(layers.GlobalMaxPooling2D())(x)
    inner = keras.Model(inner_window, layers.LSTM(4)(x), name="inner")
    window = keras.Input(SHAPE)
    model = keras.Model(window, layers.Dense(2, name="a")(inner(window)))
    assert _features(model) == [(1, 16)]
    _assert_parts_equal_the_whole(model)


def test_a_recurrent_layer_within_a_frame_belongs_to_the_encoder() -> None:
    keras.utils.set_random_seed(7)
    picture = keras.Input(SHAPE[1:])
    rows = layers.Reshape((SHAPE[1], SHAPE[2] * 3))(picture)
    reader = keras.Model(picture, layers.LSTM(4)(rows))
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(reader)(window)
    model = keras.Model(window, layers.Dense(2, name="a")(layers.GlobalAveragePooling1D()(x)))
    assert _features(model) == [(1, 4)]
    _assert_parts_equal_the_whole(model)


def test_a_sequential_model_is_cut_too() -> None:
    from edge_convert.sources.keras_model import functional

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
    expected, actual = model(_window()), whole_window(model)(_window())
    assert all(np.allclose(expected[name], actual[name], atol=5e-5) for name in expected)


def _straight(layer) -> keras.Model:
    window = keras.Input(SHAPE)
    x = layer(window)
    return keras.Model(window, layers.Dense(2)(layers.Flatten()(x)), name="straight")


@pytest.mark.parametrize(
    "layer",
    [
        layers.ConvLSTM2D(2, 3),
        layers.Bidirectional(layers.ConvLSTM2D(2, 3), name="both_ways"),
    ],
    ids=lambda layer: layer.name,
)
def test_what_a_recurrent_layer_makes_of_raw_frames_is_the_encoder_s(layer) -> None:
    keras.utils.set_random_seed(0)
    model = _straight(layer)
    parts = split(model)
    encoder, whole = (flatbuffer.cost(m).multiply_adds for m in (parts.encoder, as_tflite(model)))
    assert encoder * tiny.WINDOW > 0.6 * whole
    _assert_parts_equal_the_whole(model)


def test_a_layer_that_mixes_raw_frames_cannot_be_cut() -> None:
    with pytest.raises(ModelError, match=r"cannot be cut: its CONV_3D \('straight_1/mixer"):
        split(_straight(layers.Conv3D(2, 3, name="mixer")))


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


def test_a_single_frame_is_no_window() -> None:
    window = keras.Input((1, 32, 32, 3))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    model = keras.Model(window, layers.Dense(2)(layers.LSTM(3)(x)))
    with pytest.raises(ModelError, match="only a network over a window"):
        split(model)


def test_a_state_that_outlives_the_window_is_rebuilt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras.utils.set_random_seed(1)
    window = keras.Input(batch_shape=(1, *SHAPE))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True, stateful=True), name="both")(x)
    answer = layers.Dense(2)(layers.GRU(3, stateful=True, name="memory")(x))
    model = keras.Model(window, answer)
    frames = tiny.frames(*SHAPE[:3]).astype(np.float32)[None]
    expected = np.asarray(model(frames))
    assert not np.allclose(model(frames), expected)  # it remembers
    model.save(tmp_path / "stateful.keras")
    rebuilt = load_model(tmp_path / "stateful.keras")
    line = r"stateful layers, rebuilt to begin each window at 0: 'both', .*'memory'\n"
    assert re.search(line, capsys.readouterr().err)
    for _ in range(2):
        assert np.allclose(rebuilt(frames), expected, atol=1e-6)
    _assert_parts_equal_the_whole(rebuilt)


def test_a_layer_that_wants_another_batch_is_named() -> None:
    window = keras.Input(batch_shape=(2, *SHAPE))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(window)
    x = ops.reshape(layers.LSTM(3, return_sequences=True)(x), (2, 12))
    with pytest.raises(ModelError, match=r"'reshape\w*' \(Reshape\) cannot be called on a single"):
        split(keras.Model(window, layers.Dense(2)(x)))


def test_what_is_true_or_counted_is_no_feature() -> None:
    keras.utils.set_random_seed(8)
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(tiny.frame_model())(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="seen")(x)
    often = ops.mean(ops.cast(x > 1.0, "float32"), axis=1)
    strongest = ops.max(ops.cast(ops.floor(x), "int32"), axis=1)
    x = layers.Concatenate()([often, ops.cast(strongest, "float32"), ops.mean(x, axis=1)])
    model = keras.Model(window, layers.Dense(2)(x))
    assert "f0_seen" in split(model).features
    assert {t.dtype for t in Engine(split(model).encoder).outputs} == {"float32"}
    _assert_parts_equal_the_whole(model)


def test_names_that_clash_or_that_the_converter_refuses_are_changed() -> None:
    keras.utils.set_random_seed(9)
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.Conv2D(3, 3, 4, name="_convolution"))(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="frame")(x)
    model = keras.Model(window, layers.Dense(2, name="f0_frame")(layers.LSTM(3)(x)))
    assert split(model, "frame").features == ("f0_frame",)
    _assert_parts_equal_the_whole(model)


def test_augmentation_is_off_and_random_layers_keep_quiet() -> None:
    keras.utils.set_random_seed(10)
    window = keras.Input(SHAPE)
    x = layers.TimeDistributed(layers.RandomBrightness(0.5))(window)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    x = layers.Dropout(0.5)(layers.GaussianNoise(1.0)(x), training=True)  # as `predict` ignores
    model = keras.Model(window, layers.Dense(2)(layers.GRU(3)(x)))
    assert _features(model) == [(1, 9)]
    encoder, frame = split(model).encoder, {"frame": _window()[:, 0]}
    first, second = run(encoder, frame), run(encoder, frame)
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv3D(4, (3, 1, 1), padding="same"),
        layers.Conv3D(4, (1, 3, 3), (1, 2, 2), name="space"),
        layers.MaxPooling3D((2, 2, 2), name="pool"),
        layers.MaxPooling3D((2, 3, 3), (1, 2, 2), "same"),
        layers.AveragePooling3D((3, 2, 2), (1, 2, 2), "same"),
        layers.TimeDistributed(layers.Conv2D(4, 3)),
    ],
    ids=lambda layer: layer.name,
)
def test_an_uncut_network_over_volumes_is_made_of_2d_layers(layer) -> None:
    keras.utils.set_random_seed(11)
    window = keras.Input(SHAPE)
    model = keras.Model(window, layers.Dense(2)(layers.GlobalAveragePooling3D()(layer(window))))
    expected, actual = (np.asarray(m(_window())) for m in (model, whole_window(model)))
    assert np.allclose(expected, actual, rtol=1e-4, atol=1e-3)
    operators = flatbuffer.cost(as_tflite(model)).ops.keys()
    assert operators & {"CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"} and "CONV_3D" not in operators


def test_a_nested_model_with_several_outputs_is_looked_into() -> None:
    keras.utils.set_random_seed(12)
    picture = keras.Input(SHAPE[1:])
    fine = layers.Conv2D(4, 3, 4, activation="relu")(picture)
    coarse = layers.Conv2D(8, 3, 2, activation="relu")(fine)
    pyramid = keras.Model(picture, {"fine": fine, "coarse": coarse}, name="pyramid")
    window = keras.Input(SHAPE)
    maps = pyramid(ops.reshape(window, (-1, *SHAPE[1:])), training=False)
    pooled = [layers.GlobalAveragePooling2D()(maps[name]) for name in ("coarse", "fine")]
    x = ops.reshape(layers.Concatenate()(pooled), (-1, tiny.WINDOW, 12))
    model = keras.Model(window, {"a": layers.Dense(2, name="a")(layers.GRU(5)(x))})
    assert _features(model) == [(1, 15)]
    _assert_parts_equal_the_whole(model)


def test_a_nested_model_of_several_inputs_stands_behind_the_cut() -> None:
    keras.utils.set_random_seed(13)
    inputs = {"still": keras.Input((8,)), "moving": keras.Input((tiny.WINDOW, 8))}
    x = layers.Concatenate()([inputs["still"], layers.LSTM(4)(inputs["moving"])])
    decide = keras.Model(inputs, layers.Dense(3)(x), name="decide")
    window = keras.Input(SHAPE)
    seen = layers.TimeDistributed(layers.Conv2D(8, 3, 4))(window)
    seen = layers.TimeDistributed(layers.GlobalMaxPooling2D(), name="seen")(seen)
    model = keras.Model(window, decide({"moving": seen, "still": ops.mean(seen, axis=1)}))
    assert split(model, "seen").features == ("f0_seen",)
    _assert_parts_equal_the_whole(model)


@pytest.mark.parametrize("folded", [False, True], ids=["distributed", "folded"])
def test_whole_numbers_are_made_real_where_a_nested_model_wants_them(folded: bool) -> None:
    keras.utils.set_random_seed(14)
    window = keras.Input(SHAPE, dtype="uint8")
    backbone, pool = tiny.frame_model(), layers.GlobalAveragePooling2D()
    if folded:
        x = pool(backbone(ops.reshape(window, (-1, *SHAPE[1:]))))
        x = ops.reshape(x, (-1, tiny.WINDOW, 16))
    else:
        x = layers.TimeDistributed(pool)(layers.TimeDistributed(backbone)(window))
    model = keras.Model(window, {"a": layers.Dense(2, name="a")(layers.GRU(5)(x))})
    assert _features(model) == [(1, 15)]
    _assert_parts_equal_the_whole(model)
