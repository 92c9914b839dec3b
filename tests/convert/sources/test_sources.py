"""Files of other libraries become float32 .tflite in one form; TFLite and SavedModel here."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_common.errors import ModelError
from edge_convert.cut.tflite.split import split
from edge_convert.inputs import InputRequest
from edge_convert.layouts import layout_of
from edge_convert.sources import FloatModel, float_tflite
from edge_convert.sources.libraries import ConverterJob
from edge_convert.sources.reference import Reference, examples
from tests.convert.cut.test_tflite_cut import assert_parts_equal_the_whole, run

WINDOW, SIZE = 3, 16


def _network(batch: int | None = 1, width: int = 4) -> keras.Model:
    """Frames folded into the batch: (batch, 3, 16, 16, 3) -> `kind` and `size`."""
    keras.utils.set_random_seed(0)
    clip = keras.Input(batch_shape=(batch, WINDOW, SIZE, SIZE, 3), name="clip")
    x = layers.Conv2D(width, 3, 2, activation="relu")(ops.reshape(clip, (-1, SIZE, SIZE, 3)))
    x = layers.Flatten()(x)
    x = ops.mean(ops.reshape(layers.Dense(5)(x), (-1, WINDOW, 5)), axis=1)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    return keras.Model(clip, {"kind": kind, "size": layers.Dense(1, name="size")(x)})


def _write(folder: Path, converter: tf.lite.TFLiteConverter) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    return path


def _assert_same(found: FloatModel, network: keras.Model) -> None:
    clip = np.random.default_rng(1).random((1, WINDOW, SIZE, SIZE, 3), np.float32)
    answers = run(found.model, {"window": clip})
    for name, wanted in network(clip).items():
        assert np.allclose(answers[name], wanted, atol=1e-6)


@pytest.mark.parametrize("batch", [1, None])
def test_a_float_tflite_gets_a_batch_of_one(tmp_path: Path, batch: int | None) -> None:
    network = _network(batch)
    found = float_tflite(_write(tmp_path, tf.lite.TFLiteConverter.from_keras_model(network)))
    assert found.origin == "TFLite"
    assert flatbuffer.signature(found.model) == ({"window": 0}, {"kind": 0, "size": 1})
    assert {"SHAPE", "PACK"}.isdisjoint(flatbuffer.cost(found.model).ops)
    _assert_same(found, network)
    assert_parts_equal_the_whole(found.model)


def test_weights_kept_in_float16_become_float32(tmp_path: Path) -> None:
    network = _network()
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    path = _write(tmp_path, converter)
    assert "DEQUANTIZE" in flatbuffer.cost(path.read_bytes()).ops
    found = float_tflite(path)
    assert "DEQUANTIZE" not in flatbuffer.cost(found.model).ops
    assert_parts_equal_the_whole(found.model)


def test_channels_come_last_at_no_cost_where_the_graph_moves_them_back(tmp_path: Path) -> None:
    picture = keras.Input(batch_shape=(1, 3, 12, 10))
    x = layers.Conv2D(4, 3)(ops.transpose(picture, (0, 2, 3, 1)))
    network = keras.Model(picture, layers.Dense(2)(ops.mean(x, axis=(1, 2))))
    found = float_tflite(_write(tmp_path, tf.lite.TFLiteConverter.from_keras_model(network)))
    assert [t.shape for t in Engine(found.model).inputs] == [(1, 12, 10, 3)]
    assert list(flatbuffer.signature(found.model)[0]) == ["frame"]
    assert "TRANSPOSE" not in flatbuffer.cost(found.model).ops


def _quantised_weights(folder: Path) -> Path:
    converter = tf.lite.TFLiteConverter.from_keras_model(_network(width=32))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return _write(folder, converter)


def _two_inputs(folder: Path) -> Path:
    given = [keras.Input(batch_shape=(1, 8, 8, 3)) for _ in range(2)]
    return _write(folder, tf.lite.TFLiteConverter.from_keras_model(keras.Model(given, sum(given))))


def _no_picture(folder: Path) -> Path:
    network = keras.Sequential([keras.Input(batch_shape=(1, 9)), layers.Dense(2)])
    return _write(folder, tf.lite.TFLiteConverter.from_keras_model(network))


def _no_colours(folder: Path) -> Path:
    network = keras.Sequential([keras.Input(batch_shape=(1, 9, 9, 5)), layers.Conv2D(2, 3)])
    return _write(folder, tf.lite.TFLiteConverter.from_keras_model(network))


def _text(name: str):
    def write(folder: Path) -> Path:
        (folder / name).write_text("not a model")
        return folder / name

    return write


def _folder(folder: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_quantised_weights, "is quantised already"),
        (_two_inputs, "has 2 inputs"),
        (_no_picture, r"takes \[1, 9\]"),
        (_no_colours, "no axis of 1 or 3 channels"),
        (_text("model.tflite"), "is no TFLite flatbuffer"),
        (_text("model.pt"), r"is a pickle.*torch\.export\.save"),
        (_text("model.pth"), r"is a pickle.*torch\.export\.save"),
        (_text("model.h5"), r"neither a SavedModel folder nor one of .onnx, .pt2, .tflite"),
        (_folder, "neither a SavedModel folder nor one of"),
        (lambda folder: folder / "missing.onnx", "does not exist"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, write, said: str) -> None:
    with pytest.raises(ModelError, match=said) as refused:
        float_tflite(write(tmp_path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("suffix", "module", "extra"), [(".onnx", "onnx2tf", "onnx"), (".pt2", "litert_torch", "torch")]
)
def test_a_missing_library_is_named(tmp_path: Path, suffix: str, module: str, extra: str) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(ModelError, match=rf"needs {module}: pip install .*\[{extra}\]'"):
        float_tflite(_text(f"model{suffix}")(tmp_path))


def test_a_saved_model_with_any_batch(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    network = _network(None)
    network.export(tmp_path / "saved", verbose=False)
    found = float_tflite(tmp_path / "saved")
    assert found.origin == f"SavedModel through TensorFlow {tf.__version__}"
    assert " is a program, which TensorFlow now runs with your rights: " in capsys.readouterr().err
    assert flatbuffer.signature(found.model) == ({"window": 0}, {"kind": 0, "size": 1})
    _assert_same(found, network)
    assert len(split(found.model).features) == 1


def test_the_signatures_of_a_saved_model(tmp_path: Path) -> None:
    from edge_convert.sources.saved_model import convert

    module = tf.Module()
    shape = tf.TensorSpec((None, 8, 8, 1), tf.float32)
    any_height = tf.TensorSpec((1, None, 8, 1), tf.float32)
    module.mean = tf.function(lambda x: {"mean": tf.reduce_mean(x, (1, 2))}, [shape])
    module.tall = tf.function(lambda x: {"mean": tf.reduce_mean(x, (1, 2))}, [any_height])
    tf.saved_model.save(module, tmp_path, signatures={"of": module.mean, "tall": module.tall})

    def job(signature: str | None, request: InputRequest = InputRequest()) -> ConverterJob:
        return ConverterJob("saved_model", tmp_path, signature, request, tmp_path)

    assert convert(job("of")).reference.frames.shape == (3, 8, 8, 1)
    with pytest.raises(
        ModelError, match="has no signature 'serving_default', but of, tall"
    ) as said:
        convert(job(None))
    load, save = re.search("with model = (.*), then (.*)$", str(said.value)).groups()
    save = save.replace("'folder'", f"'{tmp_path}/one'")
    eval(save, {"tf": tf, "model": eval(load, {"tf": tf})})  # as the line says
    assert convert(replace(job(None), path=tmp_path / "one")).reference.frames.shape == (3, 8, 8, 1)
    with pytest.raises(ModelError, match="its height is open.*--size HxW"):
        convert(job("tall"))
    sized = convert(job("tall", InputRequest(size=(6, 8))))
    assert sized.reference.frames.shape == (3, 6, 8, 1)


def test_text_beside_numbers_is_left_out(tmp_path: Path) -> None:
    from edge_convert.sources.saved_model import convert

    module, labels = tf.Module(), tf.constant(["wave", "point", "none"])

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
    def both(frames):
        scores = tf.nn.softmax(tf.reduce_mean(frames, (1, 2)))
        return {"scores": scores, "label": tf.gather(labels, tf.argmax(scores, axis=-1))}

    module.both, module.text = (
        both,
        tf.function(lambda x: {"t": both(x)["label"]}, both.input_signature),
    )
    tf.saved_model.save(module, tmp_path / "both", signatures=module.both)
    output = convert(ConverterJob("saved_model", tmp_path / "both", None, InputRequest(), tmp_path))
    assert list(output.reference.answers) == ["scores"]
    assert output.notes == (
        "both gives text as label, which is left out: labels stand in a tasks file",
    )
    tf.saved_model.save(module, tmp_path / "text", signatures=module.text)
    with pytest.raises(ModelError, match="text answers text alone"):
        convert(ConverterJob("saved_model", tmp_path / "text", None, InputRequest(), tmp_path))


@pytest.mark.parametrize(
    ("shape", "last_first", "layout"),
    [
        ((1, 32, 32, 3), True, "HWC"),
        ((1, 3, 32, 32), True, "CHW"),
        ((1, 3, 3, 3), False, "CHW"),
        ((1, 8, 3, 32, 32), False, "TCHW"),
        ((1, 3, 8, 32, 32), False, "CTHW"),
        ((1, 8, 32, 32, 1), False, "THWC"),
        ((1, 3, 1, 32, 32), False, "TCHW"),
        ((1, 64, 64, 8, 3), True, "HWTC"),
        ((1, 3, 112, 112, 16), True, "CHWT"),
        ((1, 240, 320, 16, 3), True, "HWTC"),
        ((1, 32, 48, 48, 3), True, "THWC"),
        ((1, 16, 48, 64, 3), True, "THWC"),
        ((1, 16, 16, 16, 3), True, "THWC"),
        ((1, None, 64, 64, 3), True, "THWC"),
    ],
)
def test_where_time_and_channels_stand(shape, last_first: bool, layout: str) -> None:
    assert layout_of(shape, (1, 3), None, last_first=last_first) == layout


def test_another_answer_is_no_conversion() -> None:
    """The proof refuses other values, other names, and answers that are nowhere finite."""
    network = _network()
    model = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    frames = examples((WINDOW, SIZE, SIZE, 3))
    assert frames.shape == (3, WINDOW, SIZE, SIZE, 3)
    right = Reference.of(network, frames)
    right.check(model, "it")
    changes = {
        "'kind' is off by": {"kind": right.answers["kind"] * 1.01},
        "NaN or infinite in the network's own library": {"kind": right.answers["kind"] * np.nan},
        "changed its outputs": {"other": right.answers["kind"]},
    }
    for said, change in changes.items():
        with pytest.raises(ModelError, match=said):
            Reference(right.frames, {**right.answers, **change}).check(model, "it")
