"""Networks that hold the user's own Python, which is run only if the user says so."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from edge.bundle import open_bundle
from edge_common import ModelError
from edge_convert.cli import main
from edge_convert.inputs import InputRequest
from edge_convert.request import ConversionRequest
from edge_convert.sources import custom_keras, keras_file, libraries, model_file, network_file

OWN = """
import keras
from keras import layers, ops

def swish_of_mine(x):
    return x * ops.sigmoid(x)

class Scaled(layers.Layer):
    def __init__(self, gain, **options):
        super().__init__(**options)
        self.gain = gain
    def call(self, x):
        return x * self.gain
    def get_config(self):
        return {**super().get_config(), "gain": self.gain}

class Silent(layers.Layer):
    def __init__(self, gain, **options):
        super().__init__(**options)
        self.gain = gain
    def call(self, x):
        return x * self.gain

class Mine(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.maps = layers.TimeDistributed(layers.Conv2D(4, 3, 2, activation=swish_of_mine))
        self.mean = layers.TimeDistributed(layers.GlobalAveragePooling2D())
        self.over_time, self.kind = layers.GRU(6, dropout=0.2), layers.Dense(3, activation="softmax")
    def call(self, x):
        return self.kind(self.over_time(self.mean(self.maps(x / 255))))

def make():
    model = Mine()
    model(keras.Input((4, 32, 32, 3)))
    return model

def unbuilt():
    return Mine()

def number():
    return 7

def silent():
    window = keras.Input((4, 32, 32, 3))
    x = layers.TimeDistributed(layers.Conv2D(4, 3, 2))(Silent(0.01)(window))
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    cell = layers.LSTM(5, recurrent_dropout=0.2)
    return keras.Model(window, layers.Dense(3, activation="softmax")(cell(x)))

def twice():
    # one backbone over the frames, and over their differences
    pictures = [keras.Input((32, 32, 3)), layers.Conv2D(3, 3, 2), layers.GlobalAveragePooling2D()]
    backbone, window = keras.Sequential(pictures), keras.Input((4, 32, 32, 3))
    seen = layers.TimeDistributed(backbone)(window)
    moved = layers.TimeDistributed(backbone)(window[:, 1:] - window[:, :-1])
    x = layers.Concatenate()([layers.LSTM(3)(seen), layers.LSTM(3)(moved)])
    return keras.Model(window, layers.Dense(3, activation="softmax")(x))

def failing():
    return keras.layers.Nonsense()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's file, forgotten again behind the test."""
    path = tmp_path / "layers_of_mine.py"
    path.write_text(OWN)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return path


def _module(path: Path) -> dict:
    content: dict = {"__name__": path.stem}
    exec(compile(OWN, str(path), "exec"), content)
    return content


def _over_time(layer) -> keras.Model:
    keras.utils.set_random_seed(1)
    window = keras.Input((4, 32, 32, 3))
    x = keras.layers.TimeDistributed(keras.layers.Conv2D(4, 3, 2))(layer(window))
    x = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(x)
    return keras.Model(window, keras.layers.Dense(3, activation="softmax")(keras.layers.LSTM(5)(x)))


def _saved(kind: str, own: Path) -> tuple[Path, str]:
    """A file of the kind, and what --custom says of it."""
    code = _module(own)
    if kind == "Lambda":
        path = own.with_name("lambda.keras")
        _over_time(keras.layers.Lambda(lambda x: tf.abs(x) / 255)).save(path)
        return path, "-"
    if kind == "own layer":
        path = own.with_name("own.keras")
        _over_time(code["Scaled"](0.01)).save(path)
        return path, str(own)
    factory = "silent" if kind == "no get_config" else "make"
    suffix = ".keras" if kind == "whole subclassed" else ".weights.h5"
    path = own.with_name(f"mine{suffix}")
    keras.utils.set_random_seed(2)
    model = code[factory]()
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    return path, str(own) if suffix == ".keras" else f"{own}:{factory}"


def _job(path: Path, custom: str) -> libraries.ConverterJob:
    return libraries.ConverterJob("custom_keras", path, custom, InputRequest(), path.parent)


@pytest.mark.parametrize(
    "kind", ["Lambda", "own layer", "whole subclassed", "weights alone", "no get_config"]
)
def test_what_holds_own_code_becomes_a_cut_network(kind: str, own: Path) -> None:
    path, custom = _saved(kind, own)
    output = custom_keras.convert(_job(path, custom))
    assert list(output.reference.answers) == ["answer"]
    model = libraries.form.standard_form(output.model, path.name, kind=output.kind)
    output.reference.check(model, path.name)
    file = network_file.NetworkFile.of(path.name, libraries.FloatModel(model, output.origin))
    assert (file.window, file.size) == (4, (32, 32, 3))
    assert file.explanation().startswith("cut behind")


def test_a_layer_that_two_others_hold_needs_its_function(own: Path) -> None:
    """Keras reads it back as two, one without weights; the function that builds it knows better."""
    path = own.with_name("twice.keras")
    keras.utils.set_random_seed(2)
    _module(own)["twice"]().save(path)
    with pytest.raises(
        ModelError, match=r"a layer that two others hold.*--custom my.py:make_model"
    ):
        keras_file.load_model(path)
    output = custom_keras.convert(_job(path, f"{own}:twice"))
    model = libraries.form.standard_form(output.model, path.name, kind=output.kind)
    output.reference.check(model, path.name)


def test_nothing_of_it_runs_unless_it_is_said(own: Path, tmp_path: Path, cli: CliRunner) -> None:
    for kind, advice in (("Lambda", "--custom -"), ("own layer", "--custom my_layers.py")):
        path, _ = _saved(kind, own)
        done = cli.invoke(main, [str(path), "--explain"])
        assert done.exit_code == 2 and advice in done.stderr


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        ("import nothing_of_that_name", "make", "does not import: ModuleNotFoundError: No module"),
        ("def make(:", "make", "does not import: SyntaxError"),
        (OWN, "mak", "no function 'mak'; did you mean 'make'"),
        (OWN, "number", "gives a int, which is no keras.Model"),
        (OWN, "unbuilt", "whose input nobody knows: let it call the network on keras.Input"),
        (OWN, "failing", "failing.. does not build a network: AttributeError"),
        (OWN, "silent", "does not fit what silent.. builds: ValueError"),
        (OWN, "", "weights alone, or of a layer without get_config, name a function"),
    ],
)
def test_code_that_does_not_do_is_told_in_one_line(
    own: Path, text: str, function: str, message: str
) -> None:
    path, _ = _saved("weights alone", own)
    own.write_text(text)
    custom = f"{own}:{function}" if function else str(own)
    with pytest.raises(ModelError, match=message) as caught:
        custom_keras.convert(_job(path, custom))
    assert "\n" not in str(caught.value)


def test_of_a_layer_that_does_not_load_the_innermost_error_is_told(own: Path) -> None:
    path, _ = _saved("own layer", own)
    own.write_text(OWN.replace("def __init__(self, gain, **options)", "def __init__(self, gain)"))
    with pytest.raises(ModelError, match="Scaled.__init__.. got an unexpected keyword argument"):
        custom_keras.convert(_job(path, str(own)))


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        ("nowhere.py", "there is no Python file 'nowhere.py'"),
        ("-:make", "names no function"),
    ],
)
def test_a_file_that_is_none_is_a_usage_error(cli: CliRunner, custom: str, message: str) -> None:
    done = cli.invoke(main, ["x.keras", "--explain", "--custom", custom])
    assert done.exit_code == 2 and message in done.stderr


def test_own_code_is_for_keras_alone(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    request = ConversionRequest(tmp_path / "m.onnx", tmp_path / "m.edge", tmp_path, custom="-")
    with pytest.raises(ModelError, match="is for files of Keras"):
        model_file.read_requested(request)


def test_weights_and_a_function_become_a_bundle(
    own: Path, tmp_path: Path, tiny_clips_path: Path, cli: CliRunner
) -> None:
    path, custom = _saved("weights alone", own)
    output = tmp_path / "mine.edge"
    usual = ["--encoder-precision", "int8", "--head-precision", "dynamic_range", "--no-gate"]
    arguments = [str(path), "-o", str(output), "--calibration", str(tiny_clips_path)]
    done = cli.invoke(main, [*arguments, *usual, "--custom", custom])
    assert done.exit_code == 0, done.output
    assert f"{own} is Python code, which now runs with your rights" in done.stderr
    bundle = open_bundle(output)
    assert [part.role for part in bundle.manifest.parts] == ["encoder", "head"]
    assert np.allclose(bundle.golden["answer"].sum(1), 1, atol=1e-3)
