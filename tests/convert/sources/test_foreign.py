"""Networks that are no Keras files, all the way into a bundle."""

import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers, ops

from edge.bundle import open_bundle
from edge.check.self_test import self_test
from edge_common import ModelError
from edge_convert.cli import main
from edge_convert.sources import float_tflite, keras_file
from edge_convert.sources.unread import advice
from tests import tiny

SHAPE = (tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3)


def _folded() -> keras.Model:
    """Frames folded into the batch, a mean over time, and logits at the end."""
    keras.utils.set_random_seed(9)
    window = keras.Input(batch_shape=(1, *SHAPE), name="window")
    x = ops.reshape(window, SHAPE)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(8, 3, 2, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 3, 2, activation="relu")(x))
    x = ops.mean(ops.reshape(x, (1, tiny.WINDOW, 12)), axis=1)
    return keras.Model(window, {"kind": layers.Dense(3, name="kind")(x)})


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> dict[str, Path]:
    """The same network as a float .tflite and as a SavedModel folder, with its tasks."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("foreign")
    model = _folded()
    (folder / "plain.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    model.export(folder / "saved", verbose=False)
    for name in ("plain", "saved"):
        card = '{"tasks": {"kind": {"kind": "classification", "labels": ["a", "b", "c"]}}}'
        (folder / f"{name}.tasks.json").write_text(card)
    return {"tflite": folder / "plain.tflite", "saved model": folder / "saved"}


@pytest.mark.parametrize("kind", ["tflite", "saved model"])
def test_a_foreign_network_is_cut_quantised_and_proved(
    cli: CliRunner, foreign: dict[str, Path], tiny_clips_path: Path, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / "x.edge"
    options = ["--encoder-precision", "int8", "--head-precision", "dynamic_range"]
    done = cli.invoke(
        main,
        [str(foreign[kind]), "-o", str(output), "--calibration", str(tiny_clips_path), *options],
    )
    assert done.exit_code == 0, done.output
    assert "probabilities are made of them" in done.stderr
    bundle = open_bundle(output)
    assert [(p.role, p.precision) for p in bundle.manifest.parts] == [
        ("encoder", "int8"),
        ("head", "dynamic_range"),
    ]
    assert [(t.name, t.labels) for t in bundle.manifest.tasks] == [("kind", ("a", "b", "c"))]
    assert np.allclose(bundle.golden["kind"].sum(axis=1), 1.0, atol=1e-3)
    assert self_test(bundle).exact


def test_it_can_be_explained(cli: CliRunner, foreign: dict[str, Path]) -> None:
    done = cli.invoke(main, [str(foreign["tflite"]), "--explain"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("cut behind") and "\n> " in done.stdout


def test_a_pickle_is_refused_in_one_line(cli: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"anything")
    done = cli.invoke(main, [str(tmp_path / "m.pt"), "--explain"])
    assert done.exit_code == 2
    assert "torch.export.save" in done.stderr


def _line(path: Path) -> str:
    """What is said of it instead of reading it."""
    with pytest.raises(ModelError) as refused:
        advice.refuse_unread(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("of", "name", "right"),
    [
        ("keras", "best.h5", "best.keras"),
        ("keras", "best.KERAS", "best.keras"),
        ("keras", "best", "best.keras"),
        ("tflite", "best.onnx", "best.tflite"),
        ("tflite", "best.bin", "best.tflite"),
    ],
)
def test_a_file_with_another_suffix_is_to_be_renamed(
    foreign: dict[str, Path], tmp_path: Path, of: str, name: str, right: str
) -> None:
    path = tmp_path / name
    if of == "keras":
        _folded().save(tmp_path / right)
        (tmp_path / right).rename(path)
    else:
        shutil.copy(foreign[of], path)
    assert _line(path).endswith(f"by its content: rename it to {right}")
    path.rename(tmp_path / right)
    advice.refuse_unread(tmp_path / right)


@pytest.mark.parametrize("name", ["best.keras", "best.model"])
def test_hdf5_with_another_suffix_is_to_be_renamed(tmp_path: Path, name: str) -> None:
    keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)]).save(tmp_path / "good.h5")
    path = (tmp_path / "good.h5").rename(tmp_path / name)
    with pytest.raises(
        ModelError, match=r"it is an \.h5 file by its content: rename it to best\.h5"
    ):
        keras_file.load_model(path)
    assert keras_file.load_model(path.rename(tmp_path / "best.h5")).count_params()


def test_a_saved_model_in_a_zip_or_a_folder_is_found(
    foreign: dict[str, Path], tmp_path: Path
) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "saved"), "zip", foreign["saved model"]))
    assert "zip of a SavedModel: unpack it, and give the folder" in _line(packed)
    shutil.unpack_archive(packed, tmp_path / "serving" / "1")
    assert _line(tmp_path / "serving").endswith(f"further inside: give {tmp_path}/serving/1")
    assert f"give the folder that it stands in, {tmp_path}/serving/1" in _line(
        tmp_path / "serving" / "1" / "saved_model.pb"
    )
    advice.refuse_unread(tmp_path / "serving" / "1")


def test_a_frozen_graph_becomes_a_tflite_as_the_line_says(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        frames = tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3), "frames")
        tf.identity(tf.reduce_mean(tf.nn.relu(frames - 1), (1, 2)), "answer")
    tf.io.write_graph(graph, str(tmp_path), "frozen.pb", as_text=False)
    step = re.search(r"with (tf\..*)$", _line(tmp_path / "frozen.pb"))
    code = str(step and step[1]).replace("INPUT", "frames").replace("OUTPUT", "answer")
    (tmp_path / "thawed.tflite").write_bytes(eval(code, {"tf": tf}))
    assert float_tflite(tmp_path / "thawed.tflite").input == "frame"


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_description_gets_its_weights_as_the_line_says(tmp_path: Path, library: str) -> None:
    module = pytest.importorskip(library)
    layers_of = [module.layers.Conv2D(4, 3), module.layers.GlobalAveragePooling2D()]
    model = module.Sequential([module.Input((8, 8, 3)), *layers_of])
    (tmp_path / "model.json").write_text(model.to_json())
    line = _line(tmp_path / "model.json")
    build, saved = re.search(r"model = (.*\)), model\.load.*save\('(.*)'\)", line).groups()
    eval(build, {library: module}).save(tmp_path / saved)
    advice.refuse_unread(tmp_path / saved)
    assert keras_file.load_model(tmp_path / saved).count_params() == model.count_params()


def test_a_checkpoint_is_told_by_any_of_its_files(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.train.Checkpoint(a=tf.Variable(1.0)).write(str(tmp_path / "cp-1"))
    names = ("cp-1", "cp-1.index", "cp-1.data-00000-of-00001", "")
    assert {_line(tmp_path / name).partition("model.load_weights")[2] for name in names} == {
        f"('{tmp_path}/cp-1') and model.save('model.h5')"
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        (b"\n<!DOCTYPE html><html></html>", "is a web page"),
        (b"\x1f\x8b\x08", "is an archive: unpack it"),
        (b"\x80\x04K\x01.", "is a pickle"),
    ],
)
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".onnx", ".pt2", ".tflite", ".bin"])
def test_what_is_no_network_is_told_by_its_content(
    tmp_path: Path, content: bytes, said: str, suffix: str
) -> None:
    (tmp_path / f"m{suffix}").write_bytes(content)
    assert said in _line(tmp_path / f"m{suffix}")


def test_networks_for_one_runtime_lead_back_to_what_they_were_made_of(tmp_path: Path) -> None:
    for name in ("m.mlmodel", "m.engine", "m.xml"):
        (tmp_path / name).write_bytes(b"\x08\x05\x12\x10")
        assert "from which nothing leads back: give the network" in _line(tmp_path / name)


def test_files_of_pytorch_say_the_step_that_works(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model, example = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2)), torch.ones
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    torch.save(model, tmp_path / "module.pt")
    torch.jit.trace(model, example(1, 3, 8, 8)).save(tmp_path / "script.pt")
    lines = {path.stem: _line(path) for path in tmp_path.iterdir()}
    assert "weights without their network: build that in PyTorch" in lines["weights"]
    assert "pickled module" in lines["module"] and "weights_only=False" in lines["module"]
    assert "TorchScript: make an .onnx of it" in lines["script"]
    pytest.importorskip("onnxruntime")
    step = lines["script"].partition(" of it with ")[2].replace("model.onnx", f"{tmp_path}/m.onnx")
    eval(step, {"torch": torch, "example": example(1, 3, 8, 8)})
    advice.refuse_unread(tmp_path / "m.onnx")
    shutil.copy(tmp_path / "m.onnx", tmp_path / "m.pb")
    assert _line(tmp_path / "m.pb").endswith("rename it to m.onnx")


def test_what_keras_has_quantised_or_runs_from_elsewhere_is_told(tmp_path: Path) -> None:
    window = keras.Input((4, 16, 16, 3))
    answer = layers.Dense(3)(layers.Flatten()(window))
    network = keras.Model(window, answer)
    network.export(tmp_path / "inner")
    layer = layers.TFSMLayer(str(tmp_path / "inner"), call_endpoint="serve")
    keras.Model(window, layer(window)).save(tmp_path / "outer.keras")
    with pytest.raises(ModelError, match="holds a TFSMLayer.*--custom - takes it"):
        keras_file.load_model(tmp_path / "outer.keras")
    network.quantize("int8")
    network.save(tmp_path / "quantised.keras")
    with pytest.raises(ModelError, match="was quantised by Keras .*give the float network"):
        keras_file.load_model(tmp_path / "quantised.keras")
