"""Files of Keras 2: read by tf_keras and held against it, or one line with the way that works."""

import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from edge_common import ModelError
from edge_convert.request import ConversionRequest
from edge_convert.sources.keras_file import load_model
from edge_convert.sources.model_file import explanation, read_model
from edge_convert.sources.network_file import NetworkFile

WINDOW = (4, 16, 16, 3)
LSTM = {"class_name": "LSTM", "config": {"units": 4, "time_major": False, "dtype": "float32"}}
CONFIG = {"class_name": "Sequential", "config": {"name": "old", "layers": [LSTM]}}


def _h5(path: Path, version: str) -> None:
    with h5py.File(path, "w") as content:
        content.attrs.update({"keras_version": version, "backend": "tensorflow"})
        content.attrs["model_config"] = json.dumps(CONFIG)
        content.create_group("model_weights")


def _archive(path: Path, version: str) -> None:
    config = {"module": "keras.src.engine.functional", "class_name": "Functional", "config": {}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(config))


@pytest.mark.parametrize(("write", "name"), [(_h5, "old.h5"), (_archive, "old.keras")])
def test_a_file_of_keras_2_says_how_to_give_it(tmp_path: Path, write, name: str) -> None:
    write(tmp_path / name, "2.15.0")
    with pytest.raises(ModelError, match="made by Keras 2.15.0.*save_format='tf'.*give that fol"):
        load_model(tmp_path / name)
    with pytest.raises(ModelError, match=r"old\.(h5|keras) was made by Keras 2\.15\.0 and "):
        explanation(ConversionRequest(tmp_path / name, tmp_path / "x.edge", tmp_path))


@pytest.mark.parametrize(("write", "name"), [(_h5, "new.h5"), (_archive, "new.keras")])
def test_a_file_of_keras_3_is_told_its_own_fault(tmp_path: Path, write, name: str) -> None:
    write(tmp_path / name, "3.5.0")
    with pytest.raises(ModelError, match="does not load as a Keras model"):
        load_model(tmp_path / name)


def test_a_lambda_is_told_from_a_file_that_is_broken(tmp_path: Path) -> None:
    frame = keras.Input((8, 8, 3))
    model = keras.Model(frame, keras.layers.Lambda(lambda x: x / 255, name="scale")(frame))
    model.save(tmp_path / "m.keras")
    expected = r"it holds the Lambda layer 'scale', whose .*unless you say --custom -"
    with pytest.raises(ModelError, match=expected):
        load_model(tmp_path / "m.keras")


def _features(window, activation: str = "relu"):
    layers = tf_keras.layers
    x = layers.TimeDistributed(layers.Conv2D(4, 3, 2, activation=activation))(window)
    return layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)


def _network(*over_time, scaled: bool = False, activation: str = "relu") -> tf_keras.Model:
    tf_keras.utils.set_random_seed(3)
    window = tf_keras.Input(WINDOW)
    x = _features(window / 127.5 - 1 if scaled else window, activation)
    for layer in over_time:
        x = layer(x)
    x = tf_keras.layers.Dense(3, "softmax", name="dense_act")(x)
    return tf_keras.Model(window, {"act": x, "speed": tf_keras.layers.Dense(1)(x)})


def _assert_answers_of(model: tf_keras.Model, file: NetworkFile) -> None:
    window = np.random.default_rng(0).uniform(0, 255, (1, *WINDOW)).astype(np.float32)
    answers = file.run(window)
    for name, expected in model(window).items():
        assert np.allclose(answers[name], expected, atol=1e-5), name


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("LSTM", ".h5"), ("GRU", ".keras"), ("SimpleRNN", ".h5"), ("Bidirectional", ".keras")],
)
def test_recurrent_networks_are_cut_and_answer_as_in_tf_keras(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    layers = tf_keras.layers
    layer = (
        layers.Bidirectional(layers.GRU(4)) if kind == "Bidirectional" else vars(layers)[kind](4)
    )
    model = _network(layer, scaled=True)
    model.save(tmp_path / f"old{suffix}")
    file = read_model(tmp_path / f"old{suffix}")
    assert file.explanation(None).startswith("cut behind")
    assert file.origin.startswith("Keras 2.")
    _assert_answers_of(model, file)


def _of_maps(kind: str) -> tf_keras.Model:
    """Layers that Keras 2 never unrolls, over maps of each frame."""
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(4)
    window = tf_keras.Input(WINDOW)
    x = layers.TimeDistributed(layers.Conv2D(4, 3, 2, activation="relu"))(window / 255)
    first = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)
    x = layers.Bidirectional(first)(x) if kind == "bidirectional" else first(x)
    x = layers.ConvLSTM2D(2, 3, go_backwards=kind == "backwards")(x)
    x = layers.Flatten()(x)
    outputs = {"act": layers.Dense(3, "softmax", name="dense_act")(x), "speed": layers.Dense(1)(x)}
    return tf_keras.Model(window, outputs)


@pytest.mark.parametrize(
    ("kind", "suffix"), [("forwards", ".h5"), ("backwards", ".keras"), ("bidirectional", ".keras")]
)
def test_convolutional_recurrent_layers_are_cut_and_answer_as_in_tf_keras(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    model = _of_maps(kind)
    model.save(tmp_path / f"old{suffix}")
    file = read_model(tmp_path / f"old{suffix}")
    assert file.explanation(None).startswith("cut behind")
    _assert_answers_of(model, file)


def test_a_convolutional_recurrent_layer_keeps_its_mask(tmp_path: Path) -> None:
    """A black frame in the middle is passed over."""
    layers, window = tf_keras.layers, tf_keras.Input(WINDOW)
    x = layers.Flatten()(layers.ConvLSTM2D(2, 3, padding="same")(layers.Masking()(window)))
    model = tf_keras.Model(window, layers.Dense(3)(x))
    model.save(tmp_path / "old.keras")
    frames = np.random.default_rng(0).uniform(0, 255, (1, *WINDOW)).astype(np.float32)
    frames[:, 1] = 0
    (answer,) = read_model(tmp_path / "old.keras").run(frames).values()
    assert np.allclose(answer, model(frames), atol=1e-5)


def test_what_keras_3_computes_otherwise_is_not_left_to_it(tmp_path: Path) -> None:
    """`hard_sigmoid` is 0.2 x + 0.5 in Keras 2 and x / 6 + 0.5 in Keras 3, which loads it."""
    model = _network(tf_keras.layers.Flatten(), activation="hard_sigmoid")
    model.save(tmp_path / "old.h5")
    assert load_model(tmp_path / "old.h5").count_params() == model.count_params()
    file = read_model(tmp_path / "old.h5")
    assert file.original is None
    _assert_answers_of(model, file)


def test_what_keras_3_computes_alike_keeps_the_names_of_its_layers(tmp_path: Path) -> None:
    model = _network(tf_keras.layers.Flatten())
    model.save(tmp_path / "old.h5")
    file = read_model(tmp_path / "old.h5")
    assert file.explanation(None).startswith("cut behind")
    _assert_answers_of(model, file)


def test_half_precision_is_read_in_float32(tmp_path: Path) -> None:
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        _network(tf_keras.layers.LSTM(4)).save(tmp_path / "half.h5")
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    request = ConversionRequest(tmp_path / "half.h5", tmp_path / "x.edge", tmp_path)
    assert explanation(request).startswith("cut behind")


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_lambda_is_named_and_never_run(tmp_path: Path, suffix: str) -> None:
    made = str(tmp_path / "made")
    layer = tf_keras.layers.Lambda(lambda x: (Path(made).touch(), x * 2)[1], name="evil")
    window = tf_keras.Input(WINDOW)
    tf_keras.Model(window, layer(window)).save(tmp_path / f"old{suffix}")
    (tmp_path / "made").unlink()
    with pytest.raises(
        ModelError, match=r"holds the Lambda layer 'evil', whose .*save_format='tf'"
    ):
        read_model(tmp_path / f"old{suffix}")
    assert not (tmp_path / "made").exists()


def test_a_table_is_read_and_refused_as_what_no_board_holds(tmp_path: Path) -> None:
    """It is no weight: the network is written with all that makes it."""
    layers, window = tf_keras.layers, tf_keras.Input(WINDOW)
    numbers = tf.cast(layers.Flatten()(window), tf.int64)
    x = layers.IntegerLookup(vocabulary=[3, 5, 7])(numbers)
    x = layers.Flatten()(layers.Embedding(4, 2)(x))
    tf_keras.Model(window, layers.Dense(3)(x)).save(tmp_path / "table.keras")
    with pytest.raises(ModelError, match=r"TFLite cannot hold it: 'tf\.HashTableV2' op"):
        read_model(tmp_path / "table.keras")


def _renamed(path: Path, old: str, new: str) -> None:
    """The network's config in an `.h5` with other text."""
    with h5py.File(path, "r+") as content:
        text = content.attrs["model_config"]
        assert old in text
        content.attrs["model_config"] = text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"math.truediv"', '"io.write_file"', "holds 'tf.io.write_file', which is no layer"),
        ('"class_name": "Conv2D"', '"class_name": "Mine"', "holds 'Mine', which is no layer"),
        ('"class_name": "Conv2D"', '"class_name": "deserialize"', "holds 'deserialize'"),
        ('"class_name": "Conv2D"', '"module": "os", "class_name": "Conv2D"', "holds 'Conv2D'"),
    ],
)
def test_names_of_code_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    _network(tf_keras.layers.LSTM(4), scaled=True).save(tmp_path / "old.h5")
    _renamed(tmp_path / "old.h5", old, new)
    with pytest.raises(ModelError, match=told):
        read_model(tmp_path / "old.h5")


def test_nan_weights_and_weights_alone_are_refused(tmp_path: Path) -> None:
    model = _network(tf_keras.layers.LSTM(4))
    model.save_weights(tmp_path / "alone.h5")
    with pytest.raises(ModelError, match="alone.h5 holds weights without their network"):
        read_model(tmp_path / "alone.h5")
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    model.save(tmp_path / "nan.h5")
    with pytest.raises(ModelError, match="holds NaN or infinity"):
        read_model(tmp_path / "nan.h5")
