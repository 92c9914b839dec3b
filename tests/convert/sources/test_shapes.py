"""Axes in any order, fixed batches, constants and second inputs of the same clip: all become one window."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st
from keras import layers, ops

from edge.bundle.plain_tflite import wrap_tflite
from edge.tflite import flatbuffer
from edge_common import BundleError, ModelError
from edge_convert import layouts
from edge_convert.inputs import InputRequest, TensorForm, network_inputs
from edge_convert.sources import float_tflite
from edge_convert.sources.keras_window import whole_window
from edge_convert.sources.model_file import read_model
from tests.convert.cut.test_tflite_cut import assert_parts_equal_the_whole, run

WINDOW, SIZE = 4, 24
WINDOWS = np.random.default_rng(0).random((1, WINDOW, SIZE, SIZE, 3), np.float32)


@given(
    st.permutations("THWC") | st.permutations("HWC") | st.permutations("THW"),
    st.lists(st.integers(1, 5), min_size=4, max_size=4),
)
def test_moving_to_a_layout_and_back_keeps_every_value(letters, sizes) -> None:
    layout = "".join(letters)
    own = layouts.own_order(layout)
    by_letter = dict(zip("THWC", sizes)) | ({} if "C" in layout else {"C": 1})
    shape = (2, *(by_letter[letter] for letter in own))
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    moved = layouts.in_layout(values, layout)
    assert moved.shape == (2, *(by_letter[letter] for letter in layout))
    assert layouts.sizes_in_own_order(moved.shape, layout) == shape
    full = moved if "C" in layout else moved[..., None]
    assert np.array_equal(full.transpose(np.argsort(layouts.axes_of(layout))), values)


def _answers(x) -> dict[str, keras.KerasTensor]:
    """Of frames (T, H, W, C)."""
    maps = layers.TimeDistributed(layers.Conv2D(6, 3, 2, activation="relu"))(x)
    pooled = layers.TimeDistributed(layers.GlobalAveragePooling2D())(maps)
    return {
        "kind": layers.Dense(3, activation="softmax", name="kind")(
            layers.GRU(5, unroll=True)(pooled)
        )
    }


def _of_layout(layout: str, batch: int | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    sizes = {"T": WINDOW, "H": SIZE, "W": SIZE, "C": 3}
    frames = keras.Input([sizes[letter] for letter in layout], batch_size=batch, name="frames")
    axes = (0, *(1 + layout.index(letter) for letter in "THWC"))
    return keras.Model(frames, _answers(ops.transpose(frames, axes)))


def _expected(network: keras.Model, layout: str, batch: int = 1) -> np.ndarray:
    frames = layouts.in_layout(WINDOWS, layout).repeat(batch, axis=0)
    return np.asarray(network(frames)["kind"])[:1]


def _assert_answers(model: bytes, expected: np.ndarray) -> None:
    (answer,) = run(model, {"window": WINDOWS}).values()
    np.testing.assert_allclose(answer, expected, atol=1e-5)


@pytest.mark.parametrize("layout", ["HWTC", "CTHW", "TCHW"])
def test_a_keras_network_of_other_axes_is_cut(tmp_path: Path, layout: str, capsys) -> None:
    network = _of_layout(layout)
    network.save(tmp_path / "net.keras")
    file = read_model(tmp_path / "net.keras")
    assert (file.window, file.size) == (WINDOW, (SIZE, SIZE, 3))
    assert ("read as HWTC" in capsys.readouterr().err) == (layout == "HWTC")
    _assert_answers(file.model, _expected(network, layout))
    assert_parts_equal_the_whole(file.model)


@pytest.mark.parametrize("suffix", ["keras", "tflite", "saved"])
def test_a_network_of_four_windows_at_once_is_rebuilt_for_one(tmp_path: Path, suffix: str) -> None:
    network = _of_layout("HWTC", batch=4)
    path = tmp_path / f"net.{suffix}"
    if suffix == "keras":
        network.save(path)
        model = read_model(path).model
    else:
        saved = path if suffix == "saved" else tmp_path / "folder"
        network.export(saved, verbose=False)
        if suffix == "tflite":
            path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())
        model = float_tflite(path).model
    _assert_answers(model, _expected(network, "HWTC", batch=4))
    assert flatbuffer.shape_of(_input(model)) == (1, WINDOW, SIZE, SIZE, 3)


def test_a_quantised_window_with_its_frames_behind_is_not_read_as_another(tmp_path: Path) -> None:
    network = _of_layout("HWTC", batch=1)
    (tmp_path / "net.tflite").write_bytes(
        tf.lite.TFLiteConverter.from_keras_model(whole_window(network)).convert()
    )
    with pytest.raises(BundleError, match="looks like height, width and 4 frames: .*edge-convert"):
        wrap_tflite(tmp_path / "net.tflite")


def _input(model: bytes):
    graph = flatbuffer.read(model).subgraphs[0]
    return graph.tensors[graph.inputs[0]]


def test_a_network_whose_windows_share_their_answer_is_refused(tmp_path: Path) -> None:
    frames = keras.Input((WINDOW, SIZE, SIZE, 3), batch_size=2)
    mean = ops.mean(frames, axis=(2, 3))
    shared = mean + ops.mean(mean, axis=0, keepdims=True) * ops.reshape(ops.arange(2.0), (2, 1, 1))
    keras.Model(frames, layers.Dense(2)(layers.Flatten()(shared))).save(tmp_path / "net.keras")
    with pytest.raises(ModelError, match="for one window instead of 2|any number of windows"):
        read_model(tmp_path / "net.keras")


def _grey_without_channels() -> keras.Model:
    keras.utils.set_random_seed(0)
    frames = keras.Input((SIZE, SIZE, WINDOW), name="frames")
    return keras.Model(frames, _answers(ops.transpose(frames, (0, 3, 1, 2))[..., None]))


def test_grey_frames_stacked_in_the_last_axis_are_a_window(tmp_path: Path) -> None:
    network = _grey_without_channels()
    network.save(tmp_path / "net.keras")
    file = read_model(tmp_path / "net.keras", InputRequest(layout="HWT"))
    assert (file.window, file.size) == (WINDOW, (SIZE, SIZE, 1))
    grey = WINDOWS[..., :1]
    expected = network(np.moveaxis(grey[..., 0], 1, -1))["kind"]
    (answer,) = run(file.model, {"window": grey}).values()
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    assert_parts_equal_the_whole(file.model)


def _with_two_rates() -> keras.Model:
    """As SlowFast: every second frame in one pathway, all of them in the other."""
    keras.utils.set_random_seed(0)
    slow = keras.Input((2, SIZE, SIZE, 3), name="slow")
    fast = keras.Input((WINDOW, SIZE, SIZE, 3), name="fast")
    bias = keras.Input((3,), name="bias")
    features = [
        layers.GlobalAveragePooling3D()(
            layers.Conv3D(k, (1, 3, 3), (1, 2, 2), activation="relu")(x)
        )
        for x, k in ((slow, 8), (fast, 3))
    ]
    score = layers.Dense(3)(layers.Concatenate()(features)) + bias
    return keras.Model([slow, fast, bias], {"kind": layers.Softmax(name="kind")(score)})


@pytest.mark.parametrize("suffix", ["keras", "tflite", "saved"])
def test_two_rates_of_one_clip_and_a_constant_become_one_window(
    tmp_path: Path, suffix: str, capsys
) -> None:
    network, path = _with_two_rates(), tmp_path / f"net.{suffix}"
    request = InputRequest(constants={"bias": [0.5, -1, 2]}, sampling={"slow": "every:2"})
    if suffix == "keras":
        network.save(path)
        model = read_model(path, request).model
    else:
        network.export(tmp_path / "saved" if suffix == "tflite" else path, verbose=False)
        if suffix == "tflite":
            converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
            path.write_bytes(converter.convert())
            forms = [d["name"] for d in tf.lite.Interpreter(str(path)).get_input_details()]
            names = {key: next(f for f in forms if key in f) for key in ("bias", "slow")}
            request = InputRequest(
                constants={names["bias"]: [0.5, -1, 2]}, sampling={names["slow"]: "every:2"}
            )
        model = float_tflite(path, request=request).model
    bias = np.array([[0.5, -1, 2]], np.float32)
    expected = np.asarray(network([WINDOWS[:, ::2], WINDOWS, bias])["kind"])
    _assert_answers(model, expected)
    assert_parts_equal_the_whole(model)


def test_frames_of_a_second_input_are_those_that_slowfast_takes() -> None:
    forms = [TensorForm("fast", (1, 32, 8, 8, 3)), TensorForm("slow", (1, 8, 8, 8, 3))]
    use = network_inputs("net", forms, InputRequest())
    assert use.samples["slow"].tolist() == [0, 4, 8, 13, 17, 22, 26, 31]
    assert "'slow' takes 8 of the 32 frames, 0, 4, 8, 13, ..., as SlowFast" in use.notes[0]
    last = network_inputs("net", forms, InputRequest(sampling={"slow": "last"}))
    assert last.samples["slow"].tolist() == [24, 25, 26, 27, 28, 29, 30, 31]


def test_masks_of_dropout_that_recurrent_layers_draw_are_left_out(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    frames = keras.Input((WINDOW, SIZE, SIZE, 3), name="frames")
    maps = layers.TimeDistributed(layers.AveragePooling2D(4))(frames)
    maps = layers.ConvLSTM2D(2, 3, recurrent_dropout=0.2, return_sequences=True)(maps)
    x = layers.TimeDistributed(layers.Flatten())(maps)
    both = layers.Bidirectional(layers.LSTM(3, dropout=0.2, return_sequences=True, unroll=True))(x)
    cells = [layers.LSTMCell(3, dropout=0.2), layers.GRUCell(2, recurrent_dropout=0.2)]
    network = keras.Model(frames, {"kind": layers.RNN(cells)(both)})
    network.save(tmp_path / "net.keras")
    file = read_model(tmp_path / "net.keras")
    _assert_answers(file.model, np.asarray(network(WINDOWS)["kind"]))
